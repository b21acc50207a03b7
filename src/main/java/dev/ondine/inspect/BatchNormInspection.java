package dev.ondine.inspect;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/**
 * What the batch normalizations tell about a trained network.
 *
 * @param layers in the order of the network
 * @param comparison how the network does with the running statistics and with those of the batches; nothing without data
 */
public record BatchNormInspection(List<BatchNormLayer> layers, Optional<Comparison> comparison) {
    /**
     * The same network on the same samples, once as in evaluation, once with the statistics of the batches (dropout off in both).
     *
     * @param batch samples in each batch
     */
    public record Comparison(long samples, int batch, double running, double ofBatches) {
        /** Whether the running statistics cost accuracy beyond chance (two standard deviations). */
        public boolean costs() {
            double p = (running + ofBatches) / 2;
            return ofBatches - running > 2 * Math.sqrt(2 * p * (1 - p) / samples);
        }
    }

    /** What was found and what to do about it, a line each. */
    public List<String> advice() {
        List<String> lines = new ArrayList<>();
        comparison.ifPresent(c -> lines.add(
                c.costs()
                        ? "Accuracy is " + percent(c.running()) + " with the running statistics and "
                                + percent(c.ofBatches())
                                + " with those of the batches: the running statistics do not fit this data. Estimate"
                                + " them anew on data like it (updateBatchNorm), train longer at a low learning rate,"
                                + " or raise momentum."
                        : "Accuracy is " + percent(c.running()) + " with the running statistics and "
                                + percent(c.ofBatches()) + " with those of the batches: they fit."));
        count(
                BatchNormLayer::far,
                l -> l.mean().length,
                (channels, where) -> lines.add("The running statistics of "
                        + channels + " are far from those of the data (mean off by more than "
                        + number(BatchNormLayer.FAR_SHIFT) + " standard deviation or variance by a factor of more than "
                        + number(BatchNormLayer.FAR_RATIO) + "), most in " + where
                        + ". They were estimated on other data, in too few steps, or before the weights last changed:"
                        + " estimate them anew."));
        count(
                BatchNormLayer::dead,
                l -> l.gamma().length,
                (channels, where) -> lines.add("γ is near zero in "
                        + channels + ", most in " + where
                        + ": these channels give only β on and can be pruned. If there are"
                        + " many, the network is wider than the data needs, or weight decay on γ is too strong."));
        count(
                BatchNormLayer::constant,
                BatchNormLayer::channels,
                (channels, where) -> lines.add("The running variance is near ε in " + channels + ", most in " + where
                        + ": the input hardly varies there, and noise is blown up by up to 1/√ε. Look at the layer"
                        + " before: dead inputs, or weights that decayed away."));
        count(
                BatchNormLayer::silent,
                l -> l.activity().length,
                (channels, where) -> lines.add(channels + " never fire on this data, most in " + where
                        + ": the ReLU behind gives 0 for every sample, and no gradient passes. Lower the learning rate,"
                        + " warm up, or take a leaky ReLU; or prune them."));
        if (lines.size() == (comparison.isPresent() ? 1 : 0)) lines.add("Nothing else stands out.");
        return lines;
    }

    private interface Finding {
        void say(String channels, String where);
    }

    /** Says something of all channels that were found, if any, and names the layer with the largest share. */
    private void count(Function<BatchNormLayer, int[]> found, ToIntFunction<BatchNormLayer> of, Finding say) {
        long total = 0;
        long all = 0;
        BatchNormLayer worst = null;
        double worstShare = 0;
        for (BatchNormLayer layer : layers) {
            int here = found.apply(layer).length;
            total += here;
            all += of.applyAsInt(layer);
            double share = (double) here / Math.max(1, of.applyAsInt(layer));
            if (share > worstShare) {
                worst = layer;
                worstShare = share;
            }
        }
        if (total == 0) return;
        say.say(
                total + " of " + all + (all == 1 ? " channel" : " channels"),
                (worst.path().isEmpty() ? "the model" : "layer " + worst.path()) + " (" + found.apply(worst).length
                        + " of " + of.applyAsInt(worst) + ")");
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * share);
    }

    private static String number(double value) {
        return Double.toString(value).replace(".0", "");
    }
}
