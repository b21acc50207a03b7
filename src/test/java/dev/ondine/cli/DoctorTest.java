package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
    @TempDir
    static Path folder;

    private static Path checkpoint;

    @BeforeAll
    static void train() {
        Ondine.Outcome run = Ondine.run(
                "train",
                "--data",
                "digits:1000,200",
                "--model",
                "mlp-bn",
                "--epochs",
                3,
                "--batch",
                50,
                "--out",
                folder);
        assertEquals(0, run.code(), run.err());
        checkpoint = folder.resolve("model.safetensors");
    }

    /** The checkpoint with some numbers of one layer changed. */
    private static Path damaged() throws IOException {
        Path file = folder.resolve("damaged.safetensors");
        Map<String, String> metadata = new TreeMap<>(Checkpoint.metadata(checkpoint));
        Shape sample = Shape.of(1, 28, 28);
        try (Model model = Model.of(Models.create("mlp-bn", sample, 10), sample, 0)) {
            Checkpoint.load(checkpoint, model);
            Tensor variance = model.parameters().get("5.running_var");
            for (int c = 0; c < 256; c++) variance.setFloatAt(c, variance.getFloatAt(c) * 1e4f);
            for (int c = 3; c < 6; c++) model.parameters().get("2.weight").setFloatAt(c, 0);
            model.parameters().get("2.bias").setFloatAt(7, -1e3f);
            model.parameters().touch();
            Checkpoint.save(file, model, metadata);
        }
        return file;
    }

    @Test
    void healthyNetworkAndDamagedOne() throws IOException {
        Ondine.Outcome healthy = Ondine.run("doctor", checkpoint);
        assertEquals(0, healthy.code(), healthy.err());
        assertTrue(healthy.out().contains("they fit"), healthy.out());
        Path page = folder.resolve("doctor.html");
        Ondine.Outcome ill = Ondine.run("doctor", damaged(), "--html", page);
        assertEquals(0, ill.code(), ill.err());
        assertTrue(ill.out().replace("\n", " ").contains("the running statistics do not fit this data"), ill.out());
        assertTrue(ill.out().replace('\n', ' ').contains("256 of 512 channels are far"), ill.out());
        assertTrue(ill.out().replace('\n', ' ').contains("most in layer 5 (256 of 256)"), ill.out());
        String html = Files.readString(page);
        assertTrue(html.contains("5: 256 channels") && html.contains("never fire"));
        assertFalse(html.contains("src=\"http"));
    }

    @Test
    void jsonNamesTheChannels() throws IOException {
        Ondine.Outcome run = Ondine.run("doctor", damaged(), "--json");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("\"layer\":\"2\",\"channels\":256,\"gamma_near_zero\":[3,4,5]"), run.out());
        String silent = run.out().replaceFirst("(?s).*?\"never_fire\":\\[(.*?)\\].*", "$1");
        assertTrue(("," + silent + ",").contains(",7,"), silent);
    }

    @Test
    void withoutData() {
        Ondine.Outcome run = Ondine.run("doctor", checkpoint, "--data", "none");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("no data"), run.out());
        assertFalse(run.out().contains("Accuracy"), run.out());
    }

    @Test
    void wrongInput() {
        assertEquals(2, Ondine.run("doctor").code());
        assertEquals(2, Ondine.run("doctor", checkpoint, "--batch", 1).code());
        assertEquals(2, Ondine.run("doctor", checkpoint, "--data", "imagenet").code());
        assertEquals(1, Ondine.run("doctor", folder.resolve("none.safetensors")).code());
        Ondine.Outcome shape = Ondine.run("doctor", checkpoint, "--html", folder);
        assertEquals(2, shape.code());
    }
}
