package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Values that are other values' memory, beside operations that write where they read. */
class ViewsTest {
    /** A few sums and products of numbers below 2. */
    private static final float TOLERANCE = 1e-5f;

    static Stream<Shape> shapes() {
        return Stream.of(
                Shape.of(4, 16), Shape.of(3, 64), Shape.of(2, 4, 16), Shape.of(4, 16, 2, 2), Shape.of(4, 3, 4, 4));
    }

    /** The first sample is read until the last sample is made. */
    @ParameterizedTest
    @MethodSource("shapes")
    void aPartOfWhatIsOverwritten(Shape shape) {
        for (long start = 0; start < shape.dim(0); start++) {
            for (boolean multiply : new boolean[] {false, true}) {
                GraphBuilder builder = new GraphBuilder();
                Value x = builder.input("x", DataType.FLOAT32, shape);
                Value h = builder.add(new Op.Activation(ActivationKind.TANH, 1), x);
                Value one = builder.add(new Op.Slice(0, start, 1), h);
                Op op = multiply ? new Op.Multiply() : new Op.Binary(BinaryKind.SUBTRACT);
                Value y = builder.add(op, h, one);
                builder.output("y", builder.add(new Op.Activation(ActivationKind.TANH, 1), y));
                isAsTheReference(builder.build());
            }
        }
    }

    /** Its gradient lies with the batch innermost, and goes through a reshape. */
    @Test
    void rowsThatLieAcross() {
        GraphBuilder builder = new GraphBuilder();
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(15));
        Value dy = builder.input("dy", DataType.FLOAT32, Shape.of(3, 5, 1, 1));
        Value rows = builder.add(new Op.Reshape(Shape.of(3, 5, 1, 1)), x);
        Value y = builder.add(new Op.Softmax(0, false), rows);
        Value loss = builder.add(
                new Op.Reshape(Shape.of()),
                builder.add(new Op.ReduceSum(Shape.of(1, 1, 1, 1)), builder.add(new Op.Multiply(), y, dy)));
        builder.output("loss", loss);
        Graph graph = builder.build();
        isAsTheReference(Differentiate.apply(graph, loss, List.of(x)));
    }

    /** What is converted is read when somebody asks for it, which is after a sum was made in its place. */
    @Test
    void aConvertedValue() {
        GraphBuilder builder = new GraphBuilder();
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(2, 8, 3, 3));
        Value w = builder.input("w", DataType.FLOAT32, Shape.of(8, 8, 1, 1));
        Op.Convolution c = new Op.Convolution(List.of(1, 1), List.of(0, 0), List.of(0, 0), List.of(1, 1), 1, false);
        Value h = builder.add(new Op.Activation(ActivationKind.TANH, 1), builder.add(c, x, w));
        Value narrow = builder.add(new Op.Convert(DataType.BFLOAT16), h);
        Value y = builder.add(new Op.Add(false), builder.add(c, x, w), h);
        builder.output("y", builder.add(new Op.Activation(ActivationKind.RELU, 0), y));
        builder.output("z", builder.add(new Op.Convert(DataType.FLOAT32), narrow));
        isAsTheReference(builder.build());
    }

    private static void isAsTheReference(Graph graph) {
        List<float[]> expected = results(new ReferenceBackend(), graph);
        List<float[]> actual = results(new OneDnnBackend(), graph);
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), actual.get(i), TOLERANCE, graph.print());
        }
    }

    private static List<float[]> results(Backend backend, Graph graph) {
        try (Plan plan = backend.compile(graph, PlanOptions.threads(1))) {
            SplittableRandom random = new SplittableRandom(1);
            for (Value v : graph.inputs()) {
                Tensor tensor = plan.input(v.name());
                for (long i = 0; i < tensor.elements(); i++) tensor.setFloatAt(i, (float) random.nextDouble(-1, 1));
            }
            plan.run(0);
            List<float[]> results = new ArrayList<>();
            for (String name : graph.outputs().keySet())
                results.add(plan.output(name).toFloatArray());
            return results;
        }
    }
}
