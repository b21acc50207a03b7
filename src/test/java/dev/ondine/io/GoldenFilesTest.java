package dev.ondine.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The reference vectors, written by PyTorch's side: files of somebody else's making. */
class GoldenFilesTest {
    static List<Path> files() throws IOException, URISyntaxException {
        Path folder = Path.of(GoldenFilesTest.class.getResource("/golden").toURI());
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.toString().endsWith(".safetensors"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void areThere() throws IOException, URISyntaxException {
        assertTrue(files().size() >= 87, () -> "only so many reference files");
    }

    @ParameterizedTest
    @MethodSource("files")
    void areReadWhole(Path path) throws IOException {
        try (SafeTensorsFile file = SafeTensors.open(path)) {
            assertTrue(file.metadata().containsKey("op"));
            assertFalse(file.names().isEmpty());
            for (String name : file.names()) {
                TensorInfo info = file.info(name);
                try (Tensor read = file.read(name)) {
                    assertEquals(info.shape(), read.shape());
                    SafeTensorsTest.assertSame(read, file.tensor(name));
                    if (read.dataType() == DataType.INT64) {
                        for (long v : read.toLongArray()) assertTrue(v >= -1 && v < 1000, name + " " + v);
                    } else {
                        for (double v : read.toDoubleArray()) assertTrue(Double.isFinite(v), name);
                    }
                }
                String gradientOf = name.startsWith("grad_") ? name.substring(5) : name;
                if (file.contains(gradientOf))
                    assertEquals(file.info(gradientOf).shape(), info.shape(), name);
            }
        }
    }

    @Test
    void theTrajectoryHasTheNetworkThatItSays() throws IOException, URISyntaxException {
        Path path = files().stream()
                .filter(f -> f.endsWith("trajectory_small_cnn.safetensors"))
                .findFirst()
                .orElseThrow();
        try (SafeTensorsFile file = SafeTensors.open(path)) {
            assertEquals("trajectory", file.metadata().get("op"));
            assertEquals(Shape.of(8, 1, 3, 3), file.info("init.0.weight").shape());
            assertEquals(Shape.of(), file.info("final.1.num_batches_tracked").shape());
            assertEquals(6, file.tensor("final.1.num_batches_tracked").getLong());
            assertEquals(Shape.of(6), file.info("losses").shape());
            assertEquals(Shape.of(16, 1, 28, 28), file.info("input5").shape());
        }
    }
}
