package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ondine.onednn.api.OwnLibrary;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.Function;

/**
 * What {@code native/} has for a plan where oneDNN is slower; on the OpenMP team that oneDNN runs on.
 *
 * @param batchNorm batch normalization of training
 * @param convolution the gradient of a convolution's weights
 * @param residual where two gradients meet behind the ReLU of a residual block
 */
record OwnKernels(NativeBatchNorm batchNorm, NativeConvolution convolution, NativeResidual residual) {
    private static final System.Logger LOG = System.getLogger(OwnKernels.class.getName());

    private static Optional<OwnKernels> best;

    /**
     * Those of the library that is there, looked for at the first call; call it after oneDNN is loaded.
     *
     * @throws IllegalStateException if the library that {@code -Dondine.native.path} names cannot be used
     */
    static synchronized Optional<OwnKernels> best() {
        if (best == null) best = choose(OwnLibrary.property(), OwnLibrary.candidates());
        return best;
    }

    /** Which a kernel is, as oneDNN names its own. */
    static String implementation(DataType type) {
        return type == DataType.BFLOAT16 ? "ondine:avx512_bf16" : "ondine:avx512";
    }

    /** What {@link #best} decides, given the property and the files to look for in order. */
    static Optional<OwnKernels> choose(Optional<String> property, List<Path> candidates) {
        if (property.isPresent()) {
            return property.get().equals("none") ? Optional.empty() : Optional.of(load(Path.of(property.get())));
        }
        for (Path candidate : candidates) {
            if (!Files.isRegularFile(candidate)) continue;
            try {
                return Optional.of(load(candidate));
            } catch (IllegalStateException e) {
                LOG.log(System.Logger.Level.WARNING, "Ondine's own kernels are left out: " + e.getMessage());
                return Optional.empty();
            }
        }
        return Optional.empty();
    }

    private static OwnKernels load(Path library) {
        Symbols symbols = new Symbols(library);
        return new OwnKernels(
                new NativeBatchNorm(symbols), new NativeConvolution(symbols), new NativeResidual(symbols));
    }

    /** The functions of a library, which stays loaded for the life of the process. */
    static final class Symbols {
        private final Path library;
        private final SymbolLookup lookup;

        @SuppressWarnings("restricted") // Calling C is what this class is for.
        private Symbols(Path library) {
            this.library = library;
            try {
                this.lookup = SymbolLookup.libraryLookup(library, Arena.global());
            } catch (IllegalArgumentException e) {
                throw new IllegalStateException(library + " cannot be loaded: build it with build-native.sh", e);
            }
        }

        /** @throws IllegalStateException if the library has no such function */
        @SuppressWarnings("restricted")
        MethodHandle find(String name, FunctionDescriptor type) {
            try {
                return Linker.nativeLinker().downcallHandle(lookup.findOrThrow(name), type);
            } catch (NoSuchElementException e) {
                throw new IllegalStateException(
                        library + " has no " + name + ": build it again with build-native.sh", e);
            }
        }

        /** A kernel, {@code void f(const struct *)}: what makes a step of the struct's memory. */
        Function<MemorySegment, Step> kernel(String name) {
            MethodHandle function = find(name, FunctionDescriptor.ofVoid(ADDRESS));
            MemorySegment address = lookup.findOrThrow(name);
            return arguments -> new OwnStep(address, function, arguments);
        }

        /** @throws IllegalStateException unless the function {@code name} gives this number */
        void requireVersion(String name, int version) {
            int found;
            try {
                found = (int) find(name, FunctionDescriptor.of(JAVA_INT)).invokeExact();
            } catch (Throwable e) {
                throw unexpected(e);
            }
            if (found != version) {
                throw new IllegalStateException(library + ": " + name + " is " + found + ", but " + version
                        + " is needed: build it again with build-native.sh");
            }
        }
    }

    /** A handle declares Throwable; what really comes is unchecked and passes as it is. */
    static RuntimeException unexpected(Throwable e) {
        if (e instanceof RuntimeException known) return known;
        if (e instanceof Error error) throw error;
        throw new AssertionError(e);
    }
}
