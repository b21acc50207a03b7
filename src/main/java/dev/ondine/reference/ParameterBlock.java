package dev.ondine.reference;

import dev.ondine.graph.Value;
import java.util.List;

/**
 * Where each parameter lies in a flat block of float32: in the graph's order, row-major, each start on a multiple of 16
 * elements, which is a cache line.
 */
final class ParameterBlock {
    private static final long ALIGNMENT = 16;

    private final List<Value> parameters;
    private final long[] offsets;

    ParameterBlock(List<Value> parameters) {
        this.parameters = parameters;
        offsets = new long[parameters.size() + 1];
        for (int i = 0; i < parameters.size(); i++) {
            long elements = parameters.get(i).shape().elements();
            offsets[i + 1] = offsets[i] + Math.ceilDiv(elements, ALIGNMENT) * ALIGNMENT;
        }
    }

    int count() {
        return parameters.size();
    }

    Value parameter(int index) {
        return parameters.get(index);
    }

    /** In elements. */
    long offset(int index) {
        return offsets[checked(index)];
    }

    /** In elements, with what is left free behind the parameter. */
    long extent(int index) {
        return offsets[checked(index) + 1] - offsets[index];
    }

    /** In elements. */
    long total() {
        return offsets[parameters.size()];
    }

    private int checked(int index) {
        if (index < 0 || index >= parameters.size()) {
            throw new IndexOutOfBoundsException(
                    "there is no parameter " + index + ": the graph has " + parameters.size() + " parameters");
        }
        return index;
    }

    /** Throws unless another plan's parameters have the same names, shapes and order. */
    void requireSame(ParameterBlock other) {
        if (other.count() != count()) {
            throw new IllegalArgumentException("parameters cannot be shared: this graph has " + count()
                    + ", the other plan's has " + other.count());
        }
        for (int i = 0; i < count(); i++) {
            Value mine = parameter(i);
            Value theirs = other.parameter(i);
            if (!mine.name().equals(theirs.name()) || !mine.type().equals(theirs.type())) {
                throw new IllegalArgumentException(
                        "parameters cannot be shared: parameter " + i + " is " + mine.name() + " " + mine.type()
                                + " here and " + theirs.name() + " " + theirs.type() + " in the other plan");
            }
        }
    }
}
