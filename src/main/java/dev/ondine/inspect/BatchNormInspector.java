package dev.ondine.inspect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.BatchLoader;
import dev.ondine.data.Dataset;
import dev.ondine.data.Normalization;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Accuracy;
import dev.ondine.train.PlanParameters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Examines the batch normalizations of a trained network. */
public final class BatchNormInspector {
    /** Enough for statistics that are right to some percent. */
    private static final int MOST_BATCHES = 16;

    private final Model model;
    private final Backend backend;
    private final PlanOptions options;

    /** @param options threads and precision that the network is run with on data */
    public BatchNormInspector(Model model, Backend backend, PlanOptions options) {
        this.model = model;
        this.backend = backend;
        this.options = options;
    }

    /** What the parameters alone tell. */
    public BatchNormInspection inspect() {
        return new BatchNormInspection(layers(Map.of(), Map.of()), Optional.empty());
    }

    /**
     * What parameters and data tell. Of the data the first 16 batches are seen.
     *
     * @param batch samples at a time, at least 2; statistics are taken over all batches together
     * @throws IllegalArgumentException if the data does not fit the model, or there are fewer than 2 samples
     */
    public BatchNormInspection inspect(Dataset data, Normalization normalization, int batch) {
        if (!data.sampleShape().equals(model.sampleShape())) {
            throw new IllegalArgumentException("the samples of " + data.name() + " have the shape " + data.sampleShape()
                    + ", the model takes " + model.sampleShape());
        }
        int size = Math.min(batch, data.size());
        if (size < 2) {
            throw new IllegalArgumentException("statistics of a batch take at least 2 samples, not " + size);
        }
        int batches = Math.min(MOST_BATCHES, data.size() / size);
        BatchLoader loader = new BatchLoader(data, size, true, 0, true, normalization);
        Map<String, Moments> moments = new HashMap<>();
        Map<String, float[]> activity = new HashMap<>();
        Graph training =
                Probing.withBatchStatistics(Probing.withoutDropout(model.graph(Mode.TRAINING, size, (_, _) -> {})));
        long rightOfBatches = run(training, loader, batches, plan -> {
            List<Graph.Statistic> statistics = plan.graph().statistics();
            for (int i = 0; i < statistics.size(); i++) {
                Graph.Statistic s = statistics.get(i);
                int channels = (int) s.mean().shape().elements();
                moments.computeIfAbsent(s.path(), _ -> new Moments(channels)).add(plan.mean(i), plan.variance(i));
            }
        });
        Graph evaluation = Probing.withActivity(model.graph(Mode.EVALUATION, size, (_, _) -> {}));
        long rightWithRunning = run(evaluation, loader, batches, plan -> {
            for (Node norm : Probing.normalizations(evaluation)) {
                String name = Probing.activity(norm.path());
                if (!evaluation.outputs().containsKey(name)) continue;
                float[] sums = plan.output(name).toFloatArray();
                float[] all = activity.computeIfAbsent(norm.path(), _ -> new float[sums.length]);
                float count = (float) norm.output(0).shape().elements() / sums.length * batches;
                for (int c = 0; c < sums.length; c++) all[c] += sums[c] / count;
            }
        });
        long samples = (long) batches * size;
        boolean classifies = model.outputShape().rank() == 1;
        return new BatchNormInspection(
                layers(moments, activity),
                classifies
                        ? Optional.of(new BatchNormInspection.Comparison(
                                samples, size, (double) rightWithRunning / samples, (double) rightOfBatches / samples))
                        : Optional.empty());
    }

    /** Sees a plan after each run. */
    private interface Look {
        void at(Plan plan);
    }

    /** Runs the graph on batches; returns how many samples were classified rightly, if the model classifies. */
    private long run(Graph graph, BatchLoader loader, int batches, Look look) {
        long right = 0;
        int size = loader.batchSize();
        try (Plan plan = backend.compile(graph, options);
                Arena memory = Arena.ofConfined()) {
            PlanParameters.load(model, plan);
            Tensor labels = Tensor.allocate(memory, DataType.INT32, Shape.of(size));
            BatchLoader.Epoch epoch = loader.epoch(0);
            for (int b = 0; b < batches; b++) {
                epoch.next(plan.input(Model.INPUT).segment(), labels.segment());
                plan.run(0);
                look.at(plan);
                right += Accuracy.correct(plan.output(Model.OUTPUT), labels, size);
            }
        }
        return right;
    }

    private List<BatchNormLayer> layers(Map<String, Moments> moments, Map<String, float[]> activity) {
        List<BatchNormLayer> layers = new ArrayList<>();
        for (Node norm : Probing.normalizations(model.graph(Mode.EVALUATION, 1, (_, _) -> {}))) {
            Op.BatchNormalization op = (Op.BatchNormalization) norm.op();
            Moments m = moments.get(norm.path());
            layers.add(new BatchNormLayer(
                    norm.path(),
                    op.epsilon(),
                    op.scale() ? values(norm.input(3)) : new float[0],
                    op.shift() ? values(norm.input(op.scale() ? 4 : 3)) : new float[0],
                    values(norm.input(1)),
                    values(norm.input(2)),
                    m == null ? new float[0] : m.mean(),
                    m == null ? new float[0] : m.variance(),
                    activity.getOrDefault(norm.path(), new float[0])));
        }
        return layers;
    }

    private float[] values(Value parameter) {
        return model.parameters().get(parameter.name()).toFloatArray();
    }

    /** Mean and variance over several batches of one size: by the law of total variance. */
    private static final class Moments {
        private final double[] means;
        private final double[] squaredMeans;
        private final double[] variances;
        private int batches;

        Moments(int channels) {
            means = new double[channels];
            squaredMeans = new double[channels];
            variances = new double[channels];
        }

        void add(MemorySegment mean, MemorySegment variance) {
            batches++;
            for (int c = 0; c < means.length; c++) {
                double delta = mean.getAtIndex(JAVA_FLOAT, c) - means[c];
                means[c] += delta / batches;
                squaredMeans[c] += delta * (mean.getAtIndex(JAVA_FLOAT, c) - means[c]);
                variances[c] += variance.getAtIndex(JAVA_FLOAT, c);
            }
        }

        float[] mean() {
            float[] values = new float[means.length];
            for (int c = 0; c < values.length; c++) values[c] = (float) means[c];
            return values;
        }

        float[] variance() {
            float[] values = new float[means.length];
            for (int c = 0; c < values.length; c++) {
                values[c] = (float) ((variances[c] + squaredMeans[c]) / batches);
            }
            return values;
        }
    }
}
