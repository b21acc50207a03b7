package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class NormalizationTest {
    private static Dataset set(Shape shape, float[]... samples) {
        return new ArrayDataset("set", shape, samples, new int[samples.length], List.of("only"));
    }

    @Test
    void meanAndDeviationOfEachChannel() {
        // Channel 0: 0, 1, 0, 1; channel 1: 0.25, 0.75, 0.5, 0.5: exact in binary.
        Dataset set = set(Shape.of(2, 1, 2), new float[] {0, 1, 0.25f, 0.75f}, new float[] {0, 1, 0.5f, 0.5f});
        Normalization n = Normalization.of(set);
        assertArrayEquals(new float[] {0.5f, 0.5f}, n.mean());
        assertArrayEquals(new float[] {0.5f, (float) Math.sqrt(0.125 / 4)}, n.std());
        assertEquals(2, n.channels());
    }

    @Test
    void aSmallDeviationAroundALargeMeanSurvives() {
        SplittableRandom random = new SplittableRandom(5);
        float[][] samples = new float[100][17 * 13];
        double sum = 0;
        for (float[] sample : samples) {
            for (int i = 0; i < sample.length; i++) {
                sample[i] = 4096 + (random.nextBoolean() ? 1f / 1024 : -1f / 1024);
                sum += sample[i] - 4096;
            }
        }
        double mean = sum / (100 * 17 * 13);
        Normalization n = Normalization.of(set(Shape.of(1, 17, 13), samples));
        // Every value is one 1024th away from 4096; E[x²] − E[x]² would have lost that in double already.
        assertEquals(Math.sqrt(1.0 / 1024 / 1024 - mean * mean), n.std()[0], 1e-9);
    }

    @Test
    void aChannelThatNeverVariesIsOnlyShifted() {
        Normalization n = Normalization.of(set(Shape.of(1, 1, 3), new float[] {0.25f, 0.25f, 0.25f}));
        assertArrayEquals(new float[] {0.25f}, n.mean());
        assertArrayEquals(new float[] {1}, n.std());
    }

    @Test
    void manySamplesAreLookedAtEvenly() {
        // Half of the samples 0, then half 1: the first 8,192 alone would give the mean 0.
        float[][] samples = new float[20_000][1];
        for (int i = 10_000; i < samples.length; i++) samples[i][0] = 1;
        assertEquals(0.5f, Normalization.of(set(Shape.of(1, 1, 1), samples)).mean()[0], 1e-3f);
    }

    @Test
    void identityAndArraysThatCannotBeChangedFromOutside() {
        float[] values = {0.1f, 0.9f, 0.4f, 0.5f};
        Normalization.identity(2).apply(values, 0, 4);
        assertArrayEquals(new float[] {0.1f, 0.9f, 0.4f, 0.5f}, values);
        float[] mean = {0.5f};
        Normalization n = new Normalization(mean, new float[] {2});
        mean[0] = 7;
        n.mean()[0] = 8;
        assertEquals(new Normalization(new float[] {0.5f}, new float[] {2}), n);
        assertEquals(new Normalization(new float[] {0.5f}, new float[] {2}).hashCode(), n.hashCode());
        assertTrue(n.toString().contains("0.5") && n.toString().contains("2.0"), n.toString());
    }

    @Test
    void refusesWhatWouldMakeNaN() {
        for (float std : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            String message = assertThrows(
                            IllegalArgumentException.class,
                            () -> new Normalization(new float[] {0, 0}, new float[] {1, std}))
                    .getMessage();
            assertTrue(message.contains("channel 1"), message);
        }
        assertThrows(IllegalArgumentException.class, () -> new Normalization(new float[] {Float.NaN}, new float[] {1}));
        assertThrows(IllegalArgumentException.class, () -> new Normalization(new float[1], new float[2]));
        assertThrows(IllegalArgumentException.class, () -> new Normalization(new float[0], new float[0]));
        assertThrows(
                IllegalArgumentException.class, () -> Normalization.identity(3).apply(new float[4], 0, 4));
    }
}
