package dev.ondine.nn;

import static dev.ondine.nn.Layers.batchNorm1d;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.sequential;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.graph.Graph;
import dev.ondine.graph.Op;
import dev.ondine.io.onnx.OnnxExport;
import dev.ondine.io.onnx.OnnxNetwork;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A whole network with the statistics that it has. */
class FrozenNetworkTest {
    static List<String> names() {
        return Models.names();
    }

    private static List<String> text(Layer network, Shape sample) {
        return Model.specs(network, sample).stream()
                .map(p -> p.name() + " " + p.shape() + " " + p.learned() + " " + p.role())
                .toList();
    }

    private static long normalizations(Graph graph, boolean ofBatch) {
        return graph.nodes().stream()
                .filter(n -> n.op() instanceof Op.BatchNormalization b && b.training() == ofBatch)
                .count();
    }

    /** Blocks of every kind, wherever they keep their batch norms. */
    @ParameterizedTest
    @MethodSource("names")
    void everyNetworkOfTheZooIsFrozenThroughout(String name) {
        ModelEntry entry = Models.get(name);
        Layer network = entry.create();
        Layer frozen = BatchNorm.frozen(network);
        Graph usual = Model.graph(network, entry.sample(), Mode.TRAINING, 2);
        Graph graph = Model.graph(frozen, entry.sample(), Mode.TRAINING, 2);
        assertFalse(usual.statistics().isEmpty());
        assertTrue(graph.statistics().isEmpty());
        assertEquals(0, normalizations(graph, true));
        assertEquals(normalizations(usual, true), normalizations(graph, false));
        assertEquals(text(network, entry.sample()), text(frozen, entry.sample()));
    }

    /** What stands outside, before and behind, is as it was. */
    @Test
    void onlyThePartIsFrozen() {
        Layer network = sequential(
                linear(4, 5),
                batchNorm1d(5),
                BatchNorm.frozen(sequential(linear(5, 6), batchNorm1d(6))),
                batchNorm1d(6));
        Graph graph = Model.graph(network, Shape.of(4), Mode.TRAINING, 2);
        assertEquals(
                List.of("1", "3"),
                graph.statistics().stream().map(Graph.Statistic::path).toList());
        assertEquals(1, normalizations(graph, false));
    }

    @Test
    void importedNetworksAreFrozen(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("network.onnx");
        ModelEntry entry = Models.get("lenet-bn");
        try (Model model = Model.of(entry.create(), entry.sample(), 1)) {
            OnnxExport.write(file, model, OnnxExport.Options.DEFAULT);
        }
        try (OnnxNetwork network = OnnxNetwork.open(file)) {
            assertFalse(Model.graph(network, entry.sample(), Mode.TRAINING, 2)
                    .statistics()
                    .isEmpty());
            Graph graph = Model.graph(BatchNorm.frozen(network), entry.sample(), Mode.TRAINING, 2);
            assertTrue(graph.statistics().isEmpty());
            assertEquals(0, normalizations(graph, true));
        }
    }
}
