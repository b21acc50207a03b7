package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ctrl-C and its like, in a process of its own. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class InterruptionTest {
    private static final int SIGKILL = 9;

    @TempDir
    Path folder;

    @BeforeEach
    void requireSignals() {
        assumeFalse(System.getProperty("os.name").startsWith("Windows"), "no signals");
    }

    private Process start(Object... options) throws IOException {
        List<Object> arguments = new ArrayList<>(List.of("train", "--model", "mlp-bn", "--out", "run"));
        arguments.addAll(List.of(options));
        return Ondine.process(folder, arguments.toArray()).start();
    }

    private static void signal(Process process, String name) throws IOException, InterruptedException {
        assertEquals(
                0,
                new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                        .start()
                        .waitFor());
    }

    private String text(String file) throws IOException {
        Path path = folder.resolve(file);
        return Files.exists(path) ? Files.readString(path) : "";
    }

    private void waitFor(Process process, String file, String expected) throws Exception {
        while (!text(file).contains(expected)) {
            assertTrue(process.isAlive(), () -> "it ended before '" + expected + "' was seen in " + file);
            Thread.sleep(20);
        }
    }

    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143"})
    void stopsAfterTheStepAndSaves(String name, int code) throws Exception {
        Process process = start("--data", "digits:1000,100", "--epochs", 1_000_000, "--threads", 1);
        try {
            waitFor(process, "out", "epoch       2/1000000");
            signal(process, name);
            assertEquals(code, process.waitFor());
        } finally {
            process.destroyForcibly();
        }
        String out = text("out");
        assertTrue(out.contains("Stopped after step"), out);
        assertFalse(out.contains("\u001b") || out.contains("\r"), "no control characters but on a terminal");
        assertTrue(text("err").contains("Stopping after this step"), text("err"));
        assertTrue(text("run/log.jsonl").contains("\"how\":\"interrupted\""));
        Ondine.Outcome eval = Ondine.run("eval", "--checkpoint", folder.resolve("run/model.safetensors"));
        assertEquals(0, eval.code(), eval.err());
    }

    /** The reference backend needs far longer for this step than anybody waits. */
    @Test
    void theSecondTimeItEndsAtOnce() throws Exception {
        Process process = start("--data", "digits:8000,100", "--batch", 8000, "--epochs", 1, "--backend", "reference");
        try {
            waitFor(process, "run/log.jsonl", "start");
            signal(process, "INT");
            waitFor(process, "err", "Ctrl-C again");
            signal(process, "INT");
            assertEquals(130, process.waitFor());
        } finally {
            process.destroyForcibly();
        }
        assertFalse(text("out").contains("Stopped"), text("out"));
        assertTrue(Files.exists(folder.resolve("run/log.jsonl")));
    }

    /** Killed in the middle of its work, again and again while it saves: what lies there is always whole. */
    @Test
    void aCheckpointIsAlwaysWhole() throws Exception {
        Process process = start("--data", "digits:100,20", "--batch", 50, "--epochs", 1_000_000, "--threads", 1);
        try {
            waitFor(process, "out", "epoch       3/1000000");
            Thread.sleep(50);
        } finally {
            process.destroyForcibly();
        }
        assertEquals(128 + SIGKILL, process.waitFor());
        Ondine.Outcome eval = Ondine.run("eval", "--checkpoint", folder.resolve("run/model.safetensors"));
        assertEquals(0, eval.code(), eval.err());
    }
}
