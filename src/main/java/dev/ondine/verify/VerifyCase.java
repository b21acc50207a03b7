package dev.ondine.verify;

import dev.ondine.graph.Value;

/**
 * One operation on one shape, forward and backward.
 *
 * @param operation what is compared: {@code convolution 3x3 stride 2}
 * @param shape the shape of its first operand
 * @param body builds it
 */
public record VerifyCase(String operation, String shape, Body body) {
    /** Builds the operation into a graph and returns its result. */
    @FunctionalInterface
    public interface Body {
        Value build(CaseGraph graph);
    }

    @Override
    public String toString() {
        return operation + " " + shape;
    }
}
