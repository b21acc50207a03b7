package dev.ondine.io.onnx;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** Resize and Upsample, which was before: each axis by a matrix that says where its elements come from. */
final class ResizeImport {
    private ResizeImport() {}

    static void register(Map<String, Operators.Translator> known) {
        known.put("Resize", ResizeImport::resize);
        known.put("Upsample", ResizeImport::resize);
    }

    /**
     * How elements are found.
     *
     * @param coordinates the place in the input for a place in the output
     * @param rounding of places, for the nearest element
     * @param cubic the coefficient of cubic interpolation
     */
    private record Rule(String mode, String coordinates, String rounding, float cubic, boolean outsideExcluded) {}

    private static void resize(GraphImport in, NodeView node) {
        Value x = in.value(0);
        int rank = x.shape().rank();
        // Before version 11: the scales alone, places from the first element on.
        boolean old = node.type().equals("Upsample") || in.opset() < 11;
        if (node.flag("antialias")) throw new IllegalArgumentException("antialias is not supported");
        if (!node.text("keep_aspect_ratio_policy", "stretch").equals("stretch")) {
            throw new IllegalArgumentException("keep_aspect_ratio_policy is not supported");
        }
        Rule rule = new Rule(
                node.text("mode", "nearest"),
                old ? "asymmetric" : node.text("coordinate_transformation_mode", "half_pixel"),
                old ? "floor" : node.text("nearest_mode", "round_prefer_floor"),
                node.number("cubic_coeff_a", -0.75),
                node.flag("exclude_outside"));
        float[] scales = node.has("scales") ? node.numbers("scales") : null;
        int at = old ? 1 : 2;
        if (scales == null && in.has(at) && in.constant(at, "scales").elements() > 0) {
            scales = in.constant(at, "scales").floats();
        }
        long[] sizes = !old && in.has(3) ? in.constant(3, "sizes").wholes() : null;
        long[] axes = node.wholes("axes");
        int count = axes == null ? rank : axes.length;
        int given = scales != null ? scales.length : sizes != null ? sizes.length : -1;
        if (given != count) throw new IllegalArgumentException("it gives " + given + " extents for " + count + " axes");
        for (int i = 0; i < count; i++) {
            int axis = axes == null ? i : GraphImport.axis(axes[i], rank);
            long from = x.shape().dim(axis);
            double scale = scales != null ? scales[i] : (double) sizes[i] / from;
            double exact = scales != null ? Math.floor(from * (double) scales[i]) : sizes[i];
            if (!(exact >= 1 && exact <= ConstantFolding.MOST)) {
                throw new IllegalArgumentException("axis " + axis + " would have " + exact + " elements");
            }
            long to = (long) exact;
            if (to != from || scale != 1)
                x = in.add(new Op.AlongAxis(axis, matrix(rule, (int) from, (int) to, scale)), x);
        }
        in.result(x);
    }

    private static AxisMatrix matrix(Rule rule, int from, int to, double scale) {
        int[] starts = new int[to + 1];
        int[] columns = new int[4 * to];
        double[] weights = new double[4 * to];
        int n = 0;
        for (int i = 0; i < to; i++) {
            Map<Integer, Double> row = row(rule, place(rule.coordinates, i, from, to, scale), from);
            for (var e : row.entrySet()) {
                columns[n] = e.getKey();
                weights[n++] = e.getValue();
            }
            starts[i + 1] = n;
        }
        return AxisMatrix.of(rule.mode, from, starts, Arrays.copyOf(columns, n), Arrays.copyOf(weights, n));
    }

    private static double place(String coordinates, int i, int from, int to, double scale) {
        return switch (coordinates) {
            case "half_pixel" -> (i + 0.5) / scale - 0.5;
            case "pytorch_half_pixel" -> to > 1 ? (i + 0.5) / scale - 0.5 : 0;
            case "half_pixel_symmetric" -> {
                double exact = from * scale;
                yield from / 2.0 * (1 - to / exact) + (i + 0.5) / scale - 0.5;
            }
            case "align_corners" -> to > 1 ? i * (from - 1.0) / (to - 1.0) : 0;
            case "asymmetric" -> i / scale;
            default ->
                throw new IllegalArgumentException(
                        "coordinate_transformation_mode " + Quoted.of(coordinates) + " is not supported");
        };
    }

    private static Map<Integer, Double> row(Rule rule, double place, int from) {
        Map<Integer, Double> row = new TreeMap<>();
        switch (rule.mode) {
            case "nearest" -> {
                double nearest = switch (rule.rounding) {
                    case "floor", "" -> Math.floor(place);
                    case "ceil" -> Math.ceil(place);
                    case "round_prefer_floor" -> Math.ceil(place - 0.5);
                    case "round_prefer_ceil" -> Math.floor(place + 0.5);
                    default ->
                        throw new IllegalArgumentException(
                                "nearest_mode " + Quoted.of(rule.rounding) + " is not supported");
                };
                row.put((int) Math.clamp(nearest, 0, from - 1), 1.0);
            }
            case "linear" -> {
                double inside = Math.clamp(place, 0, from - 1);
                int low = (int) Math.floor(inside);
                double part = inside - low;
                row.put(low, 1 - part);
                if (part > 0) row.put(low + 1, part);
            }
            case "cubic" -> {
                int low = (int) Math.floor(place);
                double sum = 0;
                double[] w = cubic(place - low, rule.cubic);
                for (int k = 0; k < 4; k++) {
                    int column = low - 1 + k;
                    boolean outside = column < 0 || column >= from;
                    if (outside && rule.outsideExcluded) continue;
                    sum += w[k];
                    row.merge(Math.clamp(column, 0, from - 1), w[k], Double::sum);
                }
                double all = rule.outsideExcluded ? sum : 1;
                row.replaceAll((_, v) -> v / all);
            }
            default -> throw new IllegalArgumentException("the mode " + Quoted.of(rule.mode) + " is not supported");
        }
        return row;
    }

    /** The weights of the four elements around a place (Keys 1981), {@code t} behind the second. */
    private static double[] cubic(double t, double a) {
        return new double[] {
            ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a,
            ((a + 2) * t - (a + 3)) * t * t + 1,
            ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1,
            ((a * (2 - t) - 5 * a) * (2 - t) + 8 * a) * (2 - t) - 4 * a
        };
    }
}
