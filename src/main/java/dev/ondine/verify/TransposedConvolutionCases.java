package dev.ondine.verify;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Transposed convolutions of every kind. */
final class TransposedConvolutionCases {
    /**
     * A transposed convolution over (N, C, space).
     *
     * @param kernel extent on every axis
     * @param padding cut off on both sides of every axis
     */
    private record Spec(
            String name,
            Shape x,
            long out,
            long kernel,
            int stride,
            int padding,
            int outputPadding,
            int dilation,
            int groups,
            boolean bias) {

        static Spec of(String name, Shape x, long out, long kernel) {
            return new Spec(name, x, out, kernel, 1, 0, 0, 1, 1, false);
        }

        Spec stride(int stride) {
            return new Spec(name, x, out, kernel, stride, padding, outputPadding, dilation, groups, bias);
        }

        Spec padding(int padding, int outputPadding) {
            return new Spec(name, x, out, kernel, stride, padding, outputPadding, dilation, groups, bias);
        }

        Spec dilation(int dilation) {
            return new Spec(name, x, out, kernel, stride, padding, outputPadding, dilation, groups, bias);
        }

        Spec groups(int groups) {
            return new Spec(name, x, out, kernel, stride, padding, outputPadding, dilation, groups, bias);
        }

        Spec withBias() {
            return new Spec(name, x, out, kernel, stride, padding, outputPadding, dilation, groups, true);
        }

        VerifyCase verified() {
            return new VerifyCase("transposed convolution " + name, x + " to " + out, this::build);
        }

        private Value build(CaseGraph graph) {
            List<Integer> cut = all(padding);
            Op op = new Op.TransposedConvolution(
                    all(stride), cut, cut, all(outputPadding), all(dilation), groups, bias);
            Shape weight = x.with(0, x.dim(1)).with(1, out / groups);
            for (int axis = 2; axis < x.rank(); axis++) weight = weight.with(axis, kernel);
            List<Value> operands = new ArrayList<>();
            operands.add(graph.input("x", x, CaseGraph.CENTERED));
            operands.add(graph.parameter("weight", weight, CaseGraph.CENTERED));
            if (bias) operands.add(graph.parameter("bias", Shape.of(out), CaseGraph.CENTERED));
            Value y = graph.add(op, operands.toArray(Value[]::new));
            long window = weight.elements(2, weight.rank());
            graph.tolerance(CaseGraph.RESULT, Tolerances.sum(x.dim(1) / groups * window))
                    .tolerance("x", Tolerances.sum(out / groups * window))
                    .tolerance("weight", Tolerances.sum(x.elements() / x.dim(1)))
                    .tolerance("bias", Tolerances.sum(y.shape().elements() / out));
            return y;
        }

        private List<Integer> all(int value) {
            return Collections.nCopies(x.rank() - 2, value);
        }
    }

    private TransposedConvolutionCases() {}

    static List<VerifyCase> all() {
        List<Spec> specs = new ArrayList<>();
        for (long c : VerifyCases.CHANNELS) {
            // The usual decoder step, which doubles each side.
            specs.add(Spec.of("4x4 stride 2", Shape.of(2, c, 3, 5), c, 4)
                    .stride(2)
                    .padding(1, 0)
                    .withBias());
            specs.add(Spec.of("4x4 stride 2", Shape.of(2, 32, 4, 4), c, 4)
                    .stride(2)
                    .padding(1, 0));
            specs.add(Spec.of("3x3, 1 pixel", Shape.of(1, c, 1, 1), 16, 3));
            specs.add(Spec.of("depthwise", Shape.of(2, c, 4, 3), c, 3)
                    .stride(2)
                    .padding(1, 1)
                    .groups((int) c));
        }
        specs.add(Spec.of("3x3 output padding", Shape.of(2, 17, 4, 5), 13, 3)
                .stride(2)
                .padding(1, 1)
                .withBias());
        specs.add(Spec.of("2x2 stride 3 output padding", Shape.of(2, 13, 4, 5), 17, 2)
                .stride(3)
                .padding(0, 2)
                .withBias());
        specs.add(Spec.of("dilation 2", Shape.of(2, 13, 5, 6), 17, 3)
                .stride(2)
                .padding(2, 1)
                .dilation(2));
        specs.add(Spec.of("dilation 3, output padding above stride", Shape.of(2, 13, 5, 6), 17, 3)
                .padding(2, 2)
                .dilation(3));
        specs.add(Spec.of("groups 3", Shape.of(2, 12, 4, 4), 18, 3)
                .stride(2)
                .padding(1, 0)
                .groups(3)
                .withBias());
        specs.add(Spec.of("groups 2", Shape.of(2, 64, 4, 4), 32, 4)
                .stride(2)
                .padding(1, 0)
                .groups(2));
        specs.add(Spec.of("1x1 stride 2", Shape.of(2, 16, 3, 4), 17, 1).stride(2));
        specs.add(Spec.of("1d", Shape.of(3, 13, 17), 17, 5)
                .stride(2)
                .padding(2, 1)
                .withBias());
        specs.add(Spec.of("3d", Shape.of(2, 13, 3, 2, 4), 3, 4)
                .stride(2)
                .padding(1, 0)
                .withBias());
        return specs.stream().map(Spec::verified).toList();
    }
}
