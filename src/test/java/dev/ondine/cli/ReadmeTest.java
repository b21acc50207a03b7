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
        MatchResult match = Pattern.compile("(?s)<!-- example.*?-->\\s*```java\n(.*?)```")
                .matcher(Files.readString(README))
                .results()
                .findFirst()
                .orElseThrow(() -> new AssertionError("no example in " + README));
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
