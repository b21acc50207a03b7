/**
 * The native backend: a graph becomes oneDNN primitives whose arguments are bound once.
 *
 * <p>{@link dev.ondine.onednn.Lowering} turns each operation into steps and chooses layouts on the way,
 * {@link dev.ondine.onednn.MemoryPlanner} gives every buffer its place, {@link dev.ondine.onednn.OneDnnPlan} runs the steps.
 */
package dev.ondine.onednn;
