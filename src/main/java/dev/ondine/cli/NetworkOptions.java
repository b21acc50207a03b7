package dev.ondine.cli;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Models;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import picocli.CommandLine.Option;

/** Which network a command looks at, and on what batch. */
final class NetworkOptions {
    private static final int USUAL_CLASSES = 10;
    private static final int USUAL_BATCH = 32;

    @Option(names = "--model", paramLabel = "NAME", description = "A network: mlp-bn, lenet-bn, cnn-bn or resnet20.")
    private String model;

    @Option(
            names = "--workload",
            paramLabel = "NAME",
            description = "Or what ondine bench times: resnet20, cnn, lenet or mlp.")
    private String workload;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Samples in a batch. Default: that of the workload; of a model " + USUAL_BATCH + ".")
    private Integer batch;

    @Option(
            names = "--data-shape",
            paramLabel = "CxHxW",
            description = "The shape of a sample, with --model. Default: 1x28x28; of resnet20 3x32x32.")
    private String shape;

    @Option(
            names = "--classes",
            paramLabel = "N",
            description = "How many classes are told apart, with --model. Default: " + USUAL_CLASSES + ".")
    private Integer classes;

    /**
     * A network to look at.
     *
     * @param sample the shape of one sample, without the batch
     */
    record Network(String name, Layer layer, Shape sample, int batch) {}

    /** Checks the options and makes the network. */
    Network open(Command command) {
        if (batch != null) command.require(batch > 0, "--batch", "at least 1", batch);
        if (classes != null) command.require(classes > 0, "--classes", "at least 1", classes);
        if ((model == null) == (workload == null)) {
            throw command.wrong(
                    model == null ? "--model" : "--workload", "name either a --model or a --workload, and only one");
        }
        if (workload != null) {
            if (shape != null) throw command.wrong("--data-shape", "a workload has its own; give it with --model");
            if (classes != null) throw command.wrong("--classes", "a workload has its own; give it with --model");
            BenchWorkload w = command.constant("--workload", BenchWorkload.class, workload);
            return new Network(w.toString(), w.network(), w.sample(), batch != null ? batch : w.batch());
        }
        command.requireOneOf("--model", Models.names(), model);
        Shape sample = shape != null ? parse(command) : usualShape();
        int n = classes != null ? classes : USUAL_CLASSES;
        return new Network(model, Models.create(model, sample, n), sample, batch != null ? batch : USUAL_BATCH);
    }

    private Shape usualShape() {
        return model.startsWith("resnet") ? Shape.of(3, 32, 32) : Shape.of(1, 28, 28);
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
