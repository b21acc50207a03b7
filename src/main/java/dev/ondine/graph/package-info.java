/**
 * The graph: a network as a list of operations in static single assignment form, and the passes over it, one file each.
 *
 * <p>A model becomes a plan in this order: {@link dev.ondine.graph.GraphBuilder} builds the forward graph and infers every
 * shape, {@link dev.ondine.graph.Differentiate} adds the gradients as further operations, {@link dev.ondine.graph.Fuse} joins
 * operations that a backend runs as one. Layout and memory belong to the backend that compiles the graph.
 *
 * <p>A new operation is: its record in {@link dev.ondine.graph.Op}, its case in {@link dev.ondine.graph.ShapeRules} and in
 * {@link dev.ondine.graph.Gradients}, its formula in the reference backend, its lowering in the native one. The switches are
 * exhaustive: the compiler names the places that are left.
 */
package dev.ondine.graph;
