package dev.ondine.inspect;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.Normalization;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.train.PlanParameters;
import dev.ondine.train.Predictor;
import dev.ondine.train.Probabilities;
import java.util.Arrays;
import java.util.List;

/** Which pixels of an image mattered for a class. Maps are (height, width): above 0 what speaks for the class, below what speaks against. */
public final class Attribution {
    private static final String WEIGHT = "weight";

    private Attribution() {}

    /**
     * Occlusion (Zeiler and Fergus 2014): by how much the class's log probability falls when a square is covered with the mean colour.
     * Squares lie at every {@code stride} pixels and may hang over the edge; a pixel gets the mean over the squares that cover it.
     *
     * @param sample not normalized, as {@link Predictor#predict} takes it
     * @param side of the square, in pixels
     * @param cover a value for each channel
     */
    public static float[] occlusion(
            Predictor predictor, float[] sample, Shape shape, int category, int side, int stride, float[] cover) {
        if (side < 1 || stride < 1 || stride > side) {
            throw new IllegalArgumentException("squares of " + side + " pixels a side every " + stride
                    + " pixels leave pixels out or are none: the stride is from 1 to the side");
        }
        int height = Math.toIntExact(shape.dim(1));
        int width = Math.toIntExact(shape.dim(2));
        float whole = logProbability(predictor.predict(sample), category);
        double[] sum = new double[height * width];
        int[] squares = new int[height * width];
        for (int top = stride - side; top < height; top += stride) {
            for (int left = stride - side; left < width; left += stride) {
                int y0 = Math.max(0, top);
                int y1 = Math.min(height, top + side);
                int x0 = Math.max(0, left);
                int x1 = Math.min(width, left + side);
                float[] covered = sample.clone();
                for (int c = 0; c < cover.length; c++) {
                    for (int y = y0; y < y1; y++) {
                        int row = (c * height + y) * width;
                        Arrays.fill(covered, row + x0, row + x1, cover[c]);
                    }
                }
                float lost = whole - logProbability(predictor.predict(covered), category);
                for (int y = y0; y < y1; y++) {
                    for (int x = x0; x < x1; x++) {
                        sum[y * width + x] += lost;
                        squares[y * width + x]++;
                    }
                }
            }
        }
        float[] map = new float[sum.length];
        for (int i = 0; i < map.length; i++) map[i] = (float) (sum[i] / squares[i]);
        return map;
    }

    /**
     * The gradient of the class's logit with respect to the normalized input, times that input, summed over the channels (Shrikumar et al.
     * 2016): to first order, what each pixel adds to the logit over a pixel of the mean colour. In evaluation mode, float32.
     *
     * @param sample not normalized
     */
    public static float[] gradient(
            Model model,
            Normalization normalization,
            Backend backend,
            PlanOptions options,
            float[] sample,
            int category) {
        Shape shape = model.sampleShape();
        int plane = Math.toIntExact(shape.dim(1) * shape.dim(2));
        float[] x = sample.clone();
        normalization.apply(x, 0, x.length);
        float[] g = inputGradient(model, backend, options, x, category);
        float[] map = new float[plane];
        for (int i = 0; i < x.length; i++) map[i % plane] += g[i] * x[i];
        return map;
    }

    /** ∂logit/∂x of one sample. */
    static float[] inputGradient(Model model, Backend backend, PlanOptions options, float[] x, int category) {
        Graph forward = model.graph(
                Mode.EVALUATION, 1, (builder, output) -> builder.input(WEIGHT, DataType.FLOAT32, output.shape()));
        Value input = forward.input(Model.INPUT);
        Graph graph = Differentiate.apply(
                forward, forward.outputs().get(Model.OUTPUT), forward.input(WEIGHT), List.of(input));
        try (Plan plan = backend.compile(graph, options)) {
            PlanParameters.load(model, plan);
            float[] weight = new float[Math.toIntExact(model.outputShape().elements())];
            weight[category] = 1;
            plan.input(WEIGHT).copyFrom(weight);
            plan.input(Model.INPUT).copyFrom(x);
            plan.run(0);
            return plan.output(Differentiate.OUTPUT_PREFIX + Model.INPUT).toFloatArray();
        }
    }

    private static float logProbability(float[] logits, int category) {
        return (float) Math.log(Math.max(Probabilities.of(logits)[category], Float.MIN_NORMAL));
    }
}
