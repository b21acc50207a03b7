package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.ondine.onednn.api.OneDnn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExplainAndProfileTest {
    private static final String CACHE = "ondine.cache";

    /** Each share is a quotient of sums of some dozens of times. */
    private static final double ROUNDING = 1e-9;

    @TempDir
    static Path cache;

    @TempDir
    Path folder;

    private static String before;

    /** The peak that is measured here, on a machine that runs tests, must not be kept for the user. */
    @BeforeAll
    static void useAnotherCache() {
        OneDnn.load();
        before = System.getProperty(CACHE);
        System.setProperty(CACHE, cache.toString());
    }

    @AfterAll
    static void useTheUsualCache() {
        if (before == null) System.clearProperty(CACHE);
        else System.setProperty(CACHE, before);
    }

    private static long lines(String text, String beginning) {
        return text.lines().filter(l -> l.startsWith(beginning)).count();
    }

    /** How often each name of a field occurs, and that it is one object. */
    private static Map<String, Integer> fields(String text) throws IOException {
        Map<String, Integer> fields = new HashMap<>();
        try (JsonParser json = new JsonFactory().createParser(text)) {
            assertEquals(JsonToken.START_OBJECT, json.nextToken());
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                if (token == JsonToken.FIELD_NAME) fields.merge(json.currentName(), 1, Integer::sum);
            }
        }
        return fields;
    }

    @Test
    void explainsTraining() throws IOException {
        Path svg = folder.resolve("memory.svg");
        Ondine.Outcome run = Ondine.run("explain", "--model", "lenet-bn", "--batch", 4, "--threads", 1, "--svg", svg);
        assertEquals(0, run.code(), run.err());
        assertEquals("", run.err());
        String text = run.out();
        for (String graph : List.of("built", "differentiated", "fused")) {
            assertEquals(1, lines(text, "== Graph, " + graph), text);
        }
        assertEquals(1, lines(text, "== Plan: "), text);
        assertEquals(1, lines(text, "== Slow steps: "), text);
        assertTrue(text.contains("ConvolutionBackwardWeights"), text);
        // The tables, not the graphs, fit a terminal.
        text.substring(text.indexOf("== Plan")).lines().forEach(l -> assertTrue(l.length() <= ExplainText.WIDTH, l));
        double[] megabytes = Stream.of("parameters ", "gradients ", "optimizer ", "activations ", "in all ")
                .mapToDouble(name -> megabytes(text, name))
                .toArray();
        assertEquals(
                megabytes[4],
                megabytes[0] + megabytes[1] + megabytes[2] + megabytes[3],
                0.03,
                "five numbers rounded to hundredths");
        assertEquals(megabytes[0], megabytes[2], "a momentum for each parameter");
        assertTrue(Files.readString(svg).startsWith("<svg"));
    }

    private static double megabytes(String text, String name) {
        String line = text.lines().filter(l -> l.startsWith(name)).findFirst().orElseThrow();
        return Double.parseDouble(line.substring(name.length()).strip().split(" ")[0]);
    }

    @Test
    void explainsEvaluationAndSections() {
        Ondine.Outcome run = Ondine.run(
                "explain", "--workload", "mlp", "--batch", 2, "--mode", "evaluation", "--section", "graph,slow");
        assertEquals(0, run.code(), run.err());
        assertFalse(run.out().contains("== Plan"), run.out());
        assertFalse(run.out().contains("Backward"), run.out());
        assertTrue(run.out().contains("== Graph, built"), run.out());
        assertTrue(run.out().contains("== Slow steps: none"), run.out());
    }

    @Test
    void explainsAsJson() throws IOException {
        Ondine.Outcome run = Ondine.run(
                "explain", "--model", "cnn-bn", "--data-shape", "3x20x24", "--classes", 7, "--batch", 2, "--json");
        assertEquals(0, run.code(), run.err());
        Map<String, Integer> fields = fields(run.out());
        assertEquals(3, fields.get("pass"));
        assertEquals(1, fields.get("arena_bytes"));
        assertTrue(fields.get("implementation") > 10, fields.toString());
        assertTrue(fields.get("first_step") > fields.get("implementation"), fields.toString());
        assertTrue(run.out().contains("(2, 3, 20, 24)"), "the shape that was asked for");
        assertTrue(run.out().contains("(2, 7)"), "the classes that were asked for");
    }

    @Test
    void theReferenceBackendShowsItsGraphAndNoSteps() throws IOException {
        Ondine.Outcome run = Ondine.run("explain", "--workload", "mlp", "--batch", 2, "--backend", "reference");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("== Graph, differentiated"), run.out());
        assertFalse(run.out().contains("== Graph, fused"), "the reference fuses nothing");
        assertTrue(run.out().contains("reference backend"), run.out());
        Ondine.Outcome json =
                Ondine.run("explain", "--workload", "mlp", "--batch", 2, "--backend", "reference", "--json");
        assertEquals(1, fields(json.out()).get("steps"));
        Ondine.Outcome profile = Ondine.run("profile", "--workload", "mlp", "--batch", 2, "--backend", "reference");
        assertEquals(2, profile.code());
        assertTrue(profile.err().contains("'--backend'") && profile.err().contains("reference"), profile.err());
    }

    @Test
    void profilesTraining() throws IOException {
        Path trace = folder.resolve("trace.json");
        Path html = folder.resolve("profile.html");
        Ondine.Outcome run = Ondine.run(
                "profile",
                "--model",
                "lenet-bn",
                "--batch",
                4,
                "--threads",
                1,
                "--seconds",
                0.05,
                "--trace",
                trace,
                "--html",
                html);
        assertEquals(0, run.code(), run.err());
        String text = run.out();
        for (String part : List.of(
                "update",
                "running statistics",
                "finite check",
                "convolution forward",
                "reorder",
                "waiting for input",
                "copy of the input")) {
            assertEquals(1, lines(text, part), text);
        }
        assertTrue(text.contains("by a thread beside, not augmented"), text);
        text.lines().forEach(l -> assertTrue(l.length() <= ExplainText.WIDTH, l));
        Map<String, Integer> fields = fields(Files.readString(trace));
        long steps = text.substring(text.indexOf("== Steps, in order")).lines().count() - 2;
        assertEquals(steps, fields.get("implementation").longValue());
        assertEquals(fields.get("dur"), fields.get("ts"));
        assertNotNull(fields.get("roofline"));
        assertTrue(Files.readString(html).endsWith("</html>\n"));
    }

    /** Every workload of bench's, with the graph that it must show: gradients in training, none in inference. */
    @ParameterizedTest
    @CsvSource({
        "resnet18-cifar,training,ConvolutionBackwardWeights",
        "resnet50,training,ConvolutionBackwardWeights",
        "autoencoder,training,PointwiseLossBackward",
        "bn,forward and backward,BatchNormalizationBackward",
        "conv3x3,forward and backward,ConvolutionBackwardWeights",
        "resnet50-infer,inference,FoldedWeights",
    })
    void explainsEveryWorkload(String workload, String how, String operation) {
        Ondine.Outcome run =
                Ondine.run("explain", "--workload", workload, "--batch", 2, "--section", "graph,slow", "--threads", 1);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains(workload + ", batch 2, " + how), run.out());
        assertTrue(run.out().contains(operation), run.out());
        assertEquals(how.equals("inference"), !run.out().contains("Backward"), run.out());
    }

    @Test
    void modelsHaveTheShapesThatTheyWereMadeFor() {
        Ondine.Outcome run = Ondine.run("explain", "--model", "resnet18", "--batch", 1, "--mode", "evaluation");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("(1, 3, 224, 224)") && run.out().contains("(1, 1000)"), "ImageNet's");
    }

    @ParameterizedTest
    @CsvSource({"autoencoder", "bn", "mlp"})
    void profilesOtherWorkloads(String workload) {
        Ondine.Outcome run =
                Ondine.run("profile", "--workload", workload, "--batch", 2, "--threads", 1, "--seconds", 0.05);
        assertEquals(0, run.code(), run.err());
        assertEquals(workload.equals("bn") ? 0 : 1, lines(run.out(), "update"), run.out());
    }

    @ParameterizedTest
    @CsvSource({"training", "evaluation"})
    void sharesSumToOne(String mode) throws IOException {
        Ondine.Outcome run = Ondine.run(
                "profile",
                "--workload",
                "lenet",
                "--batch",
                2,
                "--threads",
                1,
                "--seconds",
                0.05,
                "--mode",
                mode,
                "--json");
        assertEquals(0, run.code(), run.err());
        Map<String, Double> sums = new HashMap<>();
        try (JsonParser json = new JsonFactory().createParser(run.out())) {
            String array = "";
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                if (token == JsonToken.START_ARRAY) array = json.currentName();
                if (token != JsonToken.FIELD_NAME || !json.currentName().equals("share")) continue;
                json.nextToken();
                sums.merge(array, json.getDoubleValue(), Double::sum);
            }
        }
        assertEquals(1, sums.get("kinds"), ROUNDING);
        // What is around the plan is no step of it.
        if (mode.equals("training")) assertTrue(sums.get("steps") < 1, sums.toString());
        else assertEquals(1, sums.get("steps"), ROUNDING);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "explain |                                        | '--model'",
                "explain | --model mlp-bn --workload mlp          | only one",
                "explain | --model vgg                            | resnet20",
                "explain | --workload vgg                         | mlp",
                "explain | --model mlp-bn --mode dreaming         | training, evaluation",
                "explain | --model mlp-bn --section soul          | GRAPH, PLAN, MEMORY, SLOW",
                "explain | --model mlp-bn --data-shape 28x28      | 3x32x32",
                "explain | --model mlp-bn --data-shape 1x28xtall  | 3x32x32",
                "explain | --model mlp-bn --data-shape 1x0x28     | 3x32x32",
                "explain | --workload mlp --data-shape 1x28x28    | a workload has its own",
                "explain | --workload bn --mode training          | has its own",
                "explain | --model autoencoder --classes 3        | no classes",
                "explain | --workload mlp --classes 3             | a workload has its own",
                "explain | --model mlp-bn --classes 0             | at least 1",
                "explain | --model mlp-bn --batch 0               | at least 1",
                "explain | --workload mlp --backend reference --svg x.svg | '--svg'",
                "profile | --workload mlp --seconds 0             | above 0",
                "profile | --workload mlp --mode dreaming         | training, evaluation",
                "profile | --workload mlp --threads 0             | at least 1",
            })
    void wrongUsage(String command, String options, String expected) {
        Stream<String> arguments = options == null ? Stream.of() : Stream.of(options.split(" "));
        Ondine.Outcome run =
                Ondine.run(Stream.concat(Stream.of(command), arguments).toArray());
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().contains(expected), run.err());
        assertEquals("", run.out());
    }
}
