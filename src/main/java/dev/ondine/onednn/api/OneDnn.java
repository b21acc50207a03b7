package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.ondine.onednn.api.LibraryLocation.Source;
import dev.ondine.onednn.ffi.dnnl_h;
import dev.ondine.onednn.ffi.dnnl_version_t;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;

/** The library itself: loaded once for the process, and what it says about itself and the processor. */
public final class OneDnn {
    /** The oldest version that has every function used here. */
    private static final int OLDEST_MAJOR = 3;

    private static final int OLDEST_MINOR = 4;

    private record Loaded(LibraryLocation location, OneDnnVersion version, SymbolLookup symbols) {}

    private static volatile Loaded loaded;
    private static String failure;

    private OneDnn() {}

    /**
     * Loads oneDNN unless it is loaded: the build that {@code -Dondine.dnnl.path} or {@code ONDINE_DNNL_PATH} names (a
     * file or its folder), else that of the native artifact on the class path, extracted once into the cache folder
     * ({@code -Dondine.cache}, {@code ONDINE_CACHE}, else the user's). From any thread; a failure is final.
     *
     * @throws OneDnnUnavailableException if there is none, or not one that can be used; says what to do
     */
    public static void load() {
        if (loaded == null) loadOnce();
    }

    private static synchronized void loadOnce() {
        if (loaded != null) return;
        if (failure != null) throw new OneDnnUnavailableException(failure);
        try {
            loaded = find();
        } catch (OneDnnUnavailableException e) {
            failure = e.getMessage();
            throw e;
        }
    }

    private static Loaded find() {
        NativePlatform platform = NativePlatform.current();
        LibraryLocation location = LibraryOverride.find(
                        System.getProperty("ondine.dnnl.path"), System.getenv(), platform)
                .orElseGet(() ->
                        new LibraryCache(platform, OneDnn.class.getClassLoader()).locate(LibraryCache.defaultFolder()));
        if (location.source() != Source.OVERRIDE && platform.openMp() != null) {
            // Before oneDNN, which names it only by its short name and would take another from the library path.
            Path openMp = location.path().resolveSibling(platform.openMp().name());
            OpenMpWait.loadWithShortWait(System.getenv(), () -> open(openMp, location));
        }
        open(location.path(), location);
        SymbolLookup symbols = symbols(location.path());
        if (symbols.find("dnnl_version").isEmpty()) {
            throw new OneDnnUnavailableException(location
                    + " is not oneDNN: it has no dnnl_version; name the library libdnnl, or unset the setting");
        }
        OneDnnVersion version = readVersion();
        checkVersion(version, location);
        return new Loaded(location, version, symbols);
    }

    static void checkVersion(OneDnnVersion version, LibraryLocation location) {
        if (version.major() != OLDEST_MAJOR || !version.isAtLeast(OLDEST_MAJOR, OLDEST_MINOR)) {
            throw new OneDnnUnavailableException(location + " is oneDNN " + version + "; version " + OLDEST_MAJOR + "."
                    + OLDEST_MINOR + " or a later " + OLDEST_MAJOR
                    + ".x is needed. Name such a build, or unset the setting to use the artifact's");
        }
    }

    @SuppressWarnings("restricted") // the artifact's library is checksummed; another was named by the user
    private static void open(Path library, LibraryLocation location) {
        try {
            System.load(library.toString());
        } catch (UnsatisfiedLinkError e) {
            String cure = location.source() == Source.OVERRIDE
                    ? "name a library for this platform, with what it depends on, or unset the setting to use the"
                            + " artifact's"
                    : "if the folder is mounted without permission to execute, name another with -Dondine.cache=DIR;"
                            + " on Windows install the Visual C++ runtime";
            throw new OneDnnUnavailableException("cannot load " + library + ": " + e.getMessage() + "; " + cure, e);
        }
    }

    /** Finds symbols in the library and in what it depends on: the OpenMP runtime that it is really bound to. */
    @SuppressWarnings("restricted") // the library is loaded already
    private static SymbolLookup symbols(Path library) {
        return SymbolLookup.libraryLookup(library, Arena.global());
    }

    private static OneDnnVersion readVersion() {
        MemorySegment version = Pointers.sized(dnnl_h.dnnl_version(), dnnl_version_t.sizeof());
        MemorySegment hash = version.get(ADDRESS, dnnl_version_t.hash$offset());
        return new OneDnnVersion(
                dnnl_version_t.major(version),
                dnnl_version_t.minor(version),
                dnnl_version_t.patch(version),
                hash.address() == 0 ? "N/A" : Pointers.string(hash));
    }

    /** The version of the library that is loaded. Loads it if need be. */
    public static OneDnnVersion version() {
        load();
        return loaded.version;
    }

    /** Where the library was loaded from. Loads it if need be. */
    public static LibraryLocation location() {
        load();
        return loaded.location;
    }

    /** The folder that libraries and measurements are kept in: {@code -Dondine.cache}, {@code ONDINE_CACHE}, else the user's. */
    public static Path cacheFolder() {
        return LibraryCache.defaultFolder();
    }

    static SymbolLookup symbols() {
        load();
        return loaded.symbols;
    }

    /** The richest instruction set that oneDNN uses: the processor's, unless limited. Loads the library if need be. */
    public static CpuIsa effectiveIsa() {
        load();
        return CpuIsa.of(dnnl_h.dnnl_get_effective_cpu_isa());
    }

    /**
     * Whether the processor multiplies bfloat16 natively (AVX512_BF16 or AMX); without it bfloat16 is slower than
     * float32.
     */
    public static boolean supportsBfloat16() {
        return effectiveIsa().isAtLeast(CpuIsa.AVX512_CORE_BF16);
    }

    /**
     * Limits the instruction set, to try what a lesser processor would do.
     *
     * @throws OneDnnException if a primitive or the instruction set was already asked for
     */
    public static void limitIsa(CpuIsa isa) {
        load();
        OneDnnException.check(
                dnnl_h.dnnl_set_max_cpu_isa(isa.code()),
                "limiting the instruction set to " + isa + ", which must come first");
    }

    /** How many compiled primitives oneDNN keeps to give out again; 1024 at first. */
    public static void primitiveCacheCapacity(int primitives) {
        load();
        OneDnnException.check(
                dnnl_h.dnnl_set_primitive_cache_capacity(primitives), "setting the cache capacity to " + primitives);
    }

    /**
     * Makes oneDNN print what it does to standard output.
     *
     * @param level 0: nothing; 1: executions; 2: creations too
     */
    public static void verbose(int level) {
        load();
        OneDnnException.check(dnnl_h.dnnl_set_verbose(level), "setting the verbosity to " + level);
    }
}
