package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.data.ArrayDataset;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MetricsTest {
    /** A share is a quotient of two whole numbers: one rounding. */
    private static final double ROUNDING = 1e-15;

    /** scikit-learn's own example of a report, y_true = 0 1 2 2 2, y_pred = 0 0 2 2 1, and what it prints. */
    @Test
    void asScikitLearnReports() {
        var m = new ConfusionMatrix(List.of("a", "b", "c"), new long[][] {{1, 0, 0}, {1, 0, 0}, {0, 1, 2}});
        double[][] expected = {{0.5, 1, 2 / 3.0, 1}, {0, 0, 0, 1}, {1, 2 / 3.0, 0.8, 3}};
        for (int c = 0; c < 3; c++) {
            assertEquals(expected[c][0], m.precision(c), ROUNDING);
            assertEquals(expected[c][1], m.recall(c), ROUNDING);
            assertEquals(expected[c][2], m.f1(c), ROUNDING);
            assertEquals(expected[c][3], m.samples(c));
        }
        assertEquals(0.6, m.accuracy(), ROUNDING);
        assertEquals(0.5, m.macroPrecision(), ROUNDING);
        assertEquals(5 / 9.0, m.macroRecall(), ROUNDING);
        assertEquals((2 / 3.0 + 0.8) / 3, m.macroF1(), ROUNDING);
        assertEquals(5, m.samples());
        assertEquals(2, m.guesses(0));
    }

    @Test
    void aClassThatNeverOccursIsNotInTheMean() {
        var m = new ConfusionMatrix(List.of("a", "b", "never"), new long[][] {{2, 0, 0}, {0, 3, 0}, {0, 0, 0}});
        assertEquals(1, m.macroF1());
        assertEquals(0, m.precision(2));
        var empty = new ConfusionMatrix(List.of("a"), new long[][] {{0}});
        assertEquals(0, empty.macroF1());
        assertEquals(0, empty.accuracy());
    }

    @Test
    void countsThatAreNoMatrixAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new ConfusionMatrix(List.of("a"), new long[2][2]));
        assertThrows(IllegalArgumentException.class, () -> new ConfusionMatrix(List.of("a", "b"), new long[2][1]));
        assertThrows(IllegalArgumentException.class, () -> new ConfusionMatrix(List.of("a"), new long[][] {{-1}}));
    }

    /**
     * A network that says what its input says: the logits are the pixels. The last batch is smaller; the model has an output more than the
     * data has classes.
     */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void whatIsMeasuredInOnePassIsWhatTheLogitsSay(String backend) {
        int n = 53;
        int outputs = 5;
        List<String> classes = List.of("a", "b", "c", "d");
        SplittableRandom random = new SplittableRandom(5);
        float[][] logits = new float[n][outputs];
        int[] labels = new int[n];
        // Numbers of few values, so that ties occur.
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < outputs; c++) logits[i][c] = random.nextInt(4) / 4f;
            labels[i] = random.nextInt(classes.size());
        }
        var data = new ArrayDataset("logits", Shape.of(outputs, 1, 1), logits, labels, classes);
        try (Model model = Model.of(Layers.flatten(), data.sampleShape(), 0);
                Evaluator evaluator = new Evaluator(model, Backends.named(backend), 2, Loss.crossEntropy(), 16)) {
            Measurement measured = evaluator.measure(data, Normalization.identity(outputs), 1, 3, 5);
            Evaluation plain = evaluator.evaluate(data, Normalization.identity(outputs));
            assertEquals(plain, measured.evaluation());
            long[][] counts = new long[outputs][outputs];
            long third = 0;
            for (int i = 0; i < n; i++) {
                int best = 0;
                int before = 0;
                for (int c = 0; c < outputs; c++) {
                    if (logits[i][c] > logits[i][best]) best = c;
                    float own = logits[i][labels[i]];
                    if (logits[i][c] > own || logits[i][c] == own && c < labels[i]) before++;
                }
                counts[labels[i]][best]++;
                if (before < 3) third++;
            }
            for (int a = 0; a < outputs; a++) {
                for (int g = 0; g < outputs; g++)
                    assertEquals(counts[a][g], measured.confusion().count(a, g));
            }
            assertEquals(outputs, measured.confusion().classes().size());
            assertEquals(
                    List.of(1, 3, 5),
                    measured.top().stream().map(Measurement.Top::k).toList());
            assertEquals(measured.confusion().correct(), measured.top().get(0).correct());
            assertEquals(third, measured.top().get(1).correct());
            assertEquals((double) third / n, measured.top().get(1).accuracy(), ROUNDING);
            assertEquals(n, measured.top().get(2).correct());
            String message = assertThrows(
                            IllegalArgumentException.class,
                            () -> evaluator.measure(data, Normalization.identity(outputs), 6))
                    .getMessage();
            assertTrue(message.contains("5 outputs"), message);
        }
    }

    /** A network that diverged guesses nothing rightly, however NaN compares. */
    @Test
    void nanIsNeverAmongTheLikeliest() {
        float[] logits = {Float.NaN, Float.NaN, Float.NaN};
        try (var x = dev.ondine.tensor.Tensor.of(logits, 1, 3)) {
            for (int target = 0; target < 3; target++) assertEquals(2, Accuracy.rank(x.segment(), 0, 3, target));
        }
    }
}
