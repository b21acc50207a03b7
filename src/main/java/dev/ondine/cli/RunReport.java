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

/** Writes the page of a run. */
final class RunReport {
    static final String FILE = "report.html";

    private RunReport() {}

    /** Into the run's folder, with what a model makes of a data set, both there already. */
    static Path write(Path folder, Model model, ModelCard card, Dataset test, Backend backend, PlanOptions options)
            throws IOException {
        Path page = folder.resolve(FILE);
        write(folder, page, Optional.of(samples(model, card, test, backend, options)), "");
        return page;
    }

    /** With what the folder's model makes of the data that it names; without that, if these are not to be had any more. */
    static void write(Path folder, Path page, Backend backend, PlanOptions options) throws IOException {
        Path checkpoint = folder.resolve(Checkpoints.MODEL);
        Optional<ModelCard> stored = Files.exists(checkpoint) ? ModelCard.read(checkpoint) : Optional.empty();
        if (stored.isEmpty()) {
            write(
                    folder,
                    page,
                    Optional.empty(),
                    Files.exists(checkpoint) ? "The model does not say what it is." : "The folder holds no model.");
            return;
        }
        ModelCard card = stored.get();
        if (card.data().isEmpty()) {
            write(folder, page, Optional.empty(), "The model does not say what it was trained on.");
            return;
        }
        ModelCard.Data data = card.data().get();
        Dataset test;
        try {
            DataSplit split = Datasets.open(data.name(), data.seed());
            double validation = RunHistory.read(folder).validation();
            test = (validation > 0 ? split.validation(validation, data.seed()) : split).test();
        } catch (DataException | IllegalArgumentException e) {
            write(folder, page, Optional.empty(), "The data cannot be read any more: " + e.getMessage());
            return;
        }
        try (SavedModel saved = SavedModel.open(checkpoint)) {
            write(folder, page, Optional.of(samples(saved.model(), card, test, backend, options)), "");
        }
    }

    /** Into the run's folder, without samples. */
    static Path withoutSamples(Path folder, String why) throws IOException {
        Path page = folder.resolve(FILE);
        write(folder, page, Optional.empty(), why);
        return page;
    }

    private static void write(Path folder, Path page, Optional<RunSamples> samples, String without) throws IOException {
        PageFile.write(page, RunPage.of(RunHistory.read(folder), samples, without));
    }

    private static RunSamples samples(Model model, ModelCard card, Dataset test, Backend backend, PlanOptions options) {
        return model.outputShape().equals(model.sampleShape())
                ? RunSamples.reconstructed(model, test, card.normalization(), backend, options)
                : RunSamples.classified(model, test, card.normalization(), backend, options);
    }
}
