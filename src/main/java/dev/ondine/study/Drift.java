package dev.ondine.study;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How the input of the last ReLU moved in one run.
 *
 * @param channel a typical one: that with the median movement
 * @param perMeasurement how far its median moved from one measurement to the next, on average, in units of half of the distance between
 *     its 15th and 85th percentile
 */
record Drift(int channel, double perMeasurement) {
    static Drift of(StudyRun run) {
        List<StudyRun.Spread> spreads = run.drift();
        int channels = spreads.getFirst().p50().length;
        double[] moved = new double[channels];
        for (int c = 0; c < channels; c++) {
            for (int t = 1; t < spreads.size(); t++) {
                StudyRun.Spread a = spreads.get(t - 1);
                StudyRun.Spread b = spreads.get(t);
                double spread = (a.p85()[c] - a.p15()[c] + b.p85()[c] - b.p15()[c]) / 4;
                double step = Math.abs(b.p50()[c] - a.p50()[c]);
                // A channel that is the same everywhere has no spread to move by.
                moved[c] += spread > 0 ? step / spread : 0;
            }
            moved[c] /= Math.max(1, spreads.size() - 1);
        }
        List<Integer> order = IntStream.range(0, channels)
                .boxed()
                .sorted(Comparator.comparingDouble(c -> moved[c]))
                .toList();
        int typical = order.get(channels / 2);
        return new Drift(typical, moved[typical]);
    }
}
