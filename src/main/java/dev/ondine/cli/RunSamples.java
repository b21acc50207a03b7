package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.Dataset;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.report.Page.Captioned;
import dev.ondine.report.Picture;
import dev.ondine.tensor.Shape;
import dev.ondine.train.ConfusionMatrix;
import dev.ondine.train.Predictor;
import dev.ondine.train.Probabilities;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * What a model makes of the samples of a data set, to look at.
 *
 * @param confusion of a classifier; null otherwise
 * @param pictures of a classifier the mistakes that it was surest of; of an autoencoder inputs beside what became of them
 * @param worst of an autoencoder the samples that it gives back worst; else none
 */
record RunSamples(ConfusionMatrix confusion, List<Captioned> pictures, List<Captioned> worst) {
    private static final int SHOWN = 24;
    private static final int CHUNK = 256;

    /** Pictures are about so wide on the page. */
    private static final int WIDTH = 84;

    private record Mistake(int sample, int label, int guess, double probability) {}

    /** Of a classifier. */
    static RunSamples classified(
            Model model, Dataset set, Normalization normalization, Backend backend, PlanOptions options) {
        int classes = Math.toIntExact(model.outputShape().elements());
        long[][] counts = new long[classes][classes];
        List<Mistake> mistakes = new ArrayList<>();
        run(model, set, normalization, backend, options, (index, _, _, outputs, at) -> {
            double[] p = Probabilities.of(Arrays.copyOfRange(outputs, at, at + classes));
            int guess = Probabilities.largest(p, 1)[0];
            int label = set.label(index);
            counts[label][guess]++;
            if (guess != label) mistakes.add(new Mistake(index, label, guess, p[guess]));
        });
        List<String> names = new ArrayList<>(set.classes());
        while (names.size() < classes) names.add("output " + names.size());
        mistakes.sort(Comparator.comparingDouble(m -> -m.probability));
        List<Captioned> pictures = new ArrayList<>();
        Shape shape = set.sampleShape();
        float[] sample = new float[Math.toIntExact(shape.elements())];
        for (Mistake m : mistakes.subList(0, Math.min(SHOWN, mistakes.size()))) {
            set.read(m.sample, sample, 0);
            String caption = names.get(m.label) + " read as " + names.get(m.guess) + ", "
                    + Text.fixed(100 * m.probability, 1) + " %";
            pictures.add(new Captioned(Picture.of(sample, 0, shape), caption, width(shape)));
        }
        return new RunSamples(new ConfusionMatrix(names, counts), pictures, List.of());
    }

    private record Misfit(int sample, double squares) {}

    /** Of a model that gives back its input. */
    static RunSamples reconstructed(
            Model model, Dataset set, Normalization normalization, Backend backend, PlanOptions options) {
        Shape shape = set.sampleShape();
        int elements = Math.toIntExact(shape.elements());
        List<Misfit> errors = new ArrayList<>();
        run(model, set, normalization, backend, options, (index, samples, from, outputs, at) -> {
            double squares = 0;
            for (int i = 0; i < elements; i++) {
                double d = samples[from + i] - pixel(outputs[at + i], i, elements, normalization);
                squares += d * d;
            }
            errors.add(new Misfit(index, squares / elements));
        });
        List<Misfit> first = errors.subList(0, Math.min(SHOWN / 2, errors.size()));
        List<Misfit> sorted = errors.stream()
                .sorted(Comparator.comparingDouble(e -> -e.squares))
                .limit(SHOWN / 2)
                .toList();
        try (Predictor predictor = new Predictor(model, normalization, backend, options)) {
            return new RunSamples(
                    null, beside(first, set, predictor, normalization), beside(sorted, set, predictor, normalization));
        }
    }

    private static List<Captioned> beside(
            List<Misfit> errors, Dataset set, Predictor predictor, Normalization normalization) {
        Shape shape = set.sampleShape();
        List<Captioned> pictures = new ArrayList<>();
        for (Misfit error : errors) {
            float[] sample = new float[Math.toIntExact(shape.elements())];
            set.read(error.sample, sample, 0);
            float[] output = predictor.predict(sample);
            for (int i = 0; i < output.length; i++) output[i] = pixel(output[i], i, output.length, normalization);
            Picture both = Picture.row(List.of(Picture.of(sample, 0, shape), Picture.of(output, 0, shape)), 2);
            pictures.add(new Captioned(both, "RMSE " + Text.fixed(Math.sqrt(error.squares), 3), 2 * width(shape)));
        }
        return pictures;
    }

    /** What a normalized value is in the image, where 0 is black and 1 white. */
    private static float pixel(float normalized, int at, int elements, Normalization normalization) {
        int channel = at / (elements / normalization.channels());
        return normalized * normalization.std()[channel] + normalization.mean()[channel];
    }

    /** A whole multiple of the picture's own width: pixels are then all of one size. */
    private static int width(Shape shape) {
        int own = Math.toIntExact(shape.dim(2));
        return own * Math.max(1, Math.round((float) WIDTH / own));
    }

    /** Sees one sample and the model's output for it. */
    private interface Look {
        void at(int index, float[] samples, int from, float[] outputs, int at);
    }

    private static void run(
            Model model, Dataset set, Normalization normalization, Backend backend, PlanOptions options, Look look) {
        int elements = Math.toIntExact(set.sampleShape().elements());
        int outputs = Math.toIntExact(model.outputShape().elements());
        try (Predictor predictor = new Predictor(model, normalization, backend, options)) {
            for (int done = 0; done < set.size(); done += CHUNK) {
                int count = Math.min(CHUNK, set.size() - done);
                float[] samples = new float[count * elements];
                for (int i = 0; i < count; i++) set.read(done + i, samples, i * elements);
                float[] all = predictor.predict(samples);
                for (int i = 0; i < count; i++) look.at(done + i, samples, i * elements, all, i * outputs);
            }
        }
    }
}
