package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What views of memory save: copies that are not made. */
class StructurePlanTest {
    /** The steps of forward and backward. */
    private static List<String> steps(Layer layer, Shape sample) {
        try (Model model = Model.of(layer, sample, 0)) {
            Graph forward =
                    model.graph(Mode.TRAINING, 2, (b, y) -> b.input("grad_output", DataType.FLOAT32, y.shape()));
            Value y = forward.outputs().get(Model.OUTPUT);
            Graph graph = Differentiate.apply(forward, y, forward.input("grad_output"), forward.parameters());
            try (OneDnnPlan plan = new OneDnnBackend().compile(graph, PlanOptions.threads(2))) {
                assertEquals(List.of(), plan.warnings());
                return plan.stepNames();
            }
        }
    }

    private static long reorders(List<String> steps) {
        return steps.stream().filter(s -> s.contains("reorder")).count();
    }

    /** q, k and v are read where the projection left them, and the heads written side by side, forward and backward. */
    @Test
    void attentionCopiesOnlyWeightsForTheirKernels() {
        Layer heads = Layers.multiHeadAttention(64, 2);
        Layer linears = Layers.sequential(Layers.linear(64, 192), Layers.linear(192, 64));
        List<String> attention = steps(heads, Shape.of(16, 64));
        assertEquals(
                reorders(steps(linears, Shape.of(16, 64))), reorders(attention), () -> String.join("\n", attention));
    }

    @Test
    void attentionWhosePartsBeginAnywhereRunsKernelsToo() {
        steps(Layers.multiHeadAttention(18, 3).bias(false), Shape.of(5, 18));
    }

    /** Around convolutions, whose layout they keep: no step is a reference loop. */
    @Test
    void layersBetweenConvolutionsRunKernels() {
        for (int c : new int[] {8, 13, 32}) {
            List<Layer> layers = List.of(
                    Layers.squeezeExcite(c, 4),
                    Layers.prelu(),
                    Layers.prelu(c),
                    Layers.upsampleNearest(2),
                    Layers.upsampleLinear(2),
                    Layers.reflectionPad2d(2),
                    Layers.constantPad2d(1, 0.5),
                    Layers.adaptiveAvgPool(3, 5));
            for (Layer layer : layers) {
                Layer network = Layers.sequential(
                        Layers.conv2d(3, c, 3).padding(1), layer, Layers.conv2d(c, 5, 3), Layers.softmax(1));
                steps(network, Shape.of(3, 8, 7));
            }
        }
        steps(
                Layers.sequential(Layers.conv2d(3, 12, 3), Layers.pixelShuffle(2), Layers.conv2d(3, 4, 3)),
                Shape.of(3, 8, 7));
    }
}
