package dev.ondine.study;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.BatchLoader;
import dev.ondine.data.Dataset;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import dev.ondine.train.PlanParameters;
import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * Looks at the input of the last ReLU while a network is trained, always on the same samples, as Ioffe and Szegedy (2015, figure 1) do.
 * In training mode: a batch normalization takes the statistics of these samples.
 */
final class DriftProbe implements AutoCloseable {
    private static final int SAMPLES = 128;

    private final Model model;
    private final Model probed;
    private final Plan plan;

    /** @param model is trained; a {@link StudyNetwork} */
    DriftProbe(
            Model model,
            boolean normalized,
            Dataset data,
            Normalization normalization,
            Backend backend,
            PlanOptions options) {
        this.model = model;
        int samples = Math.min(SAMPLES, data.size());
        // Only for its graph, which has the probe; the parameters are of the model.
        probed = Model.of(
                StudyNetwork.of(data.sampleShape(), data.classes().size(), normalized, 0, true), data.sampleShape(), 0);
        plan = backend.compile(probed.graph(Mode.TRAINING, samples, (_, _) -> {}), options);
        try (Arena memory = Arena.ofConfined()) {
            new BatchLoader(data, samples, false, 0, false, normalization)
                    .epoch(0)
                    .next(plan.input(Model.INPUT).segment(), memory.allocate(4L * samples));
        }
    }

    StudyRun.Spread look(double samplesSeen) {
        PlanParameters.load(model, plan);
        plan.run(0);
        float[] x = plan.output(StudyNetwork.PROBE).toFloatArray();
        Shape s = plan.output(StudyNetwork.PROBE).shape();
        int channels = (int) s.dim(1);
        int space = (int) (s.dim(2) * s.dim(3));
        float[] values = new float[(int) s.dim(0) * space];
        float[][] percentiles = new float[3][channels];
        for (int c = 0; c < channels; c++) {
            for (int n = 0; n < s.dim(0); n++) {
                System.arraycopy(x, (n * channels + c) * space, values, n * space, space);
            }
            Arrays.sort(values);
            percentiles[0][c] = values[(int) (0.15 * (values.length - 1))];
            percentiles[1][c] = values[(int) (0.50 * (values.length - 1))];
            percentiles[2][c] = values[(int) (0.85 * (values.length - 1))];
        }
        return new StudyRun.Spread(samplesSeen, percentiles[0], percentiles[1], percentiles[2]);
    }

    @Override
    public void close() {
        plan.close();
        probed.close();
    }
}
