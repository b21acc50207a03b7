package dev.ondine.bench;

import dev.ondine.backend.BackendUnavailableException;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Graph;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** One of those that run the same graph. */
enum Side {
    /** oneDNN's primitives on all threads. */
    ONEDNN("OneDnn", "onednn"),
    /** Java as fast as we could make it: the Vector API, on all threads. */
    VECTOR("Vector", "vector"),
    /** Java as it is read best: scalar loops in double precision on one thread. No measure of what Java can do. */
    REFERENCE("Reference", "reference");

    private final String label;
    private final String backend;

    Side(String label, String backend) {
        this.label = label;
        this.backend = backend;
    }

    /** As results and {@code -p side=} name it. */
    String label() {
        return label;
    }

    static Side of(String label) {
        return Arrays.stream(values())
                .filter(s -> s.label.equals(label))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "side is '" + label + "'; there are " + labels(List.of(values()))));
    }

    static List<String> labels(List<Side> sides) {
        return sides.stream().map(Side::label).toList();
    }

    /** Why it cannot run here, if it cannot. */
    Optional<String> refusal() {
        if (!Backends.names().contains(backend)) return Optional.of("there is no backend '" + backend + "'");
        try {
            Backends.named(backend);
            return Optional.empty();
        } catch (BackendUnavailableException e) {
            return Optional.of(e.getMessage());
        }
    }

    Plan compile(Graph graph, int threads) {
        return Backends.named(backend).compile(graph, PlanOptions.threads(threads));
    }
}
