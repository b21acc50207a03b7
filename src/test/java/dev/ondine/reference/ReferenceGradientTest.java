package dev.ondine.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every operation's gradient against central differences, in double precision. */
class ReferenceGradientTest {
    static Stream<String> names() {
        return GradientCases.all().keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void matchesCentralDifferences(String name) {
        TinyGraph tiny = new TinyGraph();
        GradientCheck.check(tiny, GradientCases.all().get(name).apply(tiny));
    }

    @Test
    void everyOperationHasACase() {
        Set<Class<?>> seen = new HashSet<>();
        for (Function<TinyGraph, Value> each : GradientCases.all().values()) {
            TinyGraph tiny = new TinyGraph();
            Value loss = each.apply(tiny);
            Graph graph = Differentiate.apply(tiny.builder.build(), loss, tiny.differentiable());
            assertNotNull(graph.gradients().get(tiny.differentiable().getFirst()));
            graph.nodes().forEach(n -> seen.add(n.op().getClass()));
        }
        Set<Class<?>> all = new HashSet<>();
        addRecords(Op.Forward.class, all);
        addRecords(Op.Backward.class, all);
        // Steps without a slope: their gradient is by convention that of the value that they round.
        all.removeAll(Set.of(Op.Round.class, Op.Convert.class));
        assertEquals(all, seen);
    }

    private static void addRecords(Class<?> type, Set<Class<?>> records) {
        if (type.isRecord()) {
            records.add(type);
        } else {
            for (Class<?> permitted : type.getPermittedSubclasses()) addRecords(permitted, records);
        }
    }
}
