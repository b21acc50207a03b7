package dev.ondine.profile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.ondine.backend.PlanReport;
import dev.ondine.backend.PlanReport.Kind;
import dev.ondine.backend.PlanReport.Operand;
import dev.ondine.backend.PlanReport.Place;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

/** What is made of a profile, on one whose figures are known. */
class ProfileTest {
    private static final double EPSILON = 1e-12;

    private static PlanReport.Step step(int index, String path, Kind kind, long flops, long bytes, String type) {
        List<Operand> reads = List.of(new Operand("src", 0, type, "acdb", bytes / 2));
        List<Operand> writes = List.of(
                new Operand("dst", 1, type, "acdb", bytes / 2),
                new Operand(PlanReport.SCRATCHPAD, 2, "u8", "a", 1 << 20));
        return new PlanReport.Step(
                index, path, kind, "op <" + index + "> & \"more\"", "jit", Optional.empty(), flops, reads, writes);
    }

    private static PlanReport.Buffer buffer(int id, long bytes, long offset, int first, int last) {
        return new PlanReport.Buffer(
                id, "%" + id, Place.ARENA, bytes, offset, first, last, id, false, OptionalInt.empty());
    }

    private static final PlanReport PLAN = new PlanReport(
            "onednn",
            2,
            List.of(),
            List.of(
                    step(0, "layer1.conv", Kind.CONVOLUTION_FORWARD, 100_000_000, 2000, "f32"),
                    step(1, "layer1.bn", Kind.BATCH_NORMALIZATION, 1000, 10_000_000, "f32"),
                    step(2, "", Kind.JAVA, 0, 1000, "f32"),
                    step(3, "layer1.conv", Kind.CONVOLUTION_FORWARD, 100_000_000, 2000, "bf16")),
            List.of(buffer(0, 64, 0, 0, 3), buffer(1, 128, 64, 0, 1), buffer(2, 64, 64, 2, 3)),
            192,
            0,
            0,
            false,
            List.of());

    /** 100 GFLOP/s, 200 in bfloat16, 10 GB/s whatever the size. */
    private static final Peak PEAK = new Peak(
            "a processor",
            2,
            "a test",
            OptionalDouble.empty(),
            new Peak.Arithmetic("FMA", 100e9),
            Optional.of(new Peak.Arithmetic("dot", 200e9)),
            List.of(new Peak.Level(1000, 10e9, 8e9, OptionalDouble.empty())));

    private static final Profile PROFILE = new Profile(
            PLAN,
            List.of(2e-3, 4e-3, 1e-3, 1e-3),
            List.of(new Profile.Part("update", 2e-3)),
            9e-3,
            5,
            Optional.of(PEAK));

    @Test
    void sharesSumToOne() {
        assertEquals(10e-3, PROFILE.total(), EPSILON);
        List<Profile.Sum> sums = PROFILE.byKind();
        assertEquals(
                PROFILE.total(), sums.stream().mapToDouble(Profile.Sum::seconds).sum(), EPSILON);
        assertEquals(
                List.of("batch normalization", "convolution forward", "update", "Java kernel"),
                sums.stream().map(Profile.Sum::name).toList());
        assertEquals(2, sums.get(1).steps());
        assertEquals(3e-3, sums.get(1).seconds(), EPSILON);
        assertEquals(2e8, sums.get(1).flops());
        assertEquals(1.5e-3, sums.get(1).leastSeconds().orElseThrow(), EPSILON);
    }

    @Test
    void rooflineIsTheSlowerOfArithmeticAndMemory() {
        assertEquals(0.5, PROFILE.roofline(PLAN.steps().get(0)).orElseThrow(), EPSILON);
        assertEquals(0.25, PROFILE.roofline(PLAN.steps().get(1)).orElseThrow(), EPSILON);
        assertEquals(1e-4, PROFILE.roofline(PLAN.steps().get(2)).orElseThrow(), EPSILON);
        assertEquals(0.5, PROFILE.roofline(PLAN.steps().get(3)).orElseThrow(), EPSILON, "bfloat16 is twice as fast");
        Profile unknown = new Profile(PLAN, PROFILE.seconds(), List.of(), 9e-3, 5, Optional.empty());
        assertTrue(unknown.roofline(PLAN.steps().getFirst()).isEmpty());
        assertTrue(unknown.byKind().getFirst().leastSeconds().isEmpty());
    }

    @Test
    void aTimeForEachStep() {
        assertThrows(
                IllegalArgumentException.class,
                () -> new Profile(PLAN, List.of(1e-3), List.of(), 1, 5, Optional.empty()));
    }

    @Test
    void framesLieInsideOneAnother() {
        List<Frames.Frame> frames = Frames.of(PROFILE);
        assertEquals(
                List.of(
                        "training step",
                        "layer1",
                        "conv",
                        "op <0> & \"more\"",
                        "bn",
                        "op <1> & \"more\"",
                        "op <2> & \"more\"",
                        "layer1",
                        "conv",
                        "op <3> & \"more\"",
                        "update"),
                frames.stream().map(Frames.Frame::name).toList());
        for (int i = 0; i < frames.size(); i++) {
            for (int j = i + 1;
                    j < frames.size() && frames.get(j).depth() > frames.get(i).depth();
                    j++) {
                Frames.Frame outer = frames.get(i);
                Frames.Frame inner = frames.get(j);
                assertTrue(inner.begin() >= outer.begin() - EPSILON, outer + " holds " + inner);
                assertTrue(
                        inner.begin() + inner.seconds() <= outer.begin() + outer.seconds() + EPSILON,
                        outer + " holds " + inner);
            }
        }
        Frames.Frame last = frames.getLast();
        assertEquals(PROFILE.total(), last.begin() + last.seconds(), EPSILON);
    }

    @Test
    void traceIsOfTheTraceEventFormat() throws IOException {
        StringWriter text = new StringWriter();
        TraceWriter.write(PROFILE, "a title", text);
        int events = 0;
        int complete = 0;
        double durations = 0;
        try (JsonParser json = new JsonFactory().createParser(text.toString())) {
            assertEquals(JsonToken.START_OBJECT, json.nextToken());
            boolean isStep = false;
            double duration = 0;
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                if (token != JsonToken.FIELD_NAME) continue;
                String name = json.currentName();
                json.nextToken();
                switch (name) {
                    case "ph" -> {
                        events++;
                        if (json.getText().equals("X")) complete++;
                        else assertEquals("M", json.getText());
                    }
                    case "dur" -> duration = json.getDoubleValue();
                    case "step" -> {
                        isStep = true;
                        durations += duration;
                    }
                    default -> {}
                }
            }
            assertTrue(isStep);
        }
        assertEquals(Frames.of(PROFILE).size(), complete);
        assertEquals(complete + 2, events);
        assertEquals(8000, durations, 1e-6, "microseconds of the four steps");
    }

    private static Document xml(String text) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(text)));
    }

    @Test
    void pagesPicturesAreWellFormed() throws Exception {
        String page = ProfilePage.of(PROFILE, "a <title>", "a machine");
        assertTrue(page.contains("<h1>a &lt;title&gt;</h1>"), page);
        int pictures = 0;
        for (int at = page.indexOf("<svg"); at >= 0; at = page.indexOf("<svg", at + 1)) {
            Document svg = xml(page.substring(at, page.indexOf("</svg>", at) + 6));
            int expected =
                    pictures == 0 ? PROFILE.byKind().size() : Frames.of(PROFILE).size();
            assertEquals(expected, svg.getElementsByTagName("rect").getLength());
            pictures++;
        }
        assertEquals(2, pictures);
        for (PlanReport.Step step : PLAN.steps()) assertTrue(page.contains("op &lt;" + step.index() + "&gt;"), page);
    }

    @Test
    void memoryMapHasARectangleForEachBuffer() throws Exception {
        Document svg = xml(MemoryMap.of(PLAN, "a <title>"));
        int titles = 0;
        for (int i = 0; i < svg.getElementsByTagName("title").getLength(); i++) {
            if (svg.getElementsByTagName("title").item(i).getTextContent().startsWith("%")) titles++;
        }
        assertEquals(3, titles);
    }

    @Test
    void liveBytes() {
        assertEquals(256, PLAN.unsharedBytes());
        assertEquals(192, PLAN.liveBytes(0));
        assertEquals(128, PLAN.liveBytes(3));
        assertEquals(0, PLAN.fullestStep());
    }
}
