package dev.ondine.cli;

import dev.ondine.backend.Precision;
import dev.ondine.graph.Cost;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Value;
import dev.ondine.profile.Peak;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * What one run of a plan has to do, the update of parameters aside.
 *
 * @param cost of all operations together
 * @param seconds that they take at least, one after the other, each bound by arithmetic or by memory, on a machine whose peak was
 *     measured before; empty if it was not, or is not known for the data type
 */
record BenchWork(Cost cost, OptionalDouble seconds) {
    static BenchWork of(Graph graph, int threads, Precision precision) {
        List<Cost> costs = everyRun(graph).stream().map(Cost::of).toList();
        Optional<Peak> peak = precision == Precision.FLOAT32 ? Peak.cached(threads) : Optional.empty();
        OptionalDouble seconds = OptionalDouble.empty();
        if (peak.isPresent()) {
            seconds = OptionalDouble.of(costs.stream()
                    .mapToDouble(c -> peak.get().seconds(c.flops(), c.bytes()))
                    .sum());
        }
        return new BenchWork(costs.stream().reduce(Cost.NONE, Cost::plus), seconds);
    }

    /** The operations that depend on an input; folded weights, say, are computed once. */
    private static List<Node> everyRun(Graph graph) {
        Set<Value> depends = new HashSet<>(graph.inputs());
        for (Node node : graph.nodes()) {
            if (node.inputs().stream().anyMatch(depends::contains)) depends.addAll(node.outputs());
        }
        return graph.nodes().stream()
                .filter(node -> depends.contains(node.output(0)))
                .toList();
    }
}
