package dev.ondine.profile;

import java.util.List;
import java.util.Optional;

/** The loops that {@link Peak} times: two implementations, of which the native one reaches the processor's limits. */
sealed interface PeakKernels permits NativePeakKernels, JavaPeakKernels {

    /** How memory is moved. */
    enum Traffic {
        READ,
        /** With ordinary stores: a line that is written is read into the cache first. */
        COPY,
        /** With stores that pass the caches by. */
        STREAM
    }

    /**
     * A rate of multiply-adds.
     *
     * @param instructions that were used
     * @param bfloat16 whether products are of bfloat16, else float32; sums are float32 in both cases
     * @param flops floating-point operations a second, a multiply-add counted as two
     */
    record Rate(String instructions, boolean bfloat16, double flops) {}

    /** In one line. */
    String describe();

    /** A word for the key of stored results: of another implementation they are others. */
    String key();

    /** The rate of each kind of instructions that this processor has, measured for about {@code seconds} each. */
    List<Rate> arithmetic(double seconds, int threads);

    /**
     * Bytes a second, read and written ones both counted, over {@code bytes} of memory in all.
     *
     * @return nothing if there is no such way to move memory here
     * @throws OutOfMemoryError if there is not so much memory
     */
    Optional<Double> bandwidth(Traffic traffic, long bytes, double seconds, int threads);

    /** Cycles a second of one core just now; nothing if that is not known. */
    Optional<Double> clock(double seconds);

    /** The native ones if there is a library of them, else those in Java. */
    static PeakKernels best() {
        return NativePeakKernels.find().<PeakKernels>map(k -> k).orElseGet(JavaPeakKernels::new);
    }
}
