package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.PlanOptions;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That whatever a tuner chooses is right, is remembered, and that it never chooses among nothing. */
public class TunerTest {
    @TempDir
    private Path folder;

    /**
     * A backend that always takes the kernel that the rule puts last, with all the reorders that it needs: what a tuner could do at
     * worst. It remembers nothing.
     */
    public static OneDnnBackend contrary() {
        return new OneDnnBackend(_ -> new Tuner(TuningCache.open(Path.of("none"))) {
            @Override
            String fastest(
                    Map<String, PrimitiveDescriptor> candidates,
                    Function<PrimitiveDescriptor, List<Conversion>> conversions) {
                return List.copyOf(candidates.keySet()).getLast();
            }

            @Override
            void save() {}
        });
    }

    private static final class Counting extends Tuner {
        int measured;

        Counting(Path file) {
            super(TuningCache.open(file));
        }

        @Override
        String fastest(
                Map<String, PrimitiveDescriptor> candidates,
                Function<PrimitiveDescriptor, List<Conversion>> conversions) {
            measured++;
            assertTrue(candidates.size() > 1, () -> "nothing to choose among: " + candidates);
            return super.fastest(candidates, conversions);
        }
    }

    private static List<String> kernels(Tuner tuner) {
        try (OneDnnPlan plan =
                new OneDnnBackend(_ -> tuner).compile(OneDnnPlanTest.resnet(2), PlanOptions.threads(1))) {
            assertEquals(List.of(), plan.warnings());
            return plan.stepNames();
        }
    }

    @Test
    void remembersWhatItMeasured() throws IOException {
        Path file = folder.resolve("tuning.json");
        Counting first = new Counting(file);
        List<String> kernels = kernels(first);
        assertTrue(first.measured > 0, "oneDNN has several kernels for a convolution wherever it has any");
        assertTrue(Files.size(file) > 0);
        Counting second = new Counting(file);
        assertEquals(kernels, kernels(second));
        assertEquals(0, second.measured);
    }

    @Test
    void takesWhatTheFileSays() throws IOException {
        Path file = folder.resolve("tuning.json");
        List<String> chosen = new ArrayList<>();
        Tuner last = new Tuner(TuningCache.open(file)) {
            @Override
            String fastest(
                    Map<String, PrimitiveDescriptor> candidates,
                    Function<PrimitiveDescriptor, List<Conversion>> conversions) {
                chosen.add(List.copyOf(candidates.keySet()).getLast());
                return chosen.getLast();
            }
        };
        List<String> contrary = kernels(last);
        Counting counting = new Counting(file);
        assertEquals(contrary, kernels(counting));
        assertEquals(0, counting.measured);
    }

    @Test
    void measuresAnewWhatTheFileCannotMean() throws IOException {
        Path file = folder.resolve("tuning.json");
        kernels(new Counting(file));
        String nonsense = Files.readString(file).replaceAll(" : \"[^\"]*\"", " : \"ref:any of another version\"");
        Files.writeString(file, nonsense);
        Counting counting = new Counting(file);
        kernels(counting);
        assertTrue(counting.measured > 0);
    }

    @Test
    void theSameFileGivesTheSameBits() {
        Path file = folder.resolve("tuning.json");
        assertArrayEquals(gradients(new Tuner(TuningCache.open(file))), gradients(new Tuner(TuningCache.open(file))));
    }

    private static float[] gradients(Tuner tuner) {
        try (OneDnnPlan plan =
                new OneDnnBackend(_ -> tuner).compile(OneDnnPlanTest.resnet(2), PlanOptions.threads(1))) {
            OneDnnPlanTest.fill(plan);
            plan.run(0);
            return plan.gradients().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
        }
    }
}
