package dev.ondine.cli;

import dev.ondine.train.ConfusionMatrix;
import dev.ondine.train.Measurement;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Prints what was measured of a classifier: for people, or as JSON for programs. */
final class MetricsText {
    /** More classes than these do not fit a screen: the worst of them are shown, and of the matrix the largest confusions. */
    private static final int MOST_CLASSES = 20;

    private static final int NAME = 18;

    private final Measurement result;
    private final ConfusionMatrix matrix;
    private final double seconds;

    MetricsText(Measurement result, double seconds) {
        this.result = result;
        this.matrix = result.confusion();
        this.seconds = seconds;
    }

    void print(Command command, boolean confusion) {
        command.field("Loss", Text.fixed(result.loss(), 4));
        command.field(
                "Accuracy",
                Text.percent(matrix.accuracy()) + " (" + Text.grouped(matrix.correct()) + " of "
                        + Text.grouped(matrix.samples()) + ")");
        for (Measurement.Top top : result.top()) {
            command.field("Top " + top.k(), Text.percent(top.accuracy()) + " (" + Text.grouped(top.correct()) + ")");
        }
        command.field(
                "Classes",
                "precision " + Text.percent(matrix.macroPrecision()) + ", recall " + Text.percent(matrix.macroRecall())
                        + ", F1 " + Text.percent(matrix.macroF1()) + ", each class counting as much");
        command.field(
                "Time",
                Text.fixed(seconds, 2) + " s, " + Text.grouped(Math.round(matrix.samples() / seconds)) + " images/s");
        PrintWriter out = command.out();
        classes(out);
        if (confusion) confusion(out);
    }

    private void classes(PrintWriter out) {
        int n = matrix.classes().size();
        List<Integer> shown = IntStream.range(0, n)
                .boxed()
                .filter(c -> n <= MOST_CLASSES || matrix.samples(c) > 0)
                .toList();
        out.println();
        if (n > MOST_CLASSES) {
            out.println("The " + MOST_CLASSES + " classes with the least F1:");
            shown = shown.stream()
                    .sorted(Comparator.comparingDouble(matrix::f1))
                    .limit(MOST_CLASSES)
                    .toList();
        }
        out.println(Text.left("class", NAME)
                + Text.right("samples", 9)
                + Text.right("precision", 11)
                + Text.right("recall", 11)
                + Text.right("F1", 11));
        for (int c : shown) {
            out.println(Text.left(name(c), NAME)
                    + Text.right(Text.grouped(matrix.samples(c)), 9)
                    + Text.right(Text.percent(matrix.precision(c)), 11)
                    + Text.right(Text.percent(matrix.recall(c)), 11)
                    + Text.right(Text.percent(matrix.f1(c)), 11));
        }
    }

    private void confusion(PrintWriter out) {
        out.println();
        int n = matrix.classes().size();
        if (n > MOST_CLASSES) {
            largest(out);
            return;
        }
        out.println("Samples of a class (row) by the class that they were taken for (column, in the same order):");
        int width = 2;
        for (int a = 0; a < n; a++) {
            for (int g = 0; g < n; g++)
                width = Math.max(width, Long.toString(matrix.count(a, g)).length() + 1);
        }
        for (int a = 0; a < n; a++) {
            StringBuilder line = new StringBuilder(Text.left(name(a), NAME));
            for (int g = 0; g < n; g++) {
                long count = matrix.count(a, g);
                line.append(Text.right(count == 0 ? "." : Long.toString(count), width));
            }
            out.println(line);
        }
    }

    private record Confused(int actual, int guessed, long count) {}

    private void largest(PrintWriter out) {
        List<Confused> all = new ArrayList<>();
        for (int a = 0; a < matrix.classes().size(); a++) {
            for (int g = 0; g < matrix.classes().size(); g++) {
                if (a != g && matrix.count(a, g) > 0) all.add(new Confused(a, g, matrix.count(a, g)));
            }
        }
        all.sort(Comparator.comparingLong(c -> -c.count));
        out.println(all.isEmpty() ? "No class is taken for another." : "The largest confusions:");
        for (Confused c : all.subList(0, Math.min(MOST_CLASSES, all.size()))) {
            out.println(Text.left(name(c.actual), NAME) + " taken for " + Text.left(name(c.guessed), NAME)
                    + Text.right(Text.grouped(c.count), 7) + " of "
                    + Text.grouped(matrix.samples(c.actual)));
        }
    }

    private String name(int c) {
        String name = matrix.classes().get(c);
        return name.length() < NAME ? name : name.substring(0, NAME - 2) + "…";
    }

    /** One object; shares are from 0 to 1. */
    String json(boolean confusion) throws IOException {
        return Json.write(json -> {
            json.writeStartObject();
            Json.number(json, "loss", result.loss());
            Json.number(json, "accuracy", matrix.accuracy());
            json.writeNumberField("correct", matrix.correct());
            json.writeNumberField("samples", matrix.samples());
            json.writeNumberField("seconds", seconds);
            json.writeObjectFieldStart("top");
            for (Measurement.Top top : result.top()) {
                json.writeNumberField(Integer.toString(top.k()), top.accuracy());
            }
            json.writeEndObject();
            Json.number(json, "macro_precision", matrix.macroPrecision());
            Json.number(json, "macro_recall", matrix.macroRecall());
            Json.number(json, "macro_f1", matrix.macroF1());
            json.writeArrayFieldStart("classes");
            for (int c = 0; c < matrix.classes().size(); c++) {
                json.writeStartObject();
                json.writeStringField("name", matrix.classes().get(c));
                json.writeNumberField("samples", matrix.samples(c));
                Json.number(json, "precision", matrix.precision(c));
                Json.number(json, "recall", matrix.recall(c));
                Json.number(json, "f1", matrix.f1(c));
                json.writeEndObject();
            }
            json.writeEndArray();
            if (confusion) {
                json.writeArrayFieldStart("confusion");
                for (int a = 0; a < matrix.classes().size(); a++) {
                    json.writeStartArray();
                    for (int g = 0; g < matrix.classes().size(); g++) json.writeNumber(matrix.count(a, g));
                    json.writeEndArray();
                }
                json.writeEndArray();
            }
            json.writeEndObject();
        });
    }
}
