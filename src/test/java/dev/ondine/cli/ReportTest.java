package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pages of runs. */
class ReportTest {
    @TempDir
    static Path folder;

    private static Path classifier;
    private static Path autoencoder;

    @BeforeAll
    static void train() {
        classifier = train("classifier", "mlp-bn", 2);
        autoencoder = train("autoencoder", "autoencoder", 1);
    }

    private static Path train(String name, String model, int epochs) {
        Path out = folder.resolve(name);
        Ondine.Outcome run = Ondine.run(
                "train",
                "--data",
                "digits:200,60",
                "--model",
                model,
                "--epochs",
                epochs,
                "--batch",
                20,
                "--optimizer",
                "adam",
                "--out",
                out);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("Report:      " + out.resolve("report.html")), run.out());
        return out;
    }

    private static String page(Path run) throws IOException {
        String page = Files.readString(run.resolve("report.html"));
        assertFalse(page.contains("src=\"http") || page.contains("<link"), "needs nothing from elsewhere");
        return page;
    }

    @Test
    void classifiersPageHasEverything() throws IOException {
        String page = page(classifier);
        for (String part : new String[] {
            "\"title\":\"Loss\"",
            "\"title\":\"Accuracy\"",
            "\"title\":\"Learning rate\"",
            "\"title\":\"Speed\"",
            "class=\"matrix\"",
            "Worst mistakes",
            "data:image/png;base64,",
            " read as ",
            "Layer 2",
            "Layer 5",
            "running variance"
        }) {
            assertTrue(page.contains(part), part);
        }
        // Course, and four tensors of two layers.
        assertEquals(4 + 8, page.split("<canvas ", -1).length - 1);
    }

    @Test
    void autoencodersPageShowsReconstructions() throws IOException {
        String page = page(autoencoder);
        assertTrue(page.contains("Reconstructions") && page.contains("RMSE "));
        assertFalse(page.contains("\"title\":\"Accuracy\"") || page.contains("class=\"matrix\""));
        RunHistory run = RunHistory.read(autoencoder);
        assertFalse(run.has("test_accuracy"), "there is no accuracy");
        assertEquals("loss", run.settings().get("monitor"));
        Ondine.Outcome eval = Ondine.run("eval", "--checkpoint", autoencoder.resolve("model.safetensors"));
        assertEquals(0, eval.code(), eval.err());
        assertTrue(eval.out().contains(Text.fixed(run.values("test_loss", 1)[0], 4)), eval.out());
        Ondine.Outcome monitor = Ondine.run("train", "--model", "autoencoder", "--monitor", "accuracy");
        assertEquals(2, monitor.code());
        assertTrue(monitor.err().contains("no accuracy"), monitor.err());
    }

    @Test
    void historyHasTheLayers() throws IOException {
        RunHistory run = RunHistory.read(classifier);
        assertArrayEquals(new double[] {1, 2}, run.numbers());
        assertEquals("done", run.ended());
        double[] gamma = run.layers().get("2").get("gamma").get(2);
        assertEquals(LayerLog.SHARES.length, gamma.length);
        for (int i = 1; i < gamma.length; i++) assertTrue(gamma[i] >= gamma[i - 1]);
        assertTrue(gamma[0] < 1 && gamma[gamma.length - 1] > 1, "around the ones that it began with");
        try (Stream<Path> files = Files.list(classifier)) {
            assertEquals(1, files.filter(f -> f.toString().contains("tfevents")).count());
        }
    }

    @Test
    void isWrittenAnewAndCompares() throws IOException {
        Files.delete(classifier.resolve("report.html"));
        Ondine.Outcome again = Ondine.run("report", classifier);
        assertEquals(0, again.code(), again.err());
        assertTrue(page(classifier).contains("class=\"matrix\""));
        Path elsewhere = folder.resolve("one.html");
        Ondine.Outcome one = Ondine.run("report", classifier, "--html", elsewhere);
        assertTrue(one.out().contains(elsewhere.toString()), one.out() + one.err());
        assertEquals(page(classifier), Files.readString(elsewhere));
        assertEquals(2, Ondine.run("report", classifier, "--html", folder).code(), "a folder is no file");
        Path html = folder.resolve("both.html");
        Ondine.Outcome both = Ondine.run("report", classifier, autoencoder, "--html", html);
        assertEquals(0, both.code(), both.err());
        String page = Files.readString(html);
        assertTrue(page.contains("classifier: test") && page.contains("autoencoder: training"));
        assertTrue(page.contains("<td>model</td><td>mlp-bn</td><td>autoencoder</td>"), "where the settings differ");
        assertFalse(page.contains("<td>seed</td>"), "and not where they agree");
    }

    @Test
    void averagedWeightsHaveTheirCurves() throws IOException {
        Path run = Files.createDirectories(folder.resolve("averaged"));
        String start = "{\"event\":\"start\",\"model\":\"mlp-bn\",\"ema\":0.9}\n";
        String epoch = "{\"event\":\"epoch\",\"epoch\":1,\"test_loss\":2,\"test_accuracy\":0.5"
                + ",\"averaged_test_loss\":1.25,\"averaged_test_accuracy\":0.75}\n";
        String end = "{\"event\":\"end\",\"how\":\"done\",\"averaged_test_loss\":1.25"
                + ",\"averaged_test_accuracy\":0.75}\n";
        Files.writeString(run.resolve("log.jsonl"), start + epoch + end);
        assertEquals(0, Ondine.run("report", run).code());
        String page = page(run);
        assertEquals(2, page.split("test, averaged weights", -1).length - 1, "loss and accuracy");
        assertTrue(page.contains("The averaged weights have a test loss of 1.2500 and a test accuracy of 75.00 %."));
        assertFalse(page(classifier).contains("averaged weights"));
    }

    /** A killed process leaves half a line, and one that goes on writes behind it; anything else that is damaged is said. */
    @Test
    void damagedLogs() throws IOException {
        Path run = Files.createDirectories(folder.resolve("killed"));
        String whole = Files.readString(classifier.resolve("log.jsonl"));
        String first = whole.lines().limit(2).reduce("", (a, b) -> a + b + "\n");
        Files.writeString(run.resolve("log.jsonl"), first + "{\"event\":\"epo");
        assertEquals(0, Ondine.run("report", run).code());
        assertTrue(Files.readString(run.resolve("report.html")).contains("The folder holds no model."));
        Files.writeString(run.resolve("log.jsonl"), first + "{\"complete\":tr\n" + whole);
        assertEquals(0, Ondine.run("report", run).code());
        assertEquals(2, RunHistory.read(run).epochs().size());
        Files.writeString(run.resolve("log.jsonl"), "{\"event\":}\n" + first);
        Ondine.Outcome damaged = Ondine.run("report", run);
        assertEquals(1, damaged.code());
        assertTrue(damaged.err().contains("line 1"), damaged.err());
        assertEquals(1, Ondine.run("report", folder).code());
        assertEquals(1, Ondine.run("report", folder.resolve("nowhere")).code());
    }
}
