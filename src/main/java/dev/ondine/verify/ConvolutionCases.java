package dev.ondine.verify;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Convolutions of every kind, and linear layers. */
final class ConvolutionCases {
    /**
     * A convolution.
     *
     * @param space height and width of the input, say
     * @param begin padding before, on every axis
     * @param end padding behind, on every axis
     */
    private record Spec(
            String name,
            long batch,
            long in,
            long out,
            List<Long> space,
            List<Long> kernel,
            int stride,
            int begin,
            int end,
            int dilation,
            int groups,
            boolean bias) {

        static Spec of(String name, long batch, long in, long out, List<Long> space, long kernel) {
            List<Long> sides = Collections.nCopies(space.size(), kernel);
            return new Spec(name, batch, in, out, space, sides, 1, 0, 0, 1, 1, false);
        }

        Spec kernel(Long... kernel) {
            return new Spec(name, batch, in, out, space, List.of(kernel), stride, begin, end, dilation, groups, bias);
        }

        Spec stride(int stride) {
            return new Spec(name, batch, in, out, space, kernel, stride, begin, end, dilation, groups, bias);
        }

        Spec padding(int begin, int end) {
            return new Spec(name, batch, in, out, space, kernel, stride, begin, end, dilation, groups, bias);
        }

        Spec dilation(int dilation) {
            return new Spec(name, batch, in, out, space, kernel, stride, begin, end, dilation, groups, bias);
        }

        Spec groups(int groups) {
            return new Spec(name, batch, in, out, space, kernel, stride, begin, end, dilation, groups, bias);
        }

        Spec withBias() {
            return new Spec(name, batch, in, out, space, kernel, stride, begin, end, dilation, groups, true);
        }

        VerifyCase verified() {
            Shape x = shape(batch, in, space);
            return new VerifyCase(name, x + " to " + out, graph -> build(graph, x));
        }

        private Value build(CaseGraph graph, Shape x) {
            Op op = new Op.Convolution(all(stride), all(begin), all(end), all(dilation), groups, bias);
            List<Value> operands = new ArrayList<>();
            operands.add(graph.input("x", x, CaseGraph.CENTERED));
            operands.add(graph.parameter("weight", shape(out, in / groups, kernel), CaseGraph.CENTERED));
            if (bias) operands.add(graph.parameter("bias", Shape.of(out), CaseGraph.CENTERED));
            Value y = graph.add(op, operands.toArray(Value[]::new));
            long window = kernel.stream().reduce(1L, Math::multiplyExact);
            long pixels = y.shape().elements() / out;
            graph.tolerance(CaseGraph.RESULT, Tolerances.sum(in / groups * window))
                    .tolerance("x", Tolerances.sum(out / groups * window))
                    .tolerance("weight", Tolerances.sum(pixels))
                    .tolerance("bias", Tolerances.sum(pixels));
            return y;
        }

        private List<Integer> all(int value) {
            return Collections.nCopies(space.size(), value);
        }

        private static Shape shape(long first, long second, List<Long> rest) {
            long[] dims = new long[2 + rest.size()];
            dims[0] = first;
            dims[1] = second;
            Arrays.setAll(dims, i -> i < 2 ? dims[i] : rest.get(i - 2));
            return Shape.of(dims);
        }
    }

    private ConvolutionCases() {}

    static List<VerifyCase> all() {
        List<Spec> specs = new ArrayList<>();
        for (long c : VerifyCases.CHANNELS) {
            specs.add(Spec.of("convolution 3x3", 2, c, c, List.of(5L, 7L), 3)
                    .padding(1, 1)
                    .withBias());
            specs.add(Spec.of("convolution 3x3, 1 pixel", 1, c, 16, List.of(1L, 1L), 3)
                    .padding(1, 1));
            specs.add(Spec.of("convolution 1x1", 2, 16, c, List.of(5L, 7L), 1));
            specs.add(Spec.of("convolution 1x1 stride 2", 2, c, c, List.of(7L, 5L), 1)
                    .stride(2));
            specs.add(Spec.of("convolution depthwise", 2, c, c, List.of(7L, 7L), 3)
                    .padding(1, 1)
                    .groups((int) c));
        }
        specs.add(Spec.of("convolution 3x3 stride 2", 3, 16, 32, List.of(9L, 8L), 3)
                .padding(1, 1)
                .stride(2));
        specs.add(Spec.of("convolution 7x7 stride 2", 2, 3, 16, List.of(13L, 17L), 7)
                .padding(3, 3)
                .stride(2)
                .withBias());
        specs.add(Spec.of("convolution 1x5", 2, 13, 17, List.of(5L, 9L), 1).kernel(1L, 5L));
        specs.add(Spec.of("convolution uneven padding", 2, 13, 17, List.of(6L, 6L), 3)
                .padding(0, 1)
                .stride(2));
        specs.add(Spec.of("convolution dilation 2", 2, 13, 17, List.of(9L, 9L), 3)
                .padding(2, 2)
                .dilation(2)
                .withBias());
        specs.add(Spec.of("convolution groups 3", 2, 12, 18, List.of(7L, 7L), 3)
                .padding(1, 1)
                .groups(3)
                .withBias());
        specs.add(Spec.of("convolution groups 2", 2, 32, 64, List.of(7L, 7L), 3)
                .padding(1, 1)
                .groups(2)
                .stride(2));
        specs.add(Spec.of("convolution depthwise stride 2", 2, 48, 48, List.of(8L, 8L), 3)
                .padding(1, 1)
                .groups(48)
                .stride(2));
        specs.add(Spec.of("convolution 1d", 3, 13, 17, List.of(31L), 5)
                .padding(2, 2)
                .withBias());
        specs.add(Spec.of("convolution 1d stride 2", 1, 16, 32, List.of(31L), 3).stride(2));
        specs.add(Spec.of("convolution 3d", 2, 3, 13, List.of(5L, 4L, 6L), 3)
                .padding(1, 1)
                .withBias());
        specs.add(Spec.of("convolution 3d stride 2", 1, 16, 16, List.of(5L, 4L, 6L), 2)
                .stride(2));
        List<VerifyCase> cases =
                new ArrayList<>(specs.stream().map(Spec::verified).toList());
        for (long c : VerifyCases.CHANNELS) {
            cases.add(linear(5, c, 13, true));
            cases.add(linear(1, 31, c, false));
        }
        return cases;
    }

    private static VerifyCase linear(long batch, long in, long out, boolean bias) {
        return new VerifyCase("linear", Shape.of(batch, in) + " to " + out, graph -> {
            List<Value> operands = new ArrayList<>();
            operands.add(graph.input("x", Shape.of(batch, in), CaseGraph.CENTERED));
            operands.add(graph.parameter("weight", Shape.of(out, in), CaseGraph.CENTERED));
            if (bias) operands.add(graph.parameter("bias", Shape.of(out), CaseGraph.CENTERED));
            graph.tolerance(CaseGraph.RESULT, Tolerances.sum(in))
                    .tolerance("x", Tolerances.sum(out))
                    .tolerance("weight", Tolerances.sum(batch))
                    .tolerance("bias", Tolerances.sum(batch));
            return graph.add(new Op.Linear(bias), operands.toArray(Value[]::new));
        });
    }
}
