package dev.ondine.packaging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * A program that uses the library as its users do: the jar that Maven made, no more beside it than docs/modules.md asks for, the
 * flags that it names, and not a word on the console that the program did not print.
 */
@EnabledIfSystemProperty(named = Packaged.PROPERTY, matches = ".+")
@Timeout(120)
class ConsumerTest {
    private static final Path SOURCES = Path.of("src/test/resources/consumer");

    private final Bill bill = Bill.read();

    @TempDir
    Path folder;

    @Test
    void onTheClassPath() throws Exception {
        List<Path> jars = new ArrayList<>(List.of(Packaged.jar()));
        jars.addAll(bill.files("module path", "class path"));
        Path classes = Files.createDirectory(folder.resolve("classes"));
        Packaged.compile(SOURCES.resolve("consumer"), classes, List.of("-cp", Packaged.path(jars)));
        String path = classes + File.pathSeparator + Packaged.path(jars);
        trains(2, List.of("--enable-native-access=ALL-UNNAMED", "-cp", path, "consumer.Consumer"));
    }

    @Test
    void onTheModulePath() throws Exception {
        trains(2, modular());
    }

    /** And through an ONNX file and back, which needs Protocol Buffers. */
    @Test
    void withOnnxOnTheModulePath() throws Exception {
        List<String> command = new ArrayList<>(modular());
        command.add("onnx");
        trains(3, command);
    }

    /** What {@code java -jar} runs is the command line; the manifest has the flag and the class path. */
    @Test
    void jarIsTheCommandLine() throws Exception {
        Packaged.Outcome info = Packaged.java(
                        folder, List.of("-jar", Packaged.jar().toString(), "info"))
                .clean();
        assertTrue(info.out().contains("oneDNN"), info.out());
    }

    /** The command line as a module, with the modules that only it needs. */
    @Test
    void moduleIsTheCommandLine() throws Exception {
        List<Path> modules = new ArrayList<>(List.of(Packaged.jar()));
        modules.addAll(bill.files("module path", "command line"));
        List<String> command = List.of(
                "--enable-native-access=dev.ondine,org.jline.nativ",
                "--add-modules=info.picocli,me.tongfei.progressbar",
                "-p",
                Packaged.path(modules),
                "-cp",
                Packaged.path(bill.files("class path", "pages")),
                "-m",
                "dev.ondine/dev.ondine.cli.Main",
                "train",
                "--data=digits:256,64",
                "--epochs=1",
                "--out=run");
        Packaged.Outcome train = Packaged.java(folder, command).clean();
        assertTrue(train.out().contains("Done: "), train.out());
        assertTrue(Files.readString(folder.resolve("run/report.html")).contains("Chart.js"));
    }

    /**
     * Compiles the consumer as a module; the arguments of Java that run it. Javac looks at optional modules, too, and warns about the Vector
     * API, which the page says.
     */
    private List<String> modular() throws IOException {
        List<Path> modules = new ArrayList<>(List.of(Packaged.jar()));
        modules.addAll(bill.files("module path"));
        Path classes = Files.createDirectory(folder.resolve("consumer-module"));
        Packaged.compile(SOURCES, classes, List.of("-Xlint:-incubating", "-p", Packaged.path(modules)));
        modules.add(classes);
        return List.of(
                "--enable-native-access=dev.ondine",
                "-p",
                Packaged.path(modules),
                "-cp",
                Packaged.path(bill.files("class path")),
                "-m",
                "consumer/consumer.Consumer");
    }

    private void trains(int lines, List<String> command) throws IOException, InterruptedException {
        Packaged.Outcome run = Packaged.java(folder, command).clean();
        List<String> out = run.out().lines().toList();
        assertEquals("onednn", out.getFirst(), run.out());
        assertEquals("done", out.getLast(), run.out());
        assertEquals(lines + 1, out.size(), run.out());
        // Chance is 6 of 64. What was learned shows that batch norm's statistics and the weights came through the file.
        for (String line : out.subList(1, lines)) {
            assertTrue(Integer.parseInt(line.split(" ")[0]) > 32, run.out());
        }
    }
}
