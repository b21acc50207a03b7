package dev.ondine.bench;

import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.Collections;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Convolutions over images, without bias: 3x3, 1x1, strided, depthwise and the 7x7 on RGB that ResNets begin with. */
public class ConvolutionBenchmark extends PairBenchmark {
    /**
     * Input, then {@code o} output channels and {@code k} kernel size; where they are not 1, 0 and 1, {@code s} stride, {@code p} padding,
     * {@code g} groups.
     */
    @Param({
        "1x16x32x32/o16/k3/p1",
        "2x32x28x28/o32/k3/p1",
        "4x64x56x56/o64/k3/p1",
        "1x64x14x14/o64/k1",
        "2x64x56x56/o64/k1",
        "4x64x56x56/o256/k1",
        "1x16x32x32/o32/k3/s2/p1",
        "2x64x28x28/o128/k3/s2/p1",
        "4x128x56x56/o128/k3/s2/p1",
        "1x32x28x28/o32/k3/p1/g32",
        "8x64x56x56/o64/k3/p1/g64",
        "16x96x112x112/o96/k3/p1/g96",
        "1x3x32x32/o16/k7/s2/p3",
        "1x3x224x224/o64/k7/s2/p3",
        "4x3x224x224/o64/k7/s2/p3"
    })
    public String layer;

    /** The gradient of the input alone. */
    @Benchmark
    public void backwardData() {
        run();
    }

    /** The gradient of the weights alone. */
    @Benchmark
    public void backwardWeights() {
        run();
    }

    @Override
    Graph graph(String method) {
        GraphBuilder builder = new GraphBuilder();
        String result = Differentiate.OUTPUT_PREFIX + method;
        switch (method) {
            case "backwardData" -> {
                Value dy = builder.input(DY, DataType.FLOAT32, output());
                Value w = builder.parameter("weight", weight());
                builder.output(result, builder.add(new Op.ConvolutionBackwardData(op(), input()), dy, w));
            }
            case "backwardWeights" -> {
                Value x = builder.input(X, DataType.FLOAT32, input());
                Value dy = builder.input(DY, DataType.FLOAT32, output());
                builder.output(result, builder.add(new Op.ConvolutionBackwardWeights(op(), weight()), x, dy));
            }
            default -> {
                return super.graph(method);
            }
        }
        return builder.build();
    }

    @Override
    Value build(GraphBuilder builder, boolean training) {
        Value x = builder.input(X, DataType.FLOAT32, input());
        return builder.add(op(), x, builder.parameter("weight", weight()));
    }

    private Shape input() {
        return shape(layer.split("/", 2)[0]);
    }

    private Shape weight() {
        return Shape.of(number('o', 0), input().dim(1) / number('g', 1), number('k', 0), number('k', 0));
    }

    private Shape output() {
        return build(new GraphBuilder(), true).shape();
    }

    private Op.Convolution op() {
        List<Integer> padding = Collections.nCopies(2, number('p', 0));
        List<Integer> stride = Collections.nCopies(2, number('s', 1));
        return new Op.Convolution(stride, padding, padding, List.of(1, 1), number('g', 1), false);
    }

    private int number(char key, int otherwise) {
        for (String part : layer.split("/")) {
            if (part.charAt(0) == key) return Integer.parseInt(part.substring(1));
        }
        return otherwise;
    }

    @Override
    Tolerance outputs() {
        return Tolerance.sum(weight().elements(1, 4));
    }

    /** The longest sum of both gradients: over batch and space of the output, or over a window of the outputs of a group. */
    @Override
    Tolerance gradients() {
        Shape y = output();
        Shape w = weight();
        return Tolerance.sum(Math.max(y.elements() / y.dim(1), w.elements() / w.dim(1) / number('g', 1)));
    }
}
