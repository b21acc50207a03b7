package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.ondine.backend.Backend;
import dev.ondine.data.DataException;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Dataset;
import dev.ondine.data.Datasets;
import dev.ondine.inspect.BatchNormInspection;
import dev.ondine.inspect.BatchNormInspector;
import dev.ondine.inspect.BatchNormLayer;
import dev.ondine.inspect.DoctorPage;
import dev.ondine.train.ModelCard;
import dev.ondine.train.SavedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** Examines the batch normalizations of a checkpoint. */
@CommandLine.Command(
        name = "doctor",
        sortOptions = false,
        description = {
            "Say what the batch normalizations of a checkpoint tell about the network: channels with γ near zero or"
                    + " a variance near ε, channels that never fire, running statistics that do not fit the data.",
            ""
        })
final class DoctorCommand extends Command {
    private static final String NONE = "none";

    @Parameters(paramLabel = "CHECKPOINT", description = "A model.safetensors of ondine train's.")
    private Path checkpoint;

    @Option(
            names = "--data",
            paramLabel = "DATA",
            description = "digits[:TRAIN[,TEST]], mnist:DIR, cifar10:DIR or images:DIR_OR_ZIP[?size=HxW]; or none, to"
                    + " look at the parameters only. Default: what the checkpoint was trained on.")
    private String data;

    @Option(names = "--split", paramLabel = "PART", description = "test or train. Default: ${DEFAULT-VALUE}.")
    private String part = "test";

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Samples at a time, in 16 batches at most. Default: ${DEFAULT-VALUE}.")
    private int batch = 64;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Option(names = "--html", paramLabel = "FILE", description = "Draw it into this file, too.")
    private Path html;

    @Mixin
    private BackendOptions computing;

    @Override
    public Integer call() throws IOException {
        requireOneOf("--split", List.of("test", "train"), part);
        require(batch > 1, "--batch", "at least 2", batch);
        computing.check(this);
        if (html != null) PageFile.check(this, "--html", html);
        Backend backend = computing.open(this);
        BatchNormInspection inspection;
        String on;
        String name;
        try (SavedModel saved = SavedModel.open(checkpoint)) {
            name = saved.name();
            BatchNormInspector inspector = new BatchNormInspector(saved.model(), backend, computing.options());
            if (NONE.equals(data)) {
                on = "no data";
                inspection = inspector.inspect();
            } else {
                ModelCard card = saved.card().orElseThrow(() -> unsaid("normalized with"));
                Dataset set = openData(card);
                on = set.name();
                inspection = inspector.inspect(set, card.normalization(), batch);
            }
        }
        String title = name + ", " + checkpoint;
        if (html != null) {
            PageFile.write(html, DoctorPage.of(inspection, title, List.of("Seen on " + on)));
        }
        if (json) out().println(json(inspection));
        else print(inspection, title, on);
        return DONE;
    }

    private ParameterException unsaid(String what) {
        return wrong(
                "--data",
                checkpoint + " does not say what its samples were " + what + "; --data none examines it without any");
    }

    private Dataset openData(ModelCard card) {
        DataSplit split;
        try {
            Optional<ModelCard.Data> stored = card.data();
            if (data == null && stored.isEmpty()) throw unsaid("trained on");
            split = Datasets.open(
                    data != null ? data : stored.get().name(),
                    stored.map(ModelCard.Data::seed).orElse(1L));
        } catch (IllegalArgumentException e) {
            throw wrong("--data", e.getMessage());
        } catch (DataException e) {
            if (data != null) throw e;
            throw new DataException(
                    e.getMessage()
                            + ". The checkpoint was trained on that; name other data with --data, or --data none",
                    e);
        }
        return part.equals("test") ? split.test() : split.train();
    }

    private void print(BatchNormInspection inspection, String title, String on) {
        field("Checkpoint", title);
        field("Data", on);
        if (inspection.layers().isEmpty()) {
            out().println("The model has no batch normalization.");
            return;
        }
        out().println();
        Column[] columns = columns();
        List<String> heads = new ArrayList<>(List.of("layer"));
        for (Column column : columns) heads.add(column.head);
        List<List<String>> rows = new ArrayList<>(List.of(heads));
        for (BatchNormLayer layer : inspection.layers()) {
            List<String> row = new ArrayList<>(List.of(layer.path().isEmpty() ? "(the model)" : layer.path()));
            for (Column column : columns) row.add(column.cell.apply(layer));
            rows.add(row);
        }
        table(rows);
        out().println();
        for (String line : inspection.advice()) out().println(Text.wrapped(line, 120));
        if (html != null) out().println("\nPage:        " + html);
    }

    private record Column(String head, Function<BatchNormLayer, String> cell) {}

    private static Column[] columns() {
        return new Column[] {
            new Column("channels", l -> Integer.toString(l.channels())),
            new Column("γ near 0", l -> l.gamma().length == 0 ? "-" : count(l.dead().length)),
            new Column("σ² near ε", l -> count(l.constant().length)),
            new Column("never fire", l -> l.activity().length == 0 ? "-" : count(l.silent().length)),
            new Column("far off", l -> l.mean().length == 0 ? "-" : count(l.far().length)),
            new Column("mean off by", l -> l.mean().length == 0 ? "-" : Text.fixed(l.medianShift(), 2) + " σ"),
            new Column("σ² by", l -> l.mean().length == 0 ? "-" : Text.fixed(l.medianRatio(), 2) + " x")
        };
    }

    private static String count(int channels) {
        return channels == 0 ? "." : Integer.toString(channels);
    }

    private void table(List<List<String>> rows) {
        int[] widths = new int[rows.getFirst().size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++)
                widths[i] = Math.max(widths[i], row.get(i).length());
        }
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder(Text.left(row.getFirst(), widths[0]));
            for (int i = 1; i < widths.length; i++) line.append("  ").append(Text.right(row.get(i), widths[i]));
            out().println(line);
        }
    }

    private String json(BatchNormInspection inspection) throws IOException {
        return Json.write(json -> {
            json.writeStartObject();
            json.writeStringField("checkpoint", checkpoint.toString());
            if (inspection.comparison().isPresent()) {
                BatchNormInspection.Comparison c = inspection.comparison().get();
                json.writeObjectFieldStart("accuracy");
                json.writeNumberField("samples", c.samples());
                json.writeNumberField("batch", c.batch());
                json.writeNumberField("with_running_statistics", c.running());
                json.writeNumberField("with_batch_statistics", c.ofBatches());
                json.writeEndObject();
            }
            json.writeArrayFieldStart("layers");
            for (BatchNormLayer layer : inspection.layers()) layer(json, layer);
            json.writeEndArray();
            json.writeArrayFieldStart("advice");
            for (String line : inspection.advice()) json.writeString(line);
            json.writeEndArray();
            json.writeEndObject();
        });
    }

    private static void layer(JsonGenerator json, BatchNormLayer layer) throws IOException {
        json.writeStartObject();
        json.writeStringField("layer", layer.path());
        json.writeNumberField("channels", layer.channels());
        if (layer.gamma().length > 0) channels(json, "gamma_near_zero", layer.dead());
        channels(json, "variance_near_epsilon", layer.constant());
        if (layer.activity().length > 0) channels(json, "never_fire", layer.silent());
        if (layer.mean().length > 0) {
            channels(json, "running_statistics_far_off", layer.far());
            Json.number(json, "median_mean_shift", layer.medianShift());
            Json.number(json, "median_variance_ratio", layer.medianRatio());
        }
        json.writeEndObject();
    }

    private static void channels(JsonGenerator json, String name, int[] channels) throws IOException {
        json.writeFieldName(name);
        json.writeArray(channels, 0, channels.length);
    }
}
