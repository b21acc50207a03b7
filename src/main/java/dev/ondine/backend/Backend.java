package dev.ondine.backend;

import dev.ondine.graph.Graph;

/** Compiles graphs into plans. */
public interface Backend {
    /** The name that users choose it by: {@code onednn}, {@code vector}, {@code reference}. */
    String name();

    /**
     * Compiles a graph for the shapes that it was built with. Everything that takes time or memory happens here.
     *
     * @throws dev.ondine.graph.ModelException if this backend cannot run an operation of the graph; names its layer
     */
    Plan compile(Graph graph, PlanOptions options);
}
