package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import java.util.Optional;

/**
 * Runs a model on samples, with the running statistics.
 *
 * <p>Calls from several threads wait for each other. The model must outlive the predictor.
 */
public final class Predictor implements AutoCloseable {
    private static final int CHUNK = 64;

    private final EvaluationPlans plans;
    private final Normalization normalization;
    private final int sampleSize;
    private final int outputSize;

    /**
     * In float32.
     *
     * @param normalization what the model was trained with; applied to every sample
     * @param threads that one call uses
     */
    public Predictor(Model model, Normalization normalization, Backend backend, int threads) {
        this(model, normalization, backend, PlanOptions.threads(threads));
    }

    /**
     * @param normalization what the model was trained with; applied to every sample
     * @param options how the model is compiled: threads that one call uses, precision
     */
    public Predictor(Model model, Normalization normalization, Backend backend, PlanOptions options) {
        requireChannels(model, normalization);
        this.plans = new EvaluationPlans(model, backend, options, Optional.empty());
        this.normalization = normalization;
        this.sampleSize = Math.toIntExact(model.sampleShape().elements());
        this.outputSize = Math.toIntExact(model.outputShape().elements());
    }

    private static void requireChannels(Model model, Normalization normalization) {
        long channels = model.sampleShape().dim(0);
        if (normalization.channels() != channels) {
            throw new IllegalArgumentException("the normalization is for " + normalization.channels()
                    + " channels, the model takes samples of the shape " + model.sampleShape());
        }
    }

    /** A predictor on the best backend with as many threads as this process may use. */
    public static Predictor of(Model model, Normalization normalization) {
        return new Predictor(model, normalization, Backends.best(), Backends.defaultThreads());
    }

    /**
     * The model's outputs for some samples.
     *
     * @param samples one after another, each row-major, values in [0, 1] for images
     * @return one output after another: logits for a classifier
     * @throws IllegalArgumentException if the length is no multiple of a sample's
     */
    public synchronized float[] predict(float[] samples) {
        if (samples.length == 0 || samples.length % sampleSize != 0) {
            throw new IllegalArgumentException("samples have " + sampleSize + " values each; " + samples.length
                    + " values are no whole number of samples");
        }
        int count = samples.length / sampleSize;
        float[] outputs = new float[count * outputSize];
        for (int done = 0; done < count; ) {
            // Powers of two, so that whatever is asked for, few plans are compiled.
            int size = Math.min(CHUNK, Integer.highestOneBit(count - done));
            float[] chunk = new float[size * sampleSize];
            System.arraycopy(samples, done * sampleSize, chunk, 0, chunk.length);
            for (int i = 0; i < size; i++) normalization.apply(chunk, i * sampleSize, sampleSize);
            Plan plan = plans.plan(size);
            plan.input(Model.INPUT).copyFrom(chunk);
            plan.run(0);
            System.arraycopy(
                    plan.output(Model.OUTPUT).toFloatArray(), 0, outputs, done * outputSize, size * outputSize);
            done += size;
        }
        return outputs;
    }

    /** The class of one sample: the index of its largest output. */
    public int classify(float[] sample) {
        if (sample.length != sampleSize) {
            throw new IllegalArgumentException("a sample has " + sampleSize + " values, not " + sample.length);
        }
        float[] outputs = predict(sample);
        int best = 0;
        for (int c = 1; c < outputs.length; c++) if (outputs[c] > outputs[best]) best = c;
        return best;
    }

    @Override
    public synchronized void close() {
        plans.close();
    }
}
