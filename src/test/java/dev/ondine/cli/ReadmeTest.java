package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.data.DataSplit;
import dev.ondine.data.Datasets;
import dev.ondine.train.ModelCard;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the README and the pages in docs/ show works. */
@Timeout(120)
class ReadmeTest {
    private static final Path README = Path.of("README.md");
    private static final Path LIBRARY = Path.of("docs/library.md");
    private static final Path EMBEDDING = Path.of("docs/embedding.md");

    @TempDir
    Path folder;

    /** The code between the markers, as it stands there, compiled without a warning and run by itself. */
    @Test
    void exampleTrains() throws Exception {
        String out = run("Example", block(README, "<!-- example:"));
        List<String> lines = out.lines().toList();
        assertEquals(3, lines.size(), out);
        assertTrue(lines.get(0).startsWith("epoch 1: "), out);
        assertTrue(lines.get(1).startsWith("epoch 2: "), out);
        // Chance is 0.1; the README promises nothing, but an example that does not learn would be a poor one.
        assertTrue(Double.parseDouble(lines.get(1).split(": ")[1]) > 0.8, out);
        assertTrue(lines.get(2).contains(" was read as "), out);
        assertEquals(
                10,
                ModelCard.read(folder.resolve("digits.safetensors"))
                        .orElseThrow()
                        .classes()
                        .size());
    }

    /** The three ways in, one after another as a reader would, in one folder: what was trained is embedded. */
    @Test
    void waysInWork() throws Exception {
        List<String> commands = new ArrayList<>();
        for (String block : blocks(README, "<!-- commands:"))
            commands.addAll(block.lines().toList());
        assertEquals(
                List.of("train", "eval", "bench", "explain"),
                commands.stream().map(line -> line.split(" ")[1]).toList());
        StringBuilder all = new StringBuilder();
        for (String command : commands) {
            assertTrue(command.startsWith("./ondine "), command);
            Object[] arguments = command.substring("./ondine ".length()).split(" ");
            assertEquals(
                    0,
                    Ondine.process(folder, arguments).start().waitFor(),
                    () -> command + "\n" + text("out") + text("err"));
            assertEquals("", text("err"), command);
            all.append(text("out"));
        }
        for (String told : List.of("Checkpoint:  runs/first/model.safetensors", "images/s", "Allocated    0 bytes")) {
            assertTrue(all.toString().contains(told), () -> told + " is missing:\n" + all);
        }
        assertTrue(Files.exists(folder.resolve("runs/first/report.html")), "the report that the README names");

        List<Integer> labels = writeDigits(8);
        String[] names = new String[labels.size()];
        for (int i = 0; i < names.length; i++) names[i] = i + ".png";
        List<String> lines = run("Classify", block(README, "<!-- example of embedding"), (Object[]) names)
                .lines()
                .toList();
        assertEquals(3 * names.length, lines.size(), lines.toString());
        int right = 0;
        for (int i = 0; i < names.length; i++) {
            if (lines.get(3 * i).startsWith(names[i] + ": " + labels.get(i) + " ")) right++;
        }
        // Chance is less than one of eight; two epochs of 6,000 digits do much better.
        assertTrue(right >= 5, right + " right: " + lines);
    }

    /** The data set and the loop of single steps as they stand there, between what imports and uses them. */
    @Test
    void libraryPageCompilesAndTrains() throws Exception {
        String text = """
            import dev.ondine.data.*;
            import dev.ondine.nn.*;
            import dev.ondine.tensor.Shape;
            import dev.ondine.train.*;
            import java.util.List;

            public class Own {
                %s
                %s
                public static void main(String[] args) {
                    DataSplit data = new DataSplit("stripes", new Stripes(256), new Stripes(64));
                    Layer network = Layers.sequential(
                            Layers.conv2d(1, 4, 3), Layers.batchNorm2d(4), Layers.relu(), Layers.flatten(),
                            Layers.linear(4 * 36, 2));
                    try (Model model = Model.of(network, data.train().sampleShape(), 1)) {
                        float first = epoch(model, data.train(), Normalization.identity(1));
                        try (Trainer trainer = Trainer.of(model).build()) {
                            Fit fit = new Fit(trainer, data, Normalization.identity(1), Augmentation.NONE, 32, 1);
                            System.out.println(fit.workers(2).run(2).getLast().test().accuracy());
                        }
                        System.out.println(first < 0.7f);
                    }
                }
            }
            """.formatted(
                        block(LIBRARY, "<!-- example of a data set"), block(LIBRARY, "<!-- example of single steps"));
        assertEquals("1.0\ntrue", run("Own", text).strip(), "stripes are easily told apart");
    }

    /** A network of one's own is saved with its card, and opened. */
    @Test
    void embeddingPageCompilesAndOpens() throws Exception {
        String text = """
            import dev.ondine.data.*;
            import dev.ondine.nn.*;
            import dev.ondine.tensor.Shape;
            import dev.ondine.train.*;
            import java.io.IOException;
            import java.nio.file.Path;
            import java.util.List;

            public class Own {
                %s
                public static void main(String[] args) throws IOException {
                    Layer network = Layers.sequential(Layers.flatten(), Layers.linear(4, 2));
                    Path file = Path.of("own.safetensors");
                    try (Model model = Model.of(network, Shape.of(1, 2, 2), 1)) {
                        save(file, model, List.of("cat", "dog"), Normalization.identity(1));
                    }
                    try (Predictor predictor = open(file, network)) {
                        System.out.println(predictor.classes());
                    }
                }
            }
            """.formatted(block(EMBEDDING, "<!-- example of a model card"));
        assertEquals("[cat, dog]", run("Own", text).strip());
    }

    /** Every line that calls ./ondine names a command and options that exist. */
    @Test
    void commandsAreUnderstood() throws IOException {
        List<String> lines = new ArrayList<>();
        for (Path page : pages()) {
            Matcher found =
                    Pattern.compile("(?m)^(?: {4})?\\./ondine ([^&|\n]*)$").matcher(Files.readString(page));
            while (found.find()) lines.add(found.group(1));
        }
        assertTrue(lines.size() >= 20, lines.toString());
        for (String line : lines) {
            Ondine.Outcome run = Ondine.run((Object[]) (line + " --help").split(" "));
            assertEquals(0, run.code(), line + "\n" + run.err());
        }
    }

    /** The README names every command, and the page of commands has a section for each. */
    @Test
    void everyCommandIsDescribed() throws IOException {
        String readme = Files.readString(README);
        List<String> headings = Files.readAllLines(Path.of("docs/commands.md")).stream()
                .filter(line -> line.startsWith("## "))
                .flatMap(line -> Stream.of(line.substring(3).split(" and ")))
                .toList();
        for (String command : Main.commands()) {
            assertTrue(readme.contains("`" + command + "`"), command + " is missing in " + README);
            String section = command.equals("import") ? "run" : command;
            assertTrue(headings.contains(section), command + " has no section in docs/commands.md");
        }
    }

    /** Links within the repository lead to a file, and to a heading of it. */
    @Test
    void linksLeadSomewhere() throws IOException {
        int links = 0;
        for (Path page : pages()) {
            Matcher found = Pattern.compile("\\]\\(([^)\\s]+)\\)").matcher(Files.readString(page));
            while (found.find()) {
                String link = found.group(1);
                if (link.startsWith("https://")) continue;
                links++;
                String[] parts = link.split("#", 2);
                Path target = parts[0].isEmpty()
                        ? page
                        : page.toAbsolutePath().resolveSibling(parts[0]).normalize();
                assertTrue(Files.exists(target), page + " links to " + link);
                if (parts.length == 1) continue;
                assertTrue(
                        Files.readAllLines(target).stream()
                                .filter(line -> line.startsWith("#"))
                                .map(line -> line.replaceFirst("^#+ ", "")
                                        .toLowerCase(Locale.ROOT)
                                        .replaceAll("[^a-z0-9 -]", "")
                                        .replace(' ', '-'))
                                .anyMatch(parts[1]::equals),
                        page + " links to " + link + ", a heading that is not there");
            }
        }
        assertTrue(links > 10, "links: " + links);
    }

    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(README));
        try (Stream<Path> docs = Files.list(Path.of("docs"))) {
            docs.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        return pages;
    }

    /** Compiles a class without a warning and runs it in the folder; what it printed. */
    private String run(String name, String code, Object... arguments) throws IOException, InterruptedException {
        Path source = folder.resolve(name + ".java");
        Files.writeString(source, code);
        StringWriter messages = new StringWriter();
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            List<String> options =
                    List.of("-Xlint:all", "-Werror", "-proc:none", "-d", folder.toString(), "-cp", classPath());
            boolean compiled = compiler.getTask(messages, files, null, options, null, files.getJavaFileObjects(source))
                    .call();
            assertTrue(compiled, messages.toString());
        }
        String path = folder + System.getProperty("path.separator") + classPath();
        assertEquals(0, Ondine.java(folder, path, name, arguments).start().waitFor(), () -> text("err"));
        assertEquals("", text("err"));
        return text("out");
    }

    /** Test digits of the data that the README trains on, as files 0.png and so on; their labels. */
    private List<Integer> writeDigits(int count) throws IOException {
        DataSplit data = Datasets.open("digits:6000,500", 1);
        float[] pixels = new float[28 * 28];
        List<Integer> labels = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            data.test().read(i, pixels, 0);
            BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_GRAY);
            for (int p = 0; p < pixels.length; p++) {
                image.getRaster().setSample(p % 28, p / 28, 0, Math.round(255 * pixels[p]));
            }
            ImageIO.write(image, "png", folder.resolve(i + ".png").toFile());
            labels.add(data.test().label(i));
        }
        return labels;
    }

    private static String block(Path page, String marker) throws IOException {
        List<String> blocks = blocks(page, marker);
        assertEquals(1, blocks.size(), marker + " in " + page);
        return blocks.getFirst();
    }

    /** The code behind each comment that begins so. */
    private static List<String> blocks(Path page, String marker) throws IOException {
        return Pattern.compile("(?s)" + marker + "[^\n]*-->\\s*```(?:java)?\n(.*?)```")
                .matcher(Files.readString(page))
                .results()
                .map(match -> match.group(1))
                .toList();
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
