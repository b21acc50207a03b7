package dev.ondine.cli;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Plan;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** A workload that is ready: compiled, with its memory filled. */
interface BenchStep extends AutoCloseable {
    /** Does all of it once. */
    void run();

    /** What is compiled of it. */
    Plan plan();

    /** Which kernels update the parameters; empty if nothing does. */
    String updates();

    @Override
    void close();

    /** Fills a tensor of float32 with numbers in [−1, 1), always the same. */
    static void fill(Tensor tensor) {
        SplittableRandom random = new SplittableRandom(1);
        // Straight to where they stay: beside an operation's few tensors an array of its size would show in the peak of
        // memory.
        MemorySegment memory = tensor.segment();
        long elements = tensor.elements();
        for (long i = 0; i < elements; i++) memory.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
    }
}
