package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Which types oneDNN's primitives are asked for in bfloat16, where it has them. */
class Bfloat16PlanTest {
    private static final DataType F32 = DataType.FLOAT32;
    private static final DataType BF16 = DataType.BFLOAT16;

    /** By the beginning of a primitive's name, the types of its arguments. */
    private static final Map<String, Map<Arg, DataType>> EXPECTED = Map.of(
            "convolution forward", Map.of(Arg.SRC, BF16, Arg.WEIGHTS, BF16, Arg.DST, BF16),
            "convolution backward_data", Map.of(Arg.DIFF_DST, BF16, Arg.WEIGHTS, BF16, Arg.DIFF_SRC, BF16),
            "convolution backward_weights", Map.of(Arg.SRC, BF16, Arg.DIFF_DST, BF16, Arg.DIFF_WEIGHTS, F32),
            "batch_normalization forward",
                    Map.of(Arg.SRC, BF16, Arg.DST, BF16, Arg.MEAN, F32, Arg.VARIANCE, F32, Arg.SCALE, F32),
            "batch_normalization backward", Map.of(Arg.DIFF_DST, BF16, Arg.DIFF_SRC, BF16, Arg.DIFF_SCALE, F32),
            "inner_product forward", Map.of(Arg.SRC, BF16, Arg.WEIGHTS, BF16, Arg.BIAS, F32, Arg.DST, F32),
            "inner_product backward_data", Map.of(Arg.DIFF_DST, BF16, Arg.WEIGHTS, BF16, Arg.DIFF_SRC, BF16),
            "inner_product backward_weights",
                    Map.of(Arg.SRC, BF16, Arg.DIFF_DST, BF16, Arg.DIFF_WEIGHTS, F32, Arg.DIFF_BIAS, F32),
            "binary_add", Map.of(Arg.SRC, BF16, Arg.SRC_1, BF16, Arg.DST, BF16));

    @BeforeEach
    void needsBfloat16() {
        assumeTrue(OneDnn.supportsBfloat16(), "oneDNN finds no bfloat16 in this processor");
    }

    private static OneDnnPlan resnet(Precision precision) {
        int batch = 2;
        try (Model model = Model.of(Models.create("resnet20", Shape.of(3, 32, 32), 10), Shape.of(3, 32, 32), 1)) {
            Graph graph = model.graph(Mode.TRAINING, batch, (b, y) -> {
                Value target = b.input("target", DataType.INT32, Shape.of(batch));
                b.output("loss", b.add(new Op.CrossEntropy(0, -100), y, target));
            });
            return new OneDnnBackend()
                    .ownKernels(false)
                    .compile(
                            Differentiate.parameters(graph, graph.outputs().get("loss")),
                            PlanOptions.threads(1).precision(precision));
        }
    }

    @Test
    void primitivesHaveTheTypesOfMixedPrecision() {
        try (OneDnnPlan plan = resnet(Precision.BFLOAT16)) {
            Map<String, Integer> seen = new HashMap<>();
            for (StepSpec step : plan.specs()) {
                if (!(step instanceof StepSpec.Primitive p)) continue;
                EXPECTED.forEach((name, types) -> {
                    if (!p.descriptor().primitive().startsWith(name)) return;
                    seen.merge(name, 1, Integer::sum);
                    types.forEach((arg, type) -> {
                        Slot slot = p.inputs().containsKey(arg)
                                ? p.inputs().get(arg)
                                : p.outputs().get(arg);
                        assertEquals(type, slot.layout().dataType(), () -> arg + " of " + p.descriptor());
                    });
                });
            }
            assertEquals(EXPECTED.keySet(), seen.keySet(), plan.print());
        }
    }

    /** Weights are converted and laid out by one reorder each, right from their float32 master. */
    @Test
    void weightsComeFromTheirMasterInOneStep() {
        try (OneDnnPlan plan = resnet(Precision.BFLOAT16)) {
            int copies = 0;
            for (StepSpec step : plan.specs()) {
                if (!(step instanceof StepSpec.Primitive p)
                        || !p.descriptor().primitive().startsWith("reorder")) continue;
                Slot from = p.inputs().get(Arg.SRC);
                if (!from.buffer().isExternal()) continue;
                assertEquals(F32, from.layout().dataType());
                assertEquals(
                        BF16,
                        p.outputs().get(Arg.DST).layout().dataType(),
                        p.descriptor().toString());
                copies++;
            }
            assertTrue(copies >= 20, plan.print());
        }
    }

    @Test
    void takesLittleMoreThanHalfOfFloat32sMemory() {
        try (OneDnnPlan narrow = resnet(Precision.BFLOAT16);
                OneDnnPlan wide = resnet(Precision.FLOAT32)) {
            assertFalse(narrow.print().contains("round java"));
            // At a batch of 2 the copies of the weights count, too.
            assertTrue(narrow.arenaBytes() < 0.75 * wide.arenaBytes(), narrow.arenaBytes() + " " + wide.arenaBytes());
            assertEquals(wide.weights().byteSize(), narrow.weights().byteSize());
        }
    }
}
