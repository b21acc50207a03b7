package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.train.Checkpoint;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows works. */
class ReadmeTest {
    private static final Path README = Path.of("README.md");

    @TempDir
    Path folder;

    /** The code between the markers, as it stands there, compiled without a warning and run by itself. */
    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS)
    void exampleRuns() throws Exception {
        Path source = folder.resolve("Example.java");
        Files.writeString(source, example());
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            List<String> options =
                    List.of("-Xlint:all", "-Werror", "-proc:none", "-d", folder.toString(), "-cp", classPath());
            boolean compiled = compiler.getTask(messages, files, null, options, null, files.getJavaFileObjects(source))
                    .call();
            assertTrue(compiled, messages.toString());
        }
        ProcessBuilder java =
                Ondine.java(folder, folder + System.getProperty("path.separator") + classPath(), "Example");
        assertEquals(0, java.start().waitFor(), () -> text("err"));
        String out = text("out");
        assertEquals(
                List.of("epoch 1", "epoch 2"),
                out.lines().limit(2).map(l -> l.split(":")[0]).toList(),
                out);
        double accuracy =
                Double.parseDouble(out.lines().skip(1).findFirst().orElseThrow().split(": ")[1]);
        // Chance is 0.1; the README promises nothing, but an example that does not learn would be a poor one.
        assertTrue(accuracy > 0.8, out);
        assertTrue(out.contains(" was read as "), out);
        assertEquals("", text("err"));
        assertTrue(Checkpoint.metadata(folder.resolve("digits.safetensors")).isEmpty());
    }

    /** The data set as it stands there, between what imports and trains. */
    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS)
    void dataSetTrains() throws Exception {
        String text = """
            import dev.ondine.data.*;
            import dev.ondine.nn.*;
            import dev.ondine.tensor.Shape;
            import dev.ondine.train.*;
            import java.util.List;

            public class Own {
                %s
                public static void main(String[] args) {
                    DataSplit data = new DataSplit("stripes", new Stripes(256), new Stripes(64));
                    Layer network = Layers.sequential(
                            Layers.conv2d(1, 4, 3), Layers.batchNorm2d(4), Layers.relu(), Layers.flatten(),
                            Layers.linear(4 * 36, 2));
                    try (Model model = Model.of(network, data.train().sampleShape(), 1);
                            Trainer trainer = Trainer.of(model).build()) {
                        Fit fit = new Fit(trainer, data, Normalization.identity(1), Augmentation.NONE, 32, 1);
                        System.out.println(fit.workers(2).run(2).getLast().test().accuracy());
                    }
                }
            }
            """.formatted(between("<!-- example of a data set"));
        Path source = folder.resolve("Own.java");
        Files.writeString(source, text);
        StringWriter messages = new StringWriter();
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            List<String> options =
                    List.of("-Xlint:all", "-Werror", "-proc:none", "-d", folder.toString(), "-cp", classPath());
            boolean compiled = compiler.getTask(messages, files, null, options, null, files.getJavaFileObjects(source))
                    .call();
            assertTrue(compiled, messages.toString());
        }
        ProcessBuilder java = Ondine.java(folder, folder + System.getProperty("path.separator") + classPath(), "Own");
        assertEquals(0, java.start().waitFor(), () -> text("err"));
        assertEquals("1.0", text("out").strip(), "stripes are easily told apart");
    }

    /** Every line that calls ./ondine names a command and options that exist. */
    @Test
    void commandsAreUnderstood() throws IOException {
        List<String> lines = Pattern.compile("(?m)^ {4}\\./ondine (.*)$")
                .matcher(Files.readString(README))
                .results()
                .map(match -> match.group(1))
                .toList();
        assertTrue(lines.size() >= 5, lines.toString());
        for (String line : lines) {
            Ondine.Outcome run = Ondine.run((Object[]) (line + " --help").split(" "));
            assertEquals(0, run.code(), line + "\n" + run.err());
        }
    }

    private static String example() throws IOException {
        return between("<!-- example:");
    }

    /** The code behind a comment that begins so. */
    private static String between(String marker) throws IOException {
        MatchResult match = Pattern.compile("(?s)" + marker + "[^\n]*-->\\s*```java\n(.*?)```")
                .matcher(Files.readString(README))
                .results()
                .findFirst()
                .orElseThrow(() -> new AssertionError("no " + marker + " in " + README));
        return match.group(1);
    }

    private static String classPath() {
        return System.getProperty("java.class.path");
    }

    private String text(String file) {
        try {
            return Files.readString(folder.resolve(file));
        } catch (IOException e) {
            return e.toString();
        }
    }
}
