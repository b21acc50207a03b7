package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.data.Normalization;
import java.util.List;
import java.util.Optional;

/**
 * How a {@link Predictor} computes, and what it makes of images and outputs. Every setting has a default.
 *
 * @param <S> the settings' own class
 */
public abstract sealed class PredictorSettings<S extends PredictorSettings<S>>
        permits Predictor.Builder, Predictor.Opener {
    private static final int KEPT = 8;

    private Backend backend;
    private PlanOptions options = PlanOptions.threads(Backends.defaultThreads());
    private int concurrency;
    private int plans;
    private Normalization normalization;
    private List<String> classNames;
    private double crop;

    PredictorSettings() {}

    abstract S self();

    /** What computes. Default: the best that runs here. */
    public S backend(Backend backend) {
        this.backend = backend;
        return self();
    }

    /** Threads that one call computes on. Default: as many as this process may use. */
    public S threads(int threads) {
        PlanOptions wanted = PlanOptions.threads(threads).precision(options.precision());
        this.options = wanted.seed(options.seed());
        return self();
    }

    /** In which type one call computes; samples and outputs are float32 in every case. Default: float32. */
    public S precision(Precision precision) {
        this.options = options.precision(precision);
        return self();
    }

    /** How the model is compiled: threads that one call uses, precision. */
    public S options(PlanOptions options) {
        this.options = options;
        return self();
    }

    /**
     * Calls that compute at the same time, each in memory of its own. Default: so many that their threads are as many as this
     * process may use, at least one.
     */
    public S concurrency(int calls) {
        if (calls < 1) throw new IllegalArgumentException("concurrency must be at least 1, not " + calls);
        this.concurrency = calls;
        return self();
    }

    /**
     * Compiled plans that are kept: one for each batch size (1, 2, 4 … 64) and call at once, if there is use for it. Default: the
     * larger of 8 and twice the concurrency.
     */
    public S plans(int plans) {
        if (plans < 1) throw new IllegalArgumentException("at least 1 plan must be kept, not " + plans);
        this.plans = plans;
        return self();
    }

    /**
     * What every sample is normalized with. Default: what the model's file says; if it says nothing, samples are taken as they are, and
     * images are refused.
     */
    public S normalization(Normalization normalization) {
        this.normalization = normalization;
        return self();
    }

    /** What the outputs stand for. Default: what the model's file says; if it says nothing, 0, 1 and so on. */
    public S classNames(List<String> names) {
        this.classNames = List.copyOf(names);
        return self();
    }

    /**
     * The share of an image's shorter side that becomes a sample, in (0, 1]; 0.875 for networks that were trained on ImageNet as usual.
     * Default: what the model's file says, or 1.
     */
    public S crop(double crop) {
        if (!(crop > 0 && crop <= 1)) throw new IllegalArgumentException("the crop must be in (0, 1], not " + crop);
        this.crop = crop;
        return self();
    }

    /** What was not set is from now on as a file says it. */
    void fill(ModelCard card) {
        if (normalization == null) normalization = card.normalization();
        if (classNames == null) classNames = card.classes();
        if (crop == 0) crop = card.crop();
    }

    Backend backend() {
        return backend != null ? backend : Backends.best();
    }

    PlanOptions options() {
        return options;
    }

    int atOnce() {
        return concurrency > 0 ? concurrency : Math.max(1, Backends.defaultThreads() / options.threads());
    }

    int kept() {
        return Math.max(atOnce(), plans > 0 ? plans : Math.max(KEPT, 2 * atOnce()));
    }

    Optional<Normalization> normalization() {
        return Optional.ofNullable(normalization);
    }

    Optional<List<String>> classNames() {
        return Optional.ofNullable(classNames);
    }

    double crop() {
        return crop == 0 ? 1 : crop;
    }
}
