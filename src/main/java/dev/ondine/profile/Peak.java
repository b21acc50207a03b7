package dev.ondine.profile;

import dev.ondine.onednn.api.OneDnn;
import dev.ondine.profile.PeakKernels.Rate;
import dev.ondine.profile.PeakKernels.Traffic;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/**
 * The most that the machine can do with a number of threads, as measured: the roofline (Williams, Waterman and Patterson 2009) under
 * which every operation stays.
 *
 * @param kernels what measured it
 * @param clock cycles a second of one core while measuring; empty if that is not known
 * @param float32 multiply-adds of float32
 * @param bfloat16 of bfloat16 into float32; empty where the processor has no instructions for it. AMX is not measured
 * @param levels how fast memory is, by the size of what is moved, smallest first; the last lies in main memory
 */
public record Peak(
        String processor,
        int threads,
        String kernels,
        OptionalDouble clock,
        Arithmetic float32,
        Optional<Arithmetic> bfloat16,
        List<Level> levels) {

    /**
     * A rate of arithmetic.
     *
     * @param instructions that reach it
     * @param flops floating-point operations a second, a multiply-add counted as two
     */
    public record Arithmetic(String instructions, double flops) {}

    /**
     * Memory in one size of working set.
     *
     * @param bytes of the working set, of all threads together
     * @param read bytes a second, only read
     * @param copy bytes a second, read ones and written ones both counted
     * @param stream the same with stores that pass the caches by; empty if there are none
     */
    public record Level(long bytes, double read, double copy, OptionalDouble stream) {
        /** The highest of the rates. */
        public double best() {
            return Math.max(Math.max(read, copy), stream.orElse(0));
        }
    }

    /** Seconds for each of the measurements: some dozens of rounds, of which one undisturbed will do. */
    private static final double SECONDS = 0.12;

    /** Arithmetic is what most is held against, and there are only a few kinds of it. */
    private static final double ARITHMETIC_FACTOR = 3;

    private static final long MIB = 1 << 20;

    /** If the system does not say how large the caches are. */
    private static final long USUAL_CACHE = 32 * MIB;

    /** Main memory is measured with at least so much. */
    private static final long MEMORY = 512 * MIB;

    public Peak {
        levels = List.copyOf(levels);
    }

    /**
     * Measures, which takes about three seconds during which nothing else should run, and keeps the result in the cache folder.
     *
     * @param threads at least 1; more than there are processors measure how they get in one another's way
     */
    public static Peak measure(int threads) {
        PeakKernels kernels = PeakKernels.best();
        Peak peak = measure(
                kernels, threads, SECONDS, sizes(Processor.lastLevelCache().orElse(USUAL_CACHE)));
        new PeakStore(OneDnn.cacheFolder()).write(key(kernels, threads), peak);
        return peak;
    }

    /** What was measured on this machine before, with this number of threads; nothing if it never was. */
    public static Optional<Peak> cached(int threads) {
        return new PeakStore(OneDnn.cacheFolder()).read(key(PeakKernels.best(), threads));
    }

    private static String key(PeakKernels kernels, int threads) {
        return Processor.key() + "-" + kernels.key() + "-" + threads;
    }

    static Peak measure(PeakKernels kernels, int threads, double seconds, List<Long> sizes) {
        if (threads < 1) throw new IllegalArgumentException("threads must be at least 1, not " + threads);
        // First: it brings the core to its speed.
        Optional<Double> clock = kernels.clock(seconds);
        List<Rate> rates = kernels.arithmetic(ARITHMETIC_FACTOR * seconds, threads);
        List<Level> levels = new ArrayList<>();
        for (long bytes : sizes) {
            Optional<Double> stream = kernels.bandwidth(Traffic.STREAM, bytes, seconds, threads);
            levels.add(new Level(
                    bytes,
                    kernels.bandwidth(Traffic.READ, bytes, seconds, threads).orElseThrow(),
                    kernels.bandwidth(Traffic.COPY, bytes, seconds, threads).orElseThrow(),
                    stream.map(OptionalDouble::of).orElse(OptionalDouble.empty())));
        }
        return new Peak(
                Processor.name(),
                threads,
                kernels.describe(),
                clock.map(OptionalDouble::of).orElse(OptionalDouble.empty()),
                best(rates.stream().filter(r -> !r.bfloat16())).orElseThrow(),
                best(rates.stream().filter(Rate::bfloat16)),
                levels);
    }

    private static Optional<Arithmetic> best(Stream<Rate> rates) {
        return rates.max(Comparator.comparingDouble(Rate::flops)).map(r -> new Arithmetic(r.instructions(), r.flops()));
    }

    /** From well inside the caches to well outside of them. */
    static List<Long> sizes(long cache) {
        List<Long> sizes = new ArrayList<>();
        for (long bytes = MIB / 2; bytes < cache / 2; bytes *= 4) sizes.add(bytes);
        sizes.add(cache / 2);
        sizes.add(cache);
        sizes.add(2 * cache);
        sizes.add(Math.max(MEMORY, 4 * cache));
        return sizes;
    }

    /** Bytes a second to and from main memory at best, read and written ones both counted. */
    public double bandwidth() {
        return levels.getLast().best();
    }

    /**
     * Bytes a second that an operation can move at best which touches so many bytes: between two measured sizes interpolated over the
     * logarithm of the size. What of it lies in the caches when the operation begins depends on what ran before; this takes all that
     * fits for being there, so that no operation can do better.
     */
    public double bandwidth(double bytes) {
        Level below = levels.getFirst();
        if (bytes <= below.bytes) return below.best();
        for (Level above : levels.subList(1, levels.size())) {
            if (bytes <= above.bytes) {
                double share = Math.log(bytes / below.bytes) / Math.log((double) above.bytes / below.bytes);
                return below.best() + share * (above.best() - below.best());
            }
            below = above;
        }
        return below.best();
    }

    /**
     * The least time in seconds that an operation can take on this machine: that of its arithmetic or of its memory traffic,
     * whichever is longer.
     *
     * @param flops floating-point operations, a multiply-add counted as two
     * @param bytes read and written, each once
     * @param bfloat16 whether products are of bfloat16; counted as float32 if there are no instructions for them
     */
    public double seconds(double flops, double bytes, boolean bfloat16) {
        double rate = bfloat16 && this.bfloat16.isPresent() ? this.bfloat16.get().flops : float32.flops;
        return Math.max(flops / rate, bytes / bandwidth(bytes));
    }

    /** As {@link #seconds(double, double, boolean)}, of float32. */
    public double seconds(double flops, double bytes) {
        return seconds(flops, bytes, false);
    }
}
