package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.FrozenWeights;
import dev.ondine.backend.Plan;
import dev.ondine.io.onnx.OnnxNetwork;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs an ONNX file once. */
@CommandLine.Command(
        name = "run",
        sortOptions = false,
        description = {
            "Run an ONNX file on tensors from files, and write what it computes.",
            "Tensors are NumPy arrays (.npy), ONNX's tensor files (.pb) or safetensors, by the names of the files.",
            ""
        })
final class RunCommand extends Command {
    @Parameters(arity = "1", paramLabel = "MODEL.onnx", description = "The network.")
    private Path model;

    @Option(
            names = "--input",
            required = true,
            paramLabel = "[NAME=]FILE",
            description =
                    "A tensor for an input, or a safetensors file with several. Without names they are taken in order.")
    private List<String> inputs;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "FILE",
            description = "What to write: one output as .npy or .pb; all of them as .safetensors, or in files with"
                    + " -NAME before the ending.")
    private Path output;

    @Option(names = "--force", description = "Overwrite a file that is there.")
    private boolean force;

    @Mixin
    private BackendOptions computing;

    @Override
    public Integer call() throws IOException {
        computing.check(this);
        if (!force && Files.exists(output))
            throw wrong("--output", output + " is there already; --force overwrites it");
        TensorFiles.requireKnown(this, "--output", output);
        Map<String, Tensor> given = new LinkedHashMap<>();
        try (OnnxNetwork network = OnnxNetwork.open(model)) {
            requireExact(network);
            readInputs(network, given);
            Map<String, Shape> shapes = new LinkedHashMap<>();
            given.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
            OnnxNetwork.Built built = network.graph(shapes);
            Backend backend = computing.open(this);
            try (FrozenWeights weights = new FrozenWeights(built.tensors()::get);
                    Plan plan =
                            backend.compile(built.graph(), computing.options().frozen(weights))) {
                for (var entry : given.entrySet()) {
                    fill(entry.getKey(), plan.input(entry.getKey()), entry.getValue());
                }
                long start = System.nanoTime();
                plan.run(0);
                double seconds = (System.nanoTime() - start) * 1e-9;
                Map<String, Tensor> results = new LinkedHashMap<>();
                for (String name : network.outputs()) results.put(name, plan.output(name));
                List<Path> written = TensorFiles.write(output, results);
                field("Backend", computing.describe(backend));
                given.forEach((name, tensor) -> field("Input", name + " " + tensor.shape()));
                results.forEach((name, tensor) -> field("Output", name + " " + tensor.shape()));
                field("Time", Text.fixed(seconds * 1e3, 2) + " ms, the first run");
                for (Path file : written) field("Written", file.toString());
            }
        } finally {
            given.values().forEach(Tensor::close);
        }
        return DONE;
    }

    /** Whole numbers are computed with as floating-point ones: of tokens above 256 bfloat16 would make others. */
    private void requireExact(OnnxNetwork network) {
        if (!computing.precision().isBfloat16()) return;
        for (String name : network.inputs()) {
            if (network.isWhole(name)) {
                throw wrong("--dtype", "the input '" + name + "' takes whole numbers, which only f32 holds exactly");
            }
        }
    }

    private void readInputs(OnnxNetwork network, Map<String, Tensor> given) throws IOException {
        for (String input : inputs) {
            int equals = input.indexOf('=');
            boolean named = equals > 0 && network.inputs().contains(input.substring(0, equals));
            Path file = Path.of(named ? input.substring(equals + 1) : input);
            TensorFiles.requireKnown(this, "--input", file);
            for (var entry : TensorFiles.read(file).entrySet()) {
                String name = named
                        ? input.substring(0, equals)
                        : network.inputs().contains(entry.getKey()) ? entry.getKey() : next(network, given);
                if (name == null || given.containsKey(name)) {
                    entry.getValue().close();
                    throw wrong("--input", file + " gives more than the inputs " + network.inputs());
                }
                given.put(name, entry.getValue());
            }
        }
        for (String name : network.inputs()) {
            if (!given.containsKey(name)) throw wrong("--input", "nothing is given for the input '" + name + "'");
        }
    }

    private static String next(OnnxNetwork network, Map<String, Tensor> given) {
        return network.inputs().stream()
                .filter(name -> !given.containsKey(name))
                .findFirst()
                .orElse(null);
    }

    private void fill(String name, Tensor input, Tensor given) {
        if (given.dataType() == DataType.FLOAT32) {
            input.copyFrom(given);
        } else if (given.dataType().isFloat()) {
            try (Tensor converted = given.convertTo(DataType.FLOAT32)) {
                input.copyFrom(converted);
            }
        } else {
            for (long i = 0; i < given.elements(); i++) {
                long value = given.getLongAt(i);
                require(
                        (long) (float) value == value,
                        "--input",
                        "of numbers that float32 holds exactly for '" + name + "'",
                        value);
                input.setFloatAt(i, (float) value);
            }
        }
    }
}
