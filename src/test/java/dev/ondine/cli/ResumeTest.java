package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs in processes of their own that are killed by force, and go on. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class ResumeTest {
    private static final List<String> FILES = List.of("model.safetensors", "best.safetensors", "state.safetensors");

    /** Long enough that a run is killed before its end, on a quick machine as well. */
    private static final List<Object> OPTIONS = List.of(
            "--data", "digits:640,100", "--model", "cnn-bn", "--batch", 16, "--epochs", 4, "--shift", 2, "--mirror");

    @TempDir
    Path folder;

    private Process start(Object... options) throws IOException {
        List<Object> arguments = new ArrayList<>(List.of("train", "--threads", 1, "--checkpoint-every", 1));
        arguments.addAll(List.of(options));
        return Ondine.process(folder, arguments.toArray()).start();
    }

    private static String modified(Path file) throws IOException {
        return Files.exists(file) ? Files.getLastModifiedTime(file).toString() + Files.size(file) : "";
    }

    @Test
    void killedAtAnyMomentItEndsWithTheSameBits() throws Exception {
        List<Object> options = new ArrayList<>(OPTIONS);
        options.addAll(List.of("--out", "whole"));
        assertEquals(0, start(options.toArray()).waitFor(), () -> text("err"));

        options.set(options.size() - 1, "run");
        Path state = folder.resolve("run/state.safetensors");
        // The first is killed before it has saved anything, if all goes as planned; the others within or between saves.
        Random random = new Random(1);
        int kills = 0;
        Process process = start(options.toArray());
        for (int round = 0; round < 6; round++) {
            Path seen = round == 0 ? folder.resolve("run/config.properties") : state;
            String before = modified(seen);
            try {
                while (process.isAlive() && modified(seen).equals(before)) Thread.sleep(1);
                if (round > 0) Thread.sleep(random.nextInt(120));
            } finally {
                process.destroyForcibly();
            }
            if (process.waitFor() != 0) kills++;
            process = start("--resume", "run");
        }
        assertEquals(0, process.waitFor(), () -> text("err"));
        assertTrue(kills >= 4, kills + " of the runs were killed before they had ended");

        for (String file : FILES)
            assertSameTensors(
                    folder.resolve("whole").resolve(file), folder.resolve("run").resolve(file));
        assertEquals(epochs("whole"), epochs("run"), "each epoch is logged once, with the same numbers");
        try (var files = Files.list(folder.resolve("run"))) {
            // TensorBoard joins the event files that a run's processes leave.
            assertEquals(
                    List.of(
                            "best.safetensors",
                            "config.properties",
                            "layers.jsonl",
                            "log.jsonl",
                            "model.safetensors",
                            "report.html",
                            "state.safetensors"),
                    files.map(f -> f.getFileName().toString())
                            .filter(name -> !name.startsWith("events.out.tfevents."))
                            .sorted()
                            .toList(),
                    "nothing unfinished lies about");
        }
    }

    @Test
    void whatIsOverIsNotDoneAgain() throws Exception {
        Path run = folder.resolve("run");
        Ondine.Outcome outcome = Ondine.run(
                "train", "--data", "digits:100,20", "--model", "mlp-bn", "--batch", 20, "--epochs", 1, "--out", run);
        assertEquals(0, outcome.code(), outcome.err());
        byte[] before = Files.readAllBytes(run.resolve("state.safetensors"));
        Ondine.Outcome resumed = Ondine.run("train", "--resume", run);
        assertEquals(0, resumed.code(), resumed.err());
        assertTrue(resumed.out().contains("Nothing to do"), resumed.out());
        assertArrayEquals(before, Files.readAllBytes(run.resolve("state.safetensors")));
        // Unless more is asked for.
        Ondine.Outcome more = Ondine.run("train", "--resume", run, "--epochs", 2);
        assertEquals(0, more.code(), more.err());
        assertTrue(more.out().contains("epoch 2/2") && !more.out().contains("epoch 1/2"), more.out());
        // The default is a cosine over all epochs, which two have made another.
        assertTrue(more.out().contains("from here on another than so far"), more.out());
    }

    /** The best epoch may lie before the break; which one it was is told all the same. */
    @Test
    void theBestEpochIsToldAfterABreak() throws Exception {
        Path run = folder.resolve("run");
        Ondine.Outcome first = Ondine.run(
                "train",
                "--data",
                "digits:3000,10",
                "--model",
                "mlp-bn",
                "--batch",
                50,
                "--epochs",
                3,
                "--schedule",
                "constant",
                "--lr",
                0.05,
                "--out",
                run);
        assertEquals(0, first.code(), first.err());
        // Every image right: a later epoch is not better.
        assertTrue(first.out().matches("(?s).*test loss [\\d.]+ 100.00 %.*"), first.out());
        Ondine.Outcome more = Ondine.run(
                "train", "--resume", run, "--epochs", 4, "--schedule", "multistep", "--milestones", 3, "--gamma", 0.5);
        assertEquals(0, more.code(), more.err());
        assertTrue(
                more.out()
                        .matches("(?s).*Best: +" + Pattern.quote(run.resolve("best.safetensors") + " (epoch ")
                                + "[1-3], test.*"),
                more.out());
        assertTrue(more.out().contains("then=Constant"), more.out());
    }

    @Test
    void otherParameterGroupsAreRefused() {
        Path run = folder.resolve("run");
        Object[] train = {
            "train", "--data", "digits:100,20", "--model", "mlp-bn", "--batch", 20, "--epochs", 1, "--out", run
        };
        assertEquals(0, Ondine.run(train).code());
        Ondine.Outcome frozen = Ondine.run("train", "--resume", run, "--epochs", 2, "--freeze", "1.weight");
        assertEquals(1, frozen.code());
        assertTrue(frozen.err().contains("parameter groups none, not 1 fixed"), frozen.err());
    }

    @Test
    void theStateOfAnotherRunIsRefused() throws Exception {
        Path run = folder.resolve("run");
        Object[] train = {
            "train", "--data", "digits:100,20", "--model", "mlp-bn", "--batch", 20, "--epochs", 1, "--out", run
        };
        assertEquals(0, Ondine.run(train).code());
        Ondine.Outcome batch = Ondine.run("train", "--resume", run, "--batch", 10, "--epochs", 2);
        assertEquals(1, batch.code());
        assertTrue(batch.err().contains("batch 20, not 10"), batch.err());
        Files.write(run.resolve("state.safetensors"), new byte[] {1, 2, 3});
        Ondine.Outcome damaged = Ondine.run("train", "--resume", run, "--epochs", 2);
        assertEquals(1, damaged.code());
        assertTrue(damaged.err().contains("state.safetensors"), damaged.err());
        assertFalse(damaged.err().contains("fault of Ondine"), damaged.err());
    }

    private static void assertSameTensors(Path expected, Path actual) throws IOException {
        try (SafeTensorsFile a = SafeTensors.open(expected);
                SafeTensorsFile b = SafeTensors.open(actual)) {
            assertEquals(a.names(), b.names(), actual.toString());
            for (String name : a.names()) {
                try (Tensor x = a.read(name);
                        Tensor y = b.read(name)) {
                    assertEquals(-1, x.segment().mismatch(y.segment()), name + " of " + actual);
                }
            }
            Map<String, String> whole = new TreeMap<>(a.metadata());
            Map<String, String> resumed = new TreeMap<>(b.metadata());
            for (Map<String, String> text : List.of(whole, resumed)) {
                // How long it took, and how long the log of that is.
                text.remove("seconds");
                text.keySet().removeIf(key -> key.endsWith("RunLog.length"));
            }
            assertEquals(whole, resumed, actual.toString());
        }
    }

    /** The log's lines of epochs, without times. */
    private List<String> epochs(String run) throws IOException {
        return Files.readAllLines(folder.resolve(run).resolve("log.jsonl")).stream()
                .filter(l -> l.contains("\"event\":\"epoch\""))
                .map(l -> l.substring(0, l.indexOf("\"seconds\"")))
                .toList();
    }

    private String text(String file) {
        try {
            return Files.readString(folder.resolve(file));
        } catch (IOException e) {
            return e.toString();
        }
    }
}
