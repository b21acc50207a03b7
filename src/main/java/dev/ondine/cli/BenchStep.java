package dev.ondine.cli;

import dev.ondine.backend.Plan;
import dev.ondine.tensor.Tensor;
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
        float[] values = new float[Math.toIntExact(tensor.elements())];
        for (int i = 0; i < values.length; i++) values[i] = (float) random.nextDouble(-1, 1);
        tensor.copyFrom(values);
    }
}
