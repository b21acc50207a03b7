/**
 * The tuned pure-Java backend: blocked loops on the Vector API ({@code jdk.incubator.vector}), on all cores, in float32. It is
 * the best that plain Java does here, so that what oneDNN gains over Java can be measured against something fair.
 *
 * <p>Activations lie on the heap with the channels last (N×space×C); an operation that has no kernel here runs as the
 * {@link dev.ondine.reference reference}'s loops do.
 */
package dev.ondine.vector;
