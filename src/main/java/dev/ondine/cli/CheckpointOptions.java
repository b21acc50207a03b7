package dev.ondine.cli;

import dev.ondine.nn.Model;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import dev.ondine.train.Checkpoint;
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
            description = "With --model: how many classes it tells apart. Default: as many as where it was published.")
    private Integer classes;

    /** A model from a checkpoint. */
    record Opened(String name, Model model, Optional<ModelCard> card) implements AutoCloseable {
        @Override
        public void close() {
            model.close();
        }
    }

    Opened open(Command command) throws IOException {
        if (modelName != null) command.requireOneOf("--model", Models.names(), modelName);
        if (classes != null) command.require(classes > 0, "--classes", "at least 1", classes);
        return open(file, command, modelName, classes);
    }

    /** @param modelName the network, if the checkpoint does not say it; else null */
    static Opened open(Path file, Command command, String modelName, Integer classes) throws IOException {
        Optional<ModelCard> card = ModelCard.read(file);
        if (card.isEmpty() && modelName == null) {
            throw new IOException(file + " does not say which model it holds: ondine train did not write it. Name the"
                    + " model with --model (" + String.join(", ", Models.names()) + ")");
        }
        if (card.isPresent() && modelName != null) {
            throw command.wrong("--model", file + " holds a " + card.get().model() + "; leave the option out");
        }
        Model model = card.isPresent() ? of(card.get()) : of(Models.get(modelName), classes);
        try {
            Checkpoint.load(file, model);
            return new Opened(card.map(ModelCard::model).orElse(modelName), model, card);
        } catch (IOException | RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    private static Model of(ModelCard card) {
        Shape sample = card.sample();
        return Model.of(Models.create(card.model(), sample, card.classes().size()), sample, 0);
    }

    private static Model of(ModelEntry entry, Integer classes) {
        return Model.of(entry.create(entry.sample(), classes != null ? classes : entry.classes()), entry.sample(), 0);
    }
}
