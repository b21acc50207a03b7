package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.DataException;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Dataset;
import dev.ondine.data.Datasets;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.Checkpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Writes the page of a run into its folder. */
final class RunReport {
    static final String FILE = "report.html";

    private RunReport() {}

    /** With what a model makes of a data set, both there already. */
    static Path write(Path folder, Model model, ModelCard card, Dataset test, Backend backend, PlanOptions options)
            throws IOException {
        return write(folder, Optional.of(samples(model, card, test, backend, options)), "");
    }

    /** With what the folder's model makes of the data that it names; without that, if these are not to be had any more. */
    static Path write(Path folder, Backend backend, PlanOptions options) throws IOException {
        Path checkpoint = folder.resolve(Checkpoints.MODEL);
        if (!Files.exists(checkpoint)) return write(folder, Optional.empty(), "The folder holds no model.");
        Optional<ModelCard> stored = ModelCard.read(checkpoint);
        if (stored.isEmpty()) return write(folder, Optional.empty(), "The model does not say what it is.");
        ModelCard card = stored.get();
        Dataset test;
        try {
            DataSplit split = Datasets.open(card.data(), card.seed());
            double validation = RunHistory.read(folder).validation();
            test = (validation > 0 ? split.validation(validation, card.seed()) : split).test();
        } catch (DataException | IllegalArgumentException e) {
            return write(folder, Optional.empty(), "The data cannot be read any more: " + e.getMessage());
        }
        try (Model model = Model.of(
                Models.create(card.model(), card.sample(), card.classes().size()), card.sample(), 0)) {
            Checkpoint.load(checkpoint, model);
            return write(folder, model, card, test, backend, options);
        }
    }

    /** Without samples. */
    static Path write(Path folder, Optional<RunSamples> samples, String without) throws IOException {
        Path file = folder.resolve(FILE);
        PageFile.write(file, RunPage.of(RunHistory.read(folder), samples, without));
        return file;
    }

    private static RunSamples samples(Model model, ModelCard card, Dataset test, Backend backend, PlanOptions options) {
        return Models.get(card.model()).task() == ModelEntry.Task.RECONSTRUCTION
                ? RunSamples.reconstructed(model, test, card.normalization(), backend, options)
                : RunSamples.classified(model, test, card.normalization(), backend, options);
    }
}
