package dev.ondine.io.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.SavedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A checkpoint of a network from an ONNX file holds the network, without its numbers a second time, and does without the file. */
class NetworkStructureTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.ondine.io.onnx.PyTorchOnnxTest#files")
    void aCheckpointNeedsNoOnnxFile(Path file) throws IOException {
        Path copy = Files.copy(file, folder.resolve("copy.onnx"));
        Path checkpoint = folder.resolve("model.safetensors");
        OnnxRuntime.Values expected;
        try (OnnxNetwork network = OnnxNetwork.open(copy);
                Model model = Model.of(network, network.sampleShape(), 0)) {
            expected = OnnxExportTest.run(model, 2);
            Checkpoint.save(checkpoint, model, Map.of());
            int length = network.structure(network.sampleShape()).length;
            long numbers = model.parameters().learned() * Float.BYTES;
            assertTrue(length < Files.size(file) - numbers / 2, length + " bytes of " + Files.size(file));
        }
        Files.delete(copy);
        Path again = folder.resolve("again.safetensors");
        try (SavedModel saved = SavedModel.open(checkpoint)) {
            assertArrayEquals(
                    expected.values(), OnnxExportTest.run(saved.model(), 2).values());
            // And once more, from the network without the file.
            Checkpoint.save(again, saved.model(), Map.of());
        }
        try (SavedModel saved = SavedModel.open(again)) {
            assertArrayEquals(
                    expected.values(), OnnxExportTest.run(saved.model(), 2).values());
        }
    }

    /** The scales of its groups are repeated for the channels while the graph is built: they are kept, large as they are. */
    @Test
    void whatIsComputedWithIsKept() throws IOException {
        Path file = OnnxCase.of(
                        "GroupNormalization | 18 | x[1,400,3] s(200) b(200) w(5,1200) | GroupNormalization x s b -> n"
                                + " num_groups=200 & Flatten n -> f & Gemm f w -> y transB=1")
                .write(folder);
        try (OnnxNetwork network = OnnxNetwork.open(file)) {
            byte[] structure = network.structure(Shape.of(400, 3));
            assertTrue(structure.length > 2 * 200 * 4 && structure.length < 5 * 1200 * 4, structure.length + " bytes");
        }
    }

    @Test
    void damagedStructuresAreRefused() throws IOException {
        Path file = OnnxCase.of("Gemm | 13 | x[1,90] w(90,3) | Gemm x w -> y").write(folder);
        try (OnnxNetwork network = OnnxNetwork.open(file)) {
            byte[] structure = network.structure(Shape.of(90));
            try (OnnxNetwork same = OnnxNetwork.ofStructure(file, structure)) {
                assertEquals(network.sampleShape(), same.sampleShape());
                // There is nothing to compute with.
                assertThrows(IllegalStateException.class, () -> same.graph(Map.of("x", Shape.of(1, 90))));
            }
            byte[] half = java.util.Arrays.copyOf(structure, structure.length / 2);
            assertThrows(OnnxException.class, () -> OnnxNetwork.ofStructure(file, half));
            // As an ONNX file of its own its numbers are missing.
            Path alone = Files.write(folder.resolve("alone.onnx"), structure);
            OnnxException e = assertThrows(OnnxException.class, () -> OnnxNetwork.open(alone));
            assertTrue(e.getMessage().contains("ondine.checkpoint"), e.getMessage());
        }
    }
}
