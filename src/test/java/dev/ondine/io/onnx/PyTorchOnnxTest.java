package dev.ondine.io.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.ondine.backend.Backends;
import dev.ondine.backend.FrozenWeights;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.io.NpyFile;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Networks that PyTorch exported, as it does: see {@code src/test/resources/onnx/generate.py}. Another folder of such files is taken
 * with {@code -Dondine.onnx.files}.
 */
class PyTorchOnnxTest {
    /** Of the largest output: some dozen layers in float32 on both sides, sums in another order. */
    private static final float TOLERANCE = 2e-5f;

    static List<Path> files() throws IOException, URISyntaxException {
        String given = System.getProperty("ondine.onnx.files");
        Path folder = given != null
                ? Path.of(given)
                : Path.of(PyTorchOnnxTest.class.getResource("/onnx").toURI());
        try (Stream<Path> all = Files.list(folder)) {
            List<Path> files =
                    all.filter(f -> f.toString().endsWith(".onnx")).sorted().toList();
            assertFalse(files.isEmpty());
            return files;
        }
    }

    @ParameterizedTest
    @MethodSource("files")
    void bothBackendsComputeWhatPyTorchDoes(Path file) throws IOException {
        String name = file.getFileName().toString().replace(".onnx", "");
        try (OnnxNetwork network = OnnxNetwork.open(file);
                Tensor x = NpyFile.read(file.resolveSibling(name + "-x.npy"));
                Tensor y = NpyFile.read(file.resolveSibling(name + "-y.npy"))) {
            OnnxNetwork.Built built = network.graph(Map.of("x", x.shape()));
            for (String backend : List.of("reference", "onednn")) {
                try (FrozenWeights weights = new FrozenWeights(built.tensors()::get);
                        Plan plan = Backends.named(backend)
                                .compile(built.graph(), PlanOptions.threads(1).frozen(weights))) {
                    Tensor input = plan.input("x");
                    for (long i = 0; i < x.elements(); i++) {
                        input.setFloatAt(i, x.dataType().isFloat() ? x.getFloatAt(i) : (float) x.getLongAt(i));
                    }
                    plan.run(0);
                    assertEquals(y.shape(), plan.output("y").shape());
                    Closeness.check(y.toFloatArray(), plan.output("y").toFloatArray(), TOLERANCE);
                }
            }
        }
    }
}
