package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.ondine.nn.models.Models;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.verify.VerifyCases;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@code info}, {@code bench} and {@code verify}. */
class OtherCommandsTest {
    @Test
    void infoNamesLibraryAndVersion() {
        Ondine.Outcome run = Ondine.run("info");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains(OneDnn.version().toString()), run.out());
        assertTrue(run.out().contains(OneDnn.location().path().toString()), run.out());
        assertTrue(run.out().contains(Runtime.version().toString()), run.out());
        assertTrue(run.out().contains(OneDnn.effectiveIsa().toString()), run.out());
    }

    @Test
    void modelsListsTheZoo() {
        Ondine.Outcome run = Ondine.run("models");
        assertEquals(0, run.code(), run.err());
        for (String name : Models.names()) {
            assertTrue(run.out().lines().anyMatch(line -> line.startsWith(name + " ")), name);
        }
        String resnet50 = run.out()
                .lines()
                .filter(line -> line.startsWith("resnet50 "))
                .findFirst()
                .orElseThrow();
        // The paper's 3.8·10⁹ multiply-adds are of version 1; version 1.5 has 4.09·10⁹, as torchvision says.
        assertTrue(resnet50.matches("resnet50 +3x224x224 +1000 +25,557,032 +8\\.2\\d+ .*"), resnet50);
    }

    @Test
    void modelsPrintsJson() throws IOException {
        Ondine.Outcome run = Ondine.run("models", "--json");
        assertEquals(0, run.code(), run.err());
        List<String> names = new ArrayList<>();
        try (JsonParser json = new JsonFactory().createParser(run.out())) {
            while (json.nextToken() != null) {
                if (json.currentToken() == JsonToken.VALUE_STRING
                        && json.currentName().equals("name")) {
                    names.add(json.getText());
                }
            }
        }
        assertEquals(Models.names(), names);
    }

    @Test
    void benchPrintsOneObject() throws IOException {
        Ondine.Outcome run =
                Ondine.run("bench", "--workload", "mlp", "--batch", 16, "--seconds", 0.1, "--threads", 1, "--json");
        assertEquals(0, run.code(), run.err());
        assertEquals("", run.err());
        assertEquals(1, run.out().lines().count(), run.out());
        Map<String, String> object = new LinkedHashMap<>();
        try (JsonParser json = new JsonFactory().createParser(run.out())) {
            assertEquals(JsonToken.START_OBJECT, json.nextToken());
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                json.nextToken();
                object.put(name, json.getText());
            }
        }
        assertEquals("mlp", object.get("workload"));
        assertEquals("onednn", object.get("backend"));
        assertEquals("f32", object.get("dtype"));
        assertEquals("1", object.get("threads"));
        assertTrue(Integer.parseInt(object.get("steps")) > 0);
        assertTrue(object.containsKey("peak_rss_mb"));
        assertEquals("0.0", object.get("allocated_bytes_per_step"));
        assertTrue(Double.parseDouble(object.get("first_step_s")) > 0);
        // Forward and both gradients of 16 samples through 784·256 + 256·256 + 256·10 weights, without the first
        // layer's gradient
        // of its input; batch norm and loss come on top.
        double multiplied = 2.0 * 16 * (2 * 784 * 256 + 3 * 256 * 256 + 3 * 256 * 10);
        double flops =
                Double.parseDouble(object.get("gflop_per_s")) * Double.parseDouble(object.get("ms_per_step")) * 1e6;
        assertTrue(
                flops > multiplied && flops < 1.1 * multiplied, flops + " instead of " + multiplied + " and a little");
        double perSecond = Double.parseDouble(object.get("images_per_s"));
        assertEquals(16_000, perSecond * Double.parseDouble(object.get("ms_per_step")), 1e-6 * 16_000);
    }

    @ParameterizedTest
    @EnumSource(BenchWorkload.class)
    void benchRunsEveryWorkload(BenchWorkload workload) {
        Ondine.Outcome run = Ondine.run("bench", "--workload", workload, "--batch", 2, "--seconds", 0.01);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains(workload + ", batch 2, f32, " + workload.kind()), run.out());
        assertTrue(run.out().contains("images/s"), run.out());
        assertTrue(run.out().contains("% of the step"), run.out());
    }

    @Test
    void loadTestCountsRequests() throws IOException {
        Ondine.Outcome run = Ondine.run(
                "loadtest",
                "--model",
                "mlp-bn",
                "--callers",
                3,
                "--concurrency",
                2,
                "--threads",
                1,
                "--batch",
                3,
                "--seconds",
                0.1,
                "--json");
        assertEquals(0, run.code(), run.err());
        Map<String, Double> object = new LinkedHashMap<>();
        try (JsonParser json = new JsonFactory().createParser(run.out())) {
            assertEquals(JsonToken.START_OBJECT, json.nextToken());
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                if (json.nextToken().isNumeric()) object.put(name, json.getDoubleValue());
            }
        }
        assertEquals(3, object.get("callers"));
        assertEquals(1, object.get("threads"));
        assertTrue(object.get("requests") >= 3, run.out());
        assertEquals(3 * object.get("requests_per_s"), object.get("samples_per_s"), 1e-9 * object.get("samples_per_s"));
        List<Double> order = Stream.of("p50_ms", "p90_ms", "p99_ms", "max_ms")
                .map(object::get)
                .toList();
        assertEquals(order.stream().sorted().toList(), order);
        assertTrue(order.getFirst() > 0, run.out());
        Ondine.Outcome both = Ondine.run("loadtest", "--model", "mlp-bn", "--checkpoint", "x.safetensors");
        assertEquals(2, both.code());
        assertEquals(
                2, Ondine.run("loadtest", "--model", "mlp-bn", "--callers", 0).code());
    }

    @Test
    void benchTimesAnyModel() {
        Ondine.Outcome run = Ondine.run(
                "bench", "--model", "unet-small", "--data-shape", "3x16x24", "--batch", 2, "--seconds", 0.01);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("unet-small, batch 2, f32, whole training step"), run.out());
        run = Ondine.run("bench", "--model", "resnet20", "--mode", "evaluation", "--batch", 2, "--seconds", 0.01);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("resnet20, batch 2, f32, forward with running statistics"), run.out());
        assertFalse(run.out().contains("Updates"), run.out());
    }

    @Test
    void verifyPrintsALineForEachCase() {
        Ondine.Outcome run = Ondine.run("verify", "--threads", 1);
        assertEquals(0, run.code(), run.out() + run.err());
        assertEquals(
                VerifyCases.all().size(),
                run.out().lines().filter(l -> l.contains("  ok")).count());
        List<String> missing = new ArrayList<>();
        for (String kind : new String[] {"convolution", "batch norm", "linear", "max pool", "softmax", "dropout"}) {
            if (run.out().lines().noneMatch(l -> l.startsWith(kind))) missing.add(kind);
        }
        assertEquals(List.of(), missing);
        assertFalse(run.out().contains("FAIL"), run.out());
    }
}
