package dev.ondine.bench;

import dev.ondine.backend.BackendUnavailableException;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.backend.UnsupportedPrecisionException;
import dev.ondine.graph.Graph;
import dev.ondine.onednn.OneDnnBackend;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** One of those that run the same graph. */
enum Side {
    /** oneDNN's primitives on all threads. */
    ONEDNN("OneDnn", "onednn", Precision.FLOAT32),
    /** The same in bfloat16, where the processor multiplies it. */
    ONEDNN_BF16("OneDnnBf16", "onednn", Precision.BFLOAT16),
    /** Java as fast as we could make it: the Vector API, on all threads. */
    VECTOR("Vector", "vector", Precision.FLOAT32),
    /** Java as it is read best: scalar loops in double precision on one thread. No measure of what Java can do. */
    REFERENCE("Reference", "reference", Precision.FLOAT32);

    private final String label;
    private final String backend;
    private final Precision precision;

    Side(String label, String backend, Precision precision) {
        this.label = label;
        this.backend = backend;
        this.precision = precision;
    }

    /** As results and {@code -p side=} name it. */
    String label() {
        return label;
    }

    boolean isBfloat16() {
        return precision == Precision.BFLOAT16;
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
            if (precision == Precision.BFLOAT16) OneDnnBackend.requireBfloat16();
            return Optional.empty();
        } catch (BackendUnavailableException | UnsupportedPrecisionException e) {
            return Optional.of(e.getMessage());
        }
    }

    /**
     * Compiles a graph.
     *
     * @param ownLayouts whether inputs and outputs stay as the plan computes with them; the reference has no other than row-major
     */
    Plan compile(Graph graph, int threads, boolean ownLayouts) {
        PlanOptions options = PlanOptions.threads(threads).precision(precision).ownLayouts(ownLayouts);
        return Backends.named(backend).compile(graph, options);
    }
}
