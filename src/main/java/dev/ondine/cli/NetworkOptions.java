package dev.ondine.cli;

import dev.ondine.nn.Layer;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which network or workload a command looks at, how, and on what batch. */
final class NetworkOptions {
    private static final int USUAL_BATCH = 32;
    private static final String TRAINING = "training";
    private static final String EVALUATION = "evaluation";

    @Option(names = "--model", paramLabel = "NAME", description = "A network: one of those that ondine models lists.")
    private String model;

    @Option(
            names = "--workload",
            paramLabel = "NAME",
            description =
                    "Or what ondine bench times: resnet20, resnet18-cifar, resnet50, mlp, autoencoder, cnn, lenet,"
                            + " bn, conv3x3 or resnet50-infer.")
    private String workload;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Samples in a batch. Default: that of the workload; of a model " + USUAL_BATCH + ".")
    private Integer batch;

    @Option(
            names = "--mode",
            paramLabel = "MODE",
            description =
                    "training: forward, loss, gradients, update; evaluation: with the running statistics, as eval and"
                        + " predictors run it. Default: training. Single operations and inference workloads have their"
                        + " own.")
    private String mode;

    @Option(
            names = "--data-shape",
            paramLabel = "CxHxW",
            description = "The shape of a sample, with --model. Default: that which the network was made for.")
    private String shape;

    @Option(
            names = "--classes",
            paramLabel = "N",
            description = "How many classes are told apart, with --model. Default: as many as where it was published.")
    private Integer classes;

    /**
     * What to look at.
     *
     * @param sample the shape of one sample, without the batch
     * @param training whether it is trained; else evaluated
     * @param reconstructs whether its output is held against its input instead of classes
     * @param layer empty for a single operation
     * @param special a workload that is no network to train or evaluate: a single operation, inference without a loss
     */
    record Network(
            String name,
            Optional<Layer> layer,
            Shape sample,
            int batch,
            boolean training,
            boolean reconstructs,
            Optional<BenchWorkload> special) {
        /** {@code resnet20, batch 128, training}. */
        String title() {
            String what = special.isEmpty()
                    ? training ? TRAINING : EVALUATION
                    : special.get().kind() == BenchWorkload.Kind.INFERENCE ? "inference" : "forward and backward";
            return name + ", batch " + batch + ", " + what;
        }

        /** What a step is, as ondine bench times it. */
        BenchWorkload.Kind kind() {
            if (training) return BenchWorkload.Kind.TRAINING;
            return layer.isPresent() ? BenchWorkload.Kind.INFERENCE : BenchWorkload.Kind.OPERATION;
        }
    }

    /** As {@link #open(Command)}; {@code usual} if nothing is named. */
    Network open(Command command, BenchWorkload usual) {
        if (model == null && workload == null) workload = usual.toString();
        return open(command);
    }

    /** Checks the options and makes the network. */
    Network open(Command command) {
        if (mode != null) command.requireOneOf("--mode", List.of(TRAINING, EVALUATION), mode);
        if (batch != null) command.require(batch > 0, "--batch", "at least 1", batch);
        if (classes != null) command.require(classes > 0, "--classes", "at least 1", classes);
        if ((model == null) == (workload == null)) {
            throw command.wrong(
                    model == null ? "--model" : "--workload", "name either a --model or a --workload, and only one");
        }
        return workload != null ? openWorkload(command) : openModel(command);
    }

    private Network openWorkload(Command command) {
        if (shape != null) throw command.wrong("--data-shape", "a workload has its own; give it with --model");
        if (classes != null) throw command.wrong("--classes", "a workload has its own; give it with --model");
        BenchWorkload w = command.constant("--workload", BenchWorkload.class, workload);
        int size = batch != null ? batch : w.batch();
        if (w.kind() != BenchWorkload.Kind.TRAINING) {
            if (mode != null) throw command.wrong("--mode", "the workload " + w + " has its own; leave it out");
            Optional<Layer> layer =
                    w.kind() == BenchWorkload.Kind.INFERENCE ? Optional.of(w.network()) : Optional.empty();
            return new Network(w.toString(), layer, w.sample(), size, false, false, Optional.of(w));
        }
        boolean reconstructs = w == BenchWorkload.AUTOENCODER;
        return new Network(
                w.toString(), Optional.of(w.network()), w.sample(), size, isTraining(), reconstructs, Optional.empty());
    }

    private Network openModel(Command command) {
        command.requireOneOf("--model", Models.names(), model);
        ModelEntry entry = Models.get(model);
        boolean reconstructs = entry.task() == ModelEntry.Task.RECONSTRUCTION;
        if (reconstructs && classes != null) throw command.wrong("--classes", model + " tells no classes apart");
        Shape sample = shape != null ? parse(command) : entry.sample();
        Layer layer = entry.create(sample, classes != null ? classes : entry.classes());
        int size = batch != null ? batch : USUAL_BATCH;
        return new Network(model, Optional.of(layer), sample, size, isTraining(), reconstructs, Optional.empty());
    }

    private boolean isTraining() {
        return !EVALUATION.equals(mode);
    }

    private Shape parse(Command command) {
        try {
            long[] dims = Arrays.stream(shape.split("x", -1))
                    .mapToLong(Long::parseLong)
                    .toArray();
            if (dims.length == 3 && Arrays.stream(dims).allMatch(d -> d > 0)) return Shape.of(dims);
        } catch (NumberFormatException _) {
            // Said below.
        }
        throw command.wrong("--data-shape", "must be channels, height and width like 3x32x32, not '" + shape + "'");
    }
}
