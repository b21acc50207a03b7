package dev.ondine.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.report.Page;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The paragraph says what the numbers say. */
class StudyFindingsTest {
    private static StudyResult result(double with, double without, boolean diverges) {
        List<StudyRun> runs = new ArrayList<>();
        for (StudyRun.Setting s : BatchNormStudy.settings()) {
            double accuracy = s.normalized() ? with : without;
            boolean fails = diverges && !s.normalized() && s.times() == 30;
            // The network without moves by one spread in each step, the other by a tenth.
            float move = s.normalized() ? 0.1f : 1;
            List<StudyRun.Spread> drift = List.of(spread(0, 0), spread(500, move), spread(1000, 2 * move));
            runs.add(new StudyRun(
                    s,
                    new double[] {500, 1000},
                    new double[] {accuracy / 2, accuracy},
                    new double[] {0.5, 0.6},
                    new double[] {1, 0.5},
                    fails ? 7 : 0,
                    drift,
                    1.5));
        }
        return new StudyResult("digits", 1000, 100, 10, 1, 1, runs);
    }

    private static StudyRun.Spread spread(double at, float middle) {
        return new StudyRun.Spread(at, new float[] {middle - 1}, new float[] {middle}, new float[] {middle + 1});
    }

    @Test
    void saysWhichIsBetter() {
        String text = StudyPage.findings(result(0.9, 0.6, false));
        assertTrue(text.contains("at 5 times 90.0 % with it and 60.0 % without (better by 30 points)"), text);
        assertTrue(text.contains("by 0.1 of its spread") && text.contains("10 times as much"), text);
        String other = StudyPage.findings(result(0.6, 0.9, false));
        assertTrue(other.contains("at 5 times 60.0 % with it and 90.0 % without (worse by 30 points)"), other);
        assertTrue(other.contains("not at 1 times the rate"), other);
    }

    @Test
    void saysWhereChanceExplainsIt() {
        String text = StudyPage.findings(result(0.9, 0.88, false));
        assertTrue(text.contains("at 5 times 90.0 % with it and 88.0 % without (no difference beyond chance)"), text);
        assertTrue(StudyPage.findings(result(0.9, 0.12, false)).contains("12.0 %, which is guessing,"));
    }

    @Test
    void saysWhatDiverged() {
        String text = StudyPage.findings(result(0.9, 0.6, true));
        assertTrue(text.contains("at 30 times 90.0 % with it and divergence at step 7 without."), text);
        assertFalse(text.contains("better by 30 points)."), text);
    }

    @Test
    void driftOfTheTypicalChannel() {
        float[] zero = new float[3];
        float[] one = {1, 1, 1};
        float[] minus = {-1, -1, -1};
        StudyRun run = new StudyRun(
                BatchNormStudy.settings().getFirst(),
                new double[0],
                new double[0],
                new double[0],
                new double[0],
                0,
                List.of(
                        new StudyRun.Spread(0, minus, zero, one),
                        new StudyRun.Spread(1, minus, new float[] {0.75f, 0, 0.25f}, one)),
                0);
        assertEquals(new Drift(2, 0.25), Drift.of(run));
    }

    @Test
    void pageHoldsEverything() {
        String page = StudyPage.of(result(0.9, 0.6, true), "a <machine>");
        assertTrue(page.contains("a &lt;machine&gt;"), "escaped");
        assertTrue(page.contains(Page.escape(StudyPage.findings(result(0.9, 0.6, true)))));
        assertFalse(page.contains("src=\"http") || page.contains("href="), "needs nothing from elsewhere");
        assertEquals(12, page.split("<canvas ", -1).length - 1, "charts");
        assertTrue(page.contains("Chart.js v4"), "the library is inside");
        assertTrue(page.contains("without: diverged at step 7"));
    }
}
