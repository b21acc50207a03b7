package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * The OpenMP runtime that oneDNN runs its loops on. A build of oneDNN with another runtime has none; then nothing can
 * be set.
 */
public final class OpenMp {
    private static final MethodHandle SET_THREADS = handle("omp_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
    private static final MethodHandle MAX_THREADS = handle("omp_get_max_threads", FunctionDescriptor.of(JAVA_INT));

    private static final MethodHandle SET_DYNAMIC = handle("omp_set_dynamic", FunctionDescriptor.ofVoid(JAVA_INT));
    private static final MethodHandle THREAD_LIMIT = handle("omp_get_thread_limit", FunctionDescriptor.of(JAVA_INT));

    private OpenMp() {}

    @SuppressWarnings("restricted") // functions of the OpenMP standard and of its implementations
    static MethodHandle handle(String function, FunctionDescriptor type, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return OneDnn.symbols()
                .or(platformRuntime())
                .find(function)
                .map(address -> linker.downcallHandle(address, type, options))
                .orElse(null);
    }

    /** A function that looks up a number, which takes less time than leaving Java properly for it would. */
    static MethodHandle query(String function) {
        return handle(function, FunctionDescriptor.of(JAVA_INT), Linker.Option.critical(false));
    }

    /** Microsoft's runtime: on Windows a library does not show the symbols of those that it depends on. */
    @SuppressWarnings("restricted") // oneDNN has loaded it already
    private static SymbolLookup platformRuntime() {
        if (NativePlatform.current().openMp() != null) return SymbolLookup.loaderLookup();
        try {
            return SymbolLookup.libraryLookup("vcomp140.dll", Arena.global());
        } catch (IllegalArgumentException _) {
            return SymbolLookup.loaderLookup();
        }
    }

    /** Whether the number of threads can be set. */
    public static boolean isAvailable() {
        return SET_THREADS != null && MAX_THREADS != null;
    }

    /**
     * Sets how many threads primitives use that are created or run from the calling thread: OpenMP keeps the number for
     * each thread separately. It is cheap enough to be called before every run, and must be the same for a primitive's
     * creation and its runs. Does nothing without OpenMP.
     *
     * <p>Also forbids OpenMP to hand out fewer ({@code OMP_DYNAMIC}): kernels wait for each other at barriers of their own, and
     * for a thread that is not there they would wait for ever.
     *
     * @param threads at least 1, at most {@link #threadLimit}
     */
    public static void setThreads(int threads) {
        if (threads < 1) throw new IllegalArgumentException(threads + " threads; at least 1 is needed");
        if (SET_THREADS == null) return;
        try {
            SET_THREADS.invokeExact(threads);
            if (SET_DYNAMIC != null) SET_DYNAMIC.invokeExact(0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** How many threads OpenMP gives out at most ({@code OMP_THREAD_LIMIT}). */
    public static int threadLimit() {
        if (THREAD_LIMIT == null) return Integer.MAX_VALUE;
        try {
            return (int) THREAD_LIMIT.invokeExact();
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /**
     * How many threads primitives use that are run from the calling thread; the number of processors without OpenMP.
     */
    public static int maxThreads() {
        if (MAX_THREADS == null) return Runtime.getRuntime().availableProcessors();
        try {
            return (int) MAX_THREADS.invokeExact();
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static AssertionError unexpected(Throwable e) {
        return new AssertionError("C functions throw nothing", e);
    }
}
