package dev.ondine.cli;

import dev.ondine.graph.Cost;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.io.onnx.OnnxNetwork;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import dev.ondine.train.SavedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists what a network is made of. */
@CommandLine.Command(
        name = "show",
        sortOptions = false,
        description = {
            "List the operations of a checkpoint or an ONNX file, as it runs in evaluation: shapes, parameters, FLOPs,"
                    + " memory.",
            "A multiply-add counts as two. Memory is what each result takes; a plan reuses it.",
            ""
        })
final class ShowCommand extends Command {
    @Parameters(arity = "1", paramLabel = "MODEL", description = "A checkpoint (.safetensors) or an ONNX file.")
    private Path file;

    @Option(names = "--batch", paramLabel = "N", description = "Samples at a time. Default: ${DEFAULT-VALUE}.")
    private int batch = 1;

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description = "As ondine models lists it, for a checkpoint that does not say it.")
    private String modelName;

    @Option(
            names = "--shape",
            paramLabel = "[NAME=]NxCxHxW",
            description = "The shape of an ONNX file's input, where the file leaves it open.")
    private List<String> shapes = List.of();

    @Override
    public Integer call() throws IOException {
        require(batch > 0, "--batch", "at least 1", batch);
        if (file.toString().endsWith(".onnx")) {
            try (OnnxNetwork network = OnnxNetwork.open(file)) {
                field("File", file + ", operators of ONNX " + network.opset());
                print(network.graph(inputShapes(network)).graph());
            }
        } else {
            try (SavedModel opened = CheckpointOptions.open(file, this, modelName, null)) {
                field("Checkpoint", file + " (" + opened.name() + ")");
                Model model = opened.model();
                print(Model.graph(model.network(), model.sampleShape(), Mode.EVALUATION, batch));
            }
        }
        return DONE;
    }

    private Map<String, Shape> inputShapes(OnnxNetwork network) {
        Map<String, Shape> result = new LinkedHashMap<>();
        for (String s : shapes) {
            int equals = s.indexOf('=');
            String name = equals > 0 ? s.substring(0, equals) : network.inputs().getFirst();
            try {
                String[] dims = s.substring(equals + 1).split("x", -1);
                result.put(
                        name,
                        Shape.of(Arrays.stream(dims).mapToLong(Long::parseLong).toArray()));
            } catch (IllegalArgumentException _) {
                throw wrong("--shape", "must be like 1x3x224x224, not '" + s + "'");
            }
        }
        for (String name : network.inputs()) {
            if (result.containsKey(name)) continue;
            long[] dims = network.dims(name);
            boolean open = dims == null || Arrays.stream(dims).skip(1).anyMatch(d -> d < 0);
            if (open) throw wrong("--shape", "the file leaves the shape of the input '" + name + "' open: give it");
            if (dims.length > 0 && dims[0] < 0) dims[0] = batch;
            result.put(name, Shape.of(dims));
        }
        return result;
    }

    private void print(Graph graph) {
        Set<Value> seen = new HashSet<>();
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"layer", "operation", "output", "parameters", "MFLOP", "MB"});
        long parameters = 0;
        long largest = 0;
        Map<Value, Integer> last = new LinkedHashMap<>();
        for (int i = 0; i < graph.nodes().size(); i++)
            for (Value v : graph.nodes().get(i).inputs()) last.put(v, i);
        for (Value v : graph.outputs().values()) last.put(v, graph.nodes().size());
        long live = graph.inputs().stream().mapToLong(ShowCommand::bytes).sum();
        for (int i = 0; i < graph.nodes().size(); i++) {
            Node node = graph.nodes().get(i);
            long own = 0;
            for (Value v : node.inputs()) {
                if (v.role() == Value.Role.PARAMETER && seen.add(v))
                    own += v.shape().elements();
            }
            parameters += own;
            Value y = node.output(0);
            live += bytes(y);
            largest = Math.max(largest, live);
            for (Value v : new HashSet<>(node.inputs())) {
                boolean activation = v.role() == Value.Role.COMPUTED || v.role() == Value.Role.INPUT;
                if (activation && last.get(v) == i) live -= bytes(v);
            }
            if (node.op() instanceof Op.Fill) continue;
            rows.add(new String[] {
                node.path(),
                node.op().getClass().getSimpleName(),
                y.shape().toString(),
                own == 0 ? "" : Text.grouped(own),
                Text.fixed(Cost.of(node).flops() * 1e-6, 2),
                Text.fixed(bytes(y) * 1e-6, 2)
            });
        }
        int[] widths = new int[6];
        for (String[] row : rows) for (int c = 0; c < 6; c++) widths[c] = Math.max(widths[c], row[c].length());
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int c = 0; c < 6; c++) {
                if (widths[c] == 0) continue;
                line.append(c < 3 ? Text.left(row[c], widths[c] + 2) : Text.right(row[c], widths[c] + 2));
            }
            out().println(line.toString().stripTrailing());
        }
        field("Parameters", Text.grouped(parameters));
        field("Work", Text.fixed(Cost.of(graph).flops() * 1e-9, 3) + " GFLOP");
        field(
                "Memory",
                Text.fixed(parameters * 4e-6, 1) + " MB of parameters; " + Text.fixed(largest * 1e-6, 1)
                        + " MB of values at most that are needed at the same time");
    }

    private static long bytes(Value v) {
        return v.shape().elements() * v.type().dataType().bytes();
    }
}
