package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.ondine.graph.Cost;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Lists the zoo. */
@CommandLine.Command(
        name = "models",
        sortOptions = false,
        description = {
            "List the networks that --model takes.",
            "Input and classes are those that each was published for; all take other numbers of classes and channels,"
                    + " and most other sizes of images.",
            "GFLOP are those of the forward pass of one sample, a multiply-add counted as two.",
            ""
        })
final class ModelsCommand extends Command {
    @Option(names = "--json", description = "Print one JSON list and nothing else.")
    private boolean json;

    /** A network with what it holds and costs. */
    private record Row(ModelEntry entry, long parameters, double gflop) {
        static Row of(ModelEntry entry) {
            Layer layer = entry.create();
            long parameters = Model.specs(layer, entry.sample()).stream()
                    .filter(ParameterSpec::learned)
                    .mapToLong(spec -> spec.shape().elements())
                    .sum();
            long flops = Cost.of(Model.graph(layer, entry.sample(), Mode.EVALUATION, 1))
                    .flops();
            return new Row(entry, parameters, flops * 1e-9);
        }

        String task() {
            return entry.task().name().toLowerCase(Locale.ROOT);
        }
    }

    @Override
    public Integer call() throws IOException {
        List<Row> rows = Models.all().stream().map(Row::of).toList();
        if (json) {
            printJson(rows);
        } else {
            printTable(rows);
        }
        return DONE;
    }

    private void printTable(List<Row> rows) {
        int width = 2
                + rows.stream().mapToInt(row -> row.entry.name().length()).max().orElse(0);
        out().println(Text.left("model", width) + Text.left("input", 11) + Text.right("classes", 7)
                + Text.right("parameters", 13) + Text.right("GFLOP", 9) + "  what");
        for (Row row : rows) {
            ModelEntry entry = row.entry;
            String classes = entry.classes() > 0 ? Integer.toString(entry.classes()) : "-";
            out().println(Text.left(entry.name(), width) + Text.left(crossed(entry.sample()), 11)
                    + Text.right(classes, 7) + Text.right(Text.grouped(row.parameters), 13)
                    + Text.right(Text.fixed(row.gflop, 4), 9) + "  " + entry.description());
        }
    }

    private void printJson(List<Row> rows) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator list = new JsonFactory().createGenerator(text)) {
            list.writeStartArray();
            for (Row row : rows) {
                list.writeStartObject();
                list.writeStringField("name", row.entry.name());
                list.writeStringField("description", row.entry.description());
                list.writeStringField("task", row.task());
                list.writeArrayFieldStart("sample");
                for (long dim : row.entry.sample().dims()) list.writeNumber(dim);
                list.writeEndArray();
                list.writeNumberField("classes", row.entry.classes());
                list.writeNumberField("parameters", row.parameters);
                list.writeNumberField("gflop", row.gflop);
                list.writeEndObject();
            }
            list.writeEndArray();
        }
        out().println(text);
    }

    /** {@code 3x224x224}. */
    private static String crossed(Shape shape) {
        return Arrays.stream(shape.dims()).mapToObj(Long::toString).collect(Collectors.joining("x"));
    }
}
