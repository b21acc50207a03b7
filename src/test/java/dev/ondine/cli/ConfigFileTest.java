package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options from a file, and the file that a run leaves. */
class ConfigFileTest {
    @TempDir
    Path folder;

    private Path config(String text) throws IOException {
        return Files.writeString(folder.resolve("my.properties"), text);
    }

    private static Properties properties(Path file) throws IOException {
        Properties values = new Properties();
        try (var reader = Files.newBufferedReader(file)) {
            values.load(reader);
        }
        return values;
    }

    @Test
    void aRunCanBeRepeatedFromItsFolder() throws IOException {
        Path first = folder.resolve("1");
        Path second = folder.resolve("2");
        Path config = config("""
            # A comment, and blanks around.
            data = digits:200,50
            model=mlp-bn
            epochs: 1
            batch   20
            optimizer = adam
            mirror = true
            threads = 1
            """);
        Ondine.Outcome run = Ondine.run("train", "--config", config, "--seed", 7, "--epochs=2", "--out", first);
        assertEquals(0, run.code(), run.err());
        Properties written = properties(first.resolve("config.properties"));
        assertEquals("2", written.getProperty("epochs"), "the command line wins");
        assertEquals("20", written.getProperty("batch"));
        assertEquals("0.002", written.getProperty("lr"), "what was left open is written as it was used");
        assertEquals("0.0", written.getProperty("weight-decay"));
        assertEquals("true", written.getProperty("mirror"));
        assertEquals("0", written.getProperty("shift"));
        assertEquals("1", written.getProperty("threads"));
        assertTrue(written.containsKey("backend"));
        assertFalse(written.containsKey("momentum"), "adam has none");
        assertFalse(written.containsKey("out") || written.containsKey("config"));

        run = Ondine.run("train", "--config", first.resolve("config.properties"), "--out", second);
        assertEquals(0, run.code(), run.err());
        assertArrayEquals(
                Files.readAllBytes(first.resolve("model.safetensors")),
                Files.readAllBytes(second.resolve("model.safetensors")));
        assertEquals(written, properties(second.resolve("config.properties")));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "epoch = 3          | there is no option 'epoch' for a file; the nearest is 'epochs'",
                "learning-rate = 1  | there is no option 'learning-rate'",
                "out = x            | there is no option 'out'",
                "epochs = 0         | must be at least 1, not 0",
                "lr = fast          | fast",
                "momentum = 0.1\\nmomentum = 0.2 | is given twice",
                "data = \\u12       | encoding",
            })
    void whatIsWrongIsNamed(String text, String expected) throws IOException {
        Path config = config(text.replace("\\n", "\n"));
        Ondine.Outcome run = Ondine.run("train", "--config", config, "--out", folder.resolve("run"));
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().contains(expected), run.err());
        assertFalse(Files.exists(folder.resolve("run")));
    }

    @Test
    void resumingTakesNoOtherFolder() throws IOException {
        Path run = Files.createDirectories(folder.resolve("run"));
        Files.writeString(run.resolve("config.properties"), "epochs = 1\n");
        Ondine.Outcome out = Ondine.run("train", "--resume", run, "--out", folder);
        assertEquals(2, out.code());
        assertTrue(out.err().contains("resumed in its own folder"), out.err());
        Ondine.Outcome both = Ondine.run("train", "--resume", run, "--config", run.resolve("config.properties"));
        assertEquals(2, both.code());
        assertTrue(both.err().contains("do not go together"), both.err());
    }
}
