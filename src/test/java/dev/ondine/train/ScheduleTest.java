package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Learning rates against PyTorch's (src/test/resources/schedules). */
class ScheduleTest {
    private static final int STEPS = 4;

    /** PyTorch goes from each rate to the next, by up to forty products of double precision; we ask for any moment. */
    private static final double TOLERANCE = 1e-12;

    private static Map<String, double[]> pytorch() throws Exception {
        Map<String, double[]> values = new LinkedHashMap<>();
        Path file = Path.of(
                ScheduleTest.class.getResource("/schedules/schedules.txt").toURI());
        for (String line : Files.readAllLines(file)) {
            String[] words = line.split(" ");
            values.put(
                    words[0],
                    Arrays.stream(words)
                            .skip(1)
                            .filter(w -> !w.equals("|"))
                            .mapToDouble(Double::parseDouble)
                            .toArray());
        }
        return values;
    }

    @Test
    void ratesArePyTorchs() throws Exception {
        Map<String, Schedule> schedules = Map.of(
                "step", Schedule.step(3, 0.5),
                "multistep", Schedule.multiStep(0.3, 2, 5, 6),
                "exponential", Schedule.exponential(0.9),
                "exponential_per_epoch", Schedule.exponential(0.9).perEpoch(),
                "cosine", Schedule.cosine(10),
                "restarts", Schedule.cosineRestarts(2, 2),
                "restarts_even", Schedule.cosineRestarts(3, 1),
                "onecycle", new Schedule.OneCycle(10, 0.3, 25, 1e4, 1.0 / STEPS),
                "warmup_cosine", Schedule.cosine(10).warmup(2));
        Map<String, double[]> pytorch = pytorch();
        for (Map.Entry<String, Schedule> entry : schedules.entrySet()) {
            double[] expected = pytorch.get(entry.getKey());
            boolean perEpoch = entry.getKey().endsWith("per_epoch");
            for (int s = 0; s < expected.length; s++) {
                double epoch = perEpoch ? s : (double) s / STEPS;
                assertEquals(expected[s], entry.getValue().factor(epoch), TOLERANCE, entry.getKey() + " at step " + s);
                if (perEpoch) assertEquals(expected[s], entry.getValue().factor(epoch + 0.75), TOLERANCE);
            }
        }
        assertEquals(pytorch.size(), schedules.size() + 2, "and two plateaus");
    }

    @ParameterizedTest
    @ValueSource(strings = {"plateau_min", "plateau_max"})
    void plateausArePyTorchs(String name) throws Exception {
        double[] numbers = pytorch().get(name);
        int n = numbers.length / 2;
        Monitor monitor = name.endsWith("min") ? Monitor.LOSS : Monitor.ACCURACY;
        ReduceOnPlateau plateau = new ReduceOnPlateau(monitor, 0.3, 1, 0.05);
        List<Double> factors = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            // Goes on from its state in the middle, as after a resumption.
            if (i == n / 2) {
                ReduceOnPlateau resumed = new ReduceOnPlateau(monitor, 0.3, 1, 0.05);
                resumed.restore(plateau.state());
                plateau = resumed;
            }
            factors.add(plateau.observe(numbers[i]));
            assertEquals(numbers[n + i], factors.getLast(), TOLERANCE, name + " after measurement " + i);
        }
        assertTrue(factors.getLast() < 1, "it was lowered at all");
    }

    @Test
    void afterTheEndTheLastRateIsKept() {
        assertEquals(0, Schedule.cosine(3).factor(7), TOLERANCE);
        assertEquals(1 / 25e4, Schedule.oneCycle(3).factor(7), TOLERANCE);
        assertEquals(1 / 25.0, Schedule.oneCycle(3).factor(0), TOLERANCE);
        assertEquals(1, Schedule.oneCycle(10).factor(3), TOLERANCE);
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        for (Runnable wrong : List.<Runnable>of(
                () -> Schedule.step(0, 0.1),
                () -> Schedule.step(1, 0),
                () -> Schedule.multiStep(0.1, 3, 2),
                () -> Schedule.multiStep(0.1, 0),
                () -> Schedule.exponential(Double.NaN),
                () -> Schedule.cosine(0),
                () -> Schedule.cosineRestarts(1, 0.5),
                () -> Schedule.oneCycle(-1),
                () -> Schedule.constant().warmup(-1),
                () -> new ReduceOnPlateau(Monitor.LOSS, 1, 1, 0),
                () -> new ReduceOnPlateau(Monitor.LOSS, 0.1, -1, 0))) {
            assertThrows(IllegalArgumentException.class, wrong::run);
        }
    }
}
