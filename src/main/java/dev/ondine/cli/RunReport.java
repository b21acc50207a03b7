package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.DataException;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Dataset;
import dev.ondine.data.Datasets;
import dev.ondine.nn.Model;
import dev.ondine.train.Checkpoints;
import dev.ondine.train.ModelCard;
import dev.ondine.train.SavedModel;
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
        if (card.data().isEmpty()) {
            return write(folder, Optional.empty(), "The model does not say what it was trained on.");
        }
        ModelCard.Data data = card.data().get();
        Dataset test;
        try {
            DataSplit split = Datasets.open(data.name(), data.seed());
            double validation = RunHistory.read(folder).validation();
            test = (validation > 0 ? split.validation(validation, data.seed()) : split).test();
        } catch (DataException | IllegalArgumentException e) {
            return write(folder, Optional.empty(), "The data cannot be read any more: " + e.getMessage());
        }
        try (SavedModel saved = SavedModel.open(checkpoint)) {
            return write(folder, saved.model(), card, test, backend, options);
        }
    }

    /** Without samples. */
    static Path write(Path folder, Optional<RunSamples> samples, String without) throws IOException {
        Path file = folder.resolve(FILE);
        PageFile.write(file, RunPage.of(RunHistory.read(folder), samples, without));
        return file;
    }

    private static RunSamples samples(Model model, ModelCard card, Dataset test, Backend backend, PlanOptions options) {
        return model.outputShape().equals(model.sampleShape())
                ? RunSamples.reconstructed(model, test, card.normalization(), backend, options)
                : RunSamples.classified(model, test, card.normalization(), backend, options);
    }
}
