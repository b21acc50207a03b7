package dev.ondine.train;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ondine.backend.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * The updates in C ({@code native/src/ondine_kernels.c}), on the OpenMP team that oneDNN runs on: a Java pool beside it would
 * take its cores away.
 */
final class NativeUpdateKernels extends UpdateKernels {

    /** {@code ONDINE_KERNELS_VERSION} of the header that the handles below were written from. */
    private static final int VERSION = 2;

    private static final FunctionDescriptor SGD = FunctionDescriptor.ofVoid(
            ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, JAVA_FLOAT, JAVA_INT, JAVA_INT, JAVA_INT);

    private static final FunctionDescriptor ADAM = FunctionDescriptor.ofVoid(
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            JAVA_FLOAT,
            JAVA_FLOAT,
            JAVA_FLOAT,
            JAVA_FLOAT,
            JAVA_FLOAT,
            JAVA_INT);

    private static final FunctionDescriptor RMSPROP = FunctionDescriptor.ofVoid(
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            JAVA_FLOAT,
            JAVA_FLOAT,
            JAVA_FLOAT,
            JAVA_FLOAT,
            JAVA_INT);

    private final Path library;
    private final String built;
    private final MethodHandle sgd;
    private final MethodHandle adam;
    private final MethodHandle rmsProp;

    private NativeUpdateKernels(Path library, String built, MethodHandle sgd, MethodHandle adam, MethodHandle rmsProp) {
        this.library = library;
        this.built = built;
        this.sgd = sgd;
        this.adam = adam;
        this.rmsProp = rmsProp;
    }

    /**
     * Loads the library for the life of the process.
     *
     * @throws IllegalStateException if it cannot be opened, is not Ondine's or is of another version; says which and what to do
     */
    @SuppressWarnings("restricted") // Calling C is what this class is for.
    static NativeUpdateKernels load(Path library) {
        try {
            SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
            Linker linker = Linker.nativeLinker();
            int version = (int) linker.downcallHandle(
                            symbols.findOrThrow("ondine_kernels_version"), FunctionDescriptor.of(JAVA_INT))
                    .invokeExact();
            if (version != VERSION) {
                throw new IllegalStateException(library + " has kernels of version " + version + ", but version "
                        + VERSION + " is needed: build it again with build-native.sh");
            }
            MemorySegment text = (MemorySegment) linker.downcallHandle(
                            symbols.findOrThrow("ondine_kernels_description"), FunctionDescriptor.of(ADDRESS))
                    .invokeExact();
            return new NativeUpdateKernels(
                    library,
                    text.reinterpret(Long.MAX_VALUE).getString(0),
                    linker.downcallHandle(symbols.findOrThrow("ondine_sgd"), SGD),
                    linker.downcallHandle(symbols.findOrThrow("ondine_adam"), ADAM),
                    linker.downcallHandle(symbols.findOrThrow("ondine_rmsprop"), RMSPROP));
        } catch (IllegalArgumentException e) {
            throw new IllegalStateException(
                    library
                            + " cannot be loaded (absent, cut off, for another platform, or without its OpenMP"
                            + " runtime): build it with build-native.sh",
                    e);
        } catch (NoSuchElementException e) {
            throw new IllegalStateException(
                    library + " is not a library of Ondine's (" + e.getMessage() + "): build it with build-native.sh",
                    e);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public String describe() {
        return library + " (" + built + ")";
    }

    @Override
    public Optional<Path> library() {
        return Optional.of(library);
    }

    @Override
    void runSgd(
            MemorySegment w,
            MemorySegment g,
            MemorySegment v,
            Ranges ranges,
            float momentum,
            boolean nesterov,
            boolean first,
            Team team) {
        try {
            sgd.invokeExact(
                    w, g, v, ranges.table(), ranges.count(), momentum, nesterov ? 1 : 0, first ? 1 : 0, team.size());
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    void runAdam(
            MemorySegment w,
            MemorySegment g,
            MemorySegment m,
            MemorySegment v,
            Ranges ranges,
            float blend1,
            float beta2,
            float blend2,
            float epsilon,
            float rootBias2,
            Team team) {
        try {
            adam.invokeExact(
                    w, g, m, v, ranges.table(), ranges.count(), blend1, beta2, blend2, epsilon, rootBias2, team.size());
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    void runRmsProp(
            MemorySegment w,
            MemorySegment g,
            MemorySegment s,
            MemorySegment mean,
            MemorySegment v,
            Ranges ranges,
            float alpha,
            float blend,
            float epsilon,
            float momentum,
            Team team) {
        try {
            rmsProp.invokeExact(
                    w, g, s, mean, v, ranges.table(), ranges.count(), alpha, blend, epsilon, momentum, team.size());
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** A handle declares Throwable; what really comes (a closed block, say) is unchecked and passes as it is. */
    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof RuntimeException known) {
            return known;
        }
        if (e instanceof Error error) {
            throw error;
        }
        throw new AssertionError(e);
    }
}
