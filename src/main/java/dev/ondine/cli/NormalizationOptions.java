package dev.ondine.cli;

import dev.ondine.data.Normalization;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** What samples are normalized with, for a model whose file does not say it. */
final class NormalizationOptions {
    @Option(
            names = "--mean",
            paramLabel = "R,G,B",
            split = ",",
            description = "What samples are normalized with, for each channel. Default: what the file says, or 0.")
    private List<Float> mean = List.of();

    @Option(
            names = "--std",
            paramLabel = "R,G,B",
            split = ",",
            description = "The deviations. Default: what the file says, or 1.")
    private List<Float> std = List.of();

    /** What was given, if anything was. */
    Optional<Normalization> given(Command command, int channels) {
        if (mean.isEmpty() && std.isEmpty()) return Optional.empty();
        float[] means = each(command, "--mean", mean, channels, 0);
        float[] deviations = each(command, "--std", std, channels, 1);
        for (float s : deviations) command.require(s > 0 && Float.isFinite(s), "--std", "above 0", s);
        for (float m : means) command.require(Float.isFinite(m), "--mean", "finite", m);
        return Optional.of(new Normalization(means, deviations));
    }

    private static float[] each(Command command, String option, List<Float> values, int channels, float missing) {
        float[] all = new float[channels];
        Arrays.fill(all, missing);
        command.require(
                values.isEmpty() || values.size() == channels,
                option,
                channels + " numbers",
                values.size() + " numbers");
        for (int i = 0; i < values.size(); i++) all[i] = values.get(i);
        return all;
    }
}
