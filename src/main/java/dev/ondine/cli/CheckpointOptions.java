package dev.ondine.cli;

import dev.ondine.nn.models.Models;
import dev.ondine.train.ModelCard;
import dev.ondine.train.SavedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** A checkpoint, and which network it holds if it does not say it. */
final class CheckpointOptions {
    @Option(
            names = "--checkpoint",
            required = true,
            paramLabel = "FILE",
            description = "A model.safetensors of ondine train's, or one with PyTorch's names.")
    private Path file;

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description = "As ondine models lists it, for a checkpoint that does not say it.")
    private String modelName;

    @Option(
            names = "--classes",
            paramLabel = "N",
            description =
                    "With --model: how many classes it tells apart. Default: as many as the last layer in the file.")
    private Integer classes;

    SavedModel open(Command command) throws IOException {
        return open(file, command, modelName, classes);
    }

    /**
     * @param modelName the network, if the checkpoint does not say it; else null
     * @param classes that it tells apart, if the last layer in the file is not to decide; else null
     */
    static SavedModel open(Path file, Command command, String modelName, Integer classes) throws IOException {
        if (classes != null) command.require(classes > 0, "--classes", "at least 1", classes);
        checkName(file, command, modelName);
        SavedModel.Opener opener = SavedModel.file(file);
        if (modelName != null) opener.model(modelName);
        if (modelName != null && classes != null) opener.classes(classes);
        return opener.open();
    }

    /** Refuses a name for the network of a file that says itself which it is, and to go on without one for a file that does not. */
    static void checkName(Path file, Command command, String modelName) throws IOException {
        if (modelName != null) command.requireOneOf("--model", Models.names(), modelName);
        Optional<String> said = SavedModel.describe(file).flatMap(ModelCard::model);
        if (said.isPresent() && modelName != null) {
            throw command.wrong("--model", file + " holds a " + said.get() + "; leave the option out");
        }
        if (said.isEmpty() && modelName == null && !SavedModel.isOnnx(file)) {
            throw new IOException(file + " does not say which model it holds: ondine train did not write it. Name the"
                    + " model with --model (" + String.join(", ", Models.names()) + ")");
        }
    }
}
