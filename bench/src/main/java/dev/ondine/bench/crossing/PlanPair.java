package dev.ondine.bench.crossing;

import dev.ondine.backend.Backends;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Mlp;
import dev.ondine.nn.models.Models;
import dev.ondine.onednn.DrivenPlan;
import dev.ondine.onednn.OneDnnPlan;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

/** The plan of a training step (forward, loss, backward), driven from Java and from C in turns. */
final class PlanPair {
    private static final int CLASSES = 10;

    /** What is trained. */
    enum Network {
        RESNET20("resnet20", 128, Shape.of(3, 32, 32)),
        MLP("mlp", 64, Shape.of(784)),
        /** Where a call costs most: next to no work in each. */
        SMALL_MLP("mlp, batch 2", 2, Shape.of(784));

        private final String label;
        private final int batch;
        private final Shape sample;

        Network(String label, int batch, Shape sample) {
            this.label = label;
            this.batch = batch;
            this.sample = sample;
        }

        private Layer layers() {
            return this == RESNET20 ? Models.create("resnet20", sample, CLASSES) : Mlp.of(784, 256, CLASSES);
        }

        @Override
        public String toString() {
            return label;
        }
    }

    /**
     * What was measured.
     *
     * @param gain how much shorter a run from C is, as a part of one from Java: the median over pairs of neighbours in time
     * @param lowest the lower quartile of that
     * @param highest the upper quartile
     */
    record Result(
            Network network,
            Times java,
            Times c,
            double gain,
            double lowest,
            double highest,
            int primitives,
            int stretches,
            String kernels) {}

    private PlanPair() {}

    /** Compiles, checks that both ways give the same bits, and times them. */
    static Result measure(Network network, int threads, Path library, double warmUpSeconds, double seconds) {
        try (Model model = Model.of(network.layers(), network.sample, 1);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named("onednn"))
                        .optimizer(Optimizer.Sgd.of(0.01).momentum(0.9).weightDecay(5e-4))
                        .threads(threads)
                        .build()) {
            TrainingBatch batch = trainer.batch(network.batch);
            fill(batch);
            OneDnnPlan plan = (OneDnnPlan) batch.plan();
            try (DrivenPlan driven = new DrivenPlan(plan, threads, library)) {
                check(network, plan, driven);
                pairs(driven, warmUpSeconds);
                long[][] nanos = pairs(driven, seconds);
                int n = nanos[0].length;
                double[] gains = new double[n];
                for (int i = 0; i < n; i++) gains[i] = 1 - nanos[1][i] / (double) nanos[0][i];
                Arrays.sort(gains);
                return new Result(
                        network,
                        Times.of(nanos[0], n),
                        Times.of(nanos[1], n),
                        gains[n / 2],
                        gains[n / 4],
                        gains[3 * n / 4],
                        driven.primitives(),
                        driven.stretches(),
                        driven.kernels());
            }
        }
    }

    private static void fill(TrainingBatch batch) {
        SplittableRandom random = new SplittableRandom(1);
        Tensor input = batch.input();
        for (long i = 0; i < input.elements(); i++) input.setFloatAt(i, (float) random.nextDouble(-1, 1));
        for (int i = 0; i < batch.size(); i++) batch.target().setIntAt(i, random.nextInt(CLASSES));
    }

    private static void check(Network network, OneDnnPlan plan, DrivenPlan driven) {
        driven.runFromJava(0);
        byte[] expected = plan.gradients().toArray(ValueLayout.JAVA_BYTE);
        plan.gradients().fill((byte) 0);
        driven.runFromC(0);
        if (plan.gradients().mismatch(MemorySegment.ofArray(expected)) != -1) {
            throw new IllegalStateException(
                    network + ": the gradients of the plan driven from C are not those from Java");
        }
    }

    /** Times of runs from Java and from C, one after the other, each first in every second pair. */
    private static long[][] pairs(DrivenPlan driven, double seconds) {
        long[][] nanos = new long[2][1 << 16];
        int n = 0;
        long end = System.nanoTime() + (long) (seconds * 1e9);
        do {
            for (int i = 0; i < 2; i++) {
                int side = (n + i) % 2;
                long start = System.nanoTime();
                if (side == 0) {
                    driven.runFromJava(n);
                } else {
                    driven.runFromC(n);
                }
                nanos[side][n] = System.nanoTime() - start;
            }
            n++;
        } while (n < nanos[0].length && System.nanoTime() < end);
        return new long[][] {Arrays.copyOf(nanos[0], n), Arrays.copyOf(nanos[1], n)};
    }
}
