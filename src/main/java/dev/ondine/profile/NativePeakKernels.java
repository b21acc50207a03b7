package dev.ondine.profile;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OneDnnUnavailableException;
import dev.ondine.train.UpdateKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;

/** The loops in C ({@code native/src/ondine_peak.c}), on the OpenMP team. */
final class NativePeakKernels implements PeakKernels {
    private static final System.Logger LOG = System.getLogger(NativePeakKernels.class.getName());

    /** {@code ONDINE_PEAK_VERSION} of the header that the handles below were written from. */
    private static final int VERSION = 1;

    /** {@code ONDINE_PEAK_BF16_AVX512}. */
    private static final int BF16_AVX512 = 3;

    private final Path library;
    private final MethodHandle instructions;
    private final MethodHandle flops;
    private final MethodHandle bandwidth;
    private final MethodHandle clock;

    @SuppressWarnings("restricted") // Calling C is what this class is for.
    private NativePeakKernels(Path library) {
        this.library = library;
        try {
            Linker linker = Linker.nativeLinker();
            SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
            MethodHandle version =
                    linker.downcallHandle(symbols.findOrThrow("ondine_peak_version"), FunctionDescriptor.of(JAVA_INT));
            int found = (int) version.invokeExact();
            if (found != VERSION) {
                throw new IllegalStateException("its version of these is " + found + " instead of " + VERSION);
            }
            this.instructions = linker.downcallHandle(
                    symbols.findOrThrow("ondine_peak_instructions"), FunctionDescriptor.of(ADDRESS, JAVA_INT));
            this.flops = linker.downcallHandle(
                    symbols.findOrThrow("ondine_peak_flops"),
                    FunctionDescriptor.of(JAVA_DOUBLE, JAVA_INT, JAVA_DOUBLE, JAVA_INT));
            this.bandwidth = linker.downcallHandle(
                    symbols.findOrThrow("ondine_peak_bandwidth"),
                    FunctionDescriptor.of(JAVA_DOUBLE, JAVA_INT, JAVA_LONG, JAVA_DOUBLE, JAVA_INT));
            this.clock = linker.downcallHandle(
                    symbols.findOrThrow("ondine_peak_clock"), FunctionDescriptor.of(JAVA_DOUBLE, JAVA_DOUBLE));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Those of the library that the optimizers' kernels come from; nothing, after a warning if it is too old, if there is none. */
    static Optional<NativePeakKernels> find() {
        try {
            // Before the library, which would else bring another OpenMP runtime with it than oneDNN's own.
            OneDnn.load();
        } catch (OneDnnUnavailableException _) {
            // Then there is only one.
        }
        Optional<Path> library = UpdateKernels.best().library();
        if (library.isEmpty()) return Optional.empty();
        try {
            return Optional.of(new NativePeakKernels(library.get()));
        } catch (IllegalStateException | NoSuchElementException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the machine's peak is measured in Java: " + library.get() + " cannot do it (" + e.getMessage()
                            + "): build it again with build-native.sh");
            return Optional.empty();
        }
    }

    @Override
    public String describe() {
        return library.toString();
    }

    @Override
    public String key() {
        return "native" + VERSION;
    }

    @Override
    public List<Rate> arithmetic(double seconds, int threads) {
        List<Rate> rates = new ArrayList<>();
        try {
            for (int kind = 0; ; kind++) {
                MemorySegment name = (MemorySegment) instructions.invokeExact(kind);
                if (name.address() == 0) return rates;
                double rate = (double) flops.invokeExact(kind, seconds, threads);
                if (rate > 0) rates.add(new Rate(string(name), kind == BF16_AVX512, rate));
            }
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @SuppressWarnings("restricted") // a constant of the library's
    private static String string(MemorySegment text) {
        return text.reinterpret(Long.MAX_VALUE).getString(0);
    }

    @Override
    public Optional<Double> bandwidth(Traffic traffic, long bytes, double seconds, int threads) {
        int kind = switch (traffic) {
            case READ -> 0;
            case COPY -> 1;
            case STREAM -> 2;
        };
        try {
            double rate = (double) bandwidth.invokeExact(kind, bytes, seconds, threads);
            if (rate < 0) throw new OutOfMemoryError("no " + (bytes >> 20) + " MB of native memory to measure with");
            return rate == 0 ? Optional.empty() : Optional.of(rate);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public Optional<Double> clock(double seconds) {
        try {
            double rate = (double) clock.invokeExact(seconds);
            return rate == 0 ? Optional.empty() : Optional.of(rate);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** A handle declares Throwable; C throws nothing. */
    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof RuntimeException known) return known;
        if (e instanceof Error error) throw error;
        throw new AssertionError(e);
    }
}
