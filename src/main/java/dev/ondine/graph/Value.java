package dev.ondine.graph;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;

/**
 * One tensor in a graph, assigned once. Two values are the same if their ids are: passes that rewrite a graph keep the values
 * that they do not replace.
 *
 * @param name of an input or parameter; empty for a computed value
 */
public record Value(int id, String name, TensorType type, Role role) {
    /** Where a value comes from. */
    public enum Role {
        /** Given by the caller before each run: images, labels. */
        INPUT,
        /** Learned: changed by the optimizer. */
        PARAMETER,
        /** Kept beside the parameters but not learned: running statistics. */
        BUFFER,
        /** The result of a node. */
        COMPUTED
    }

    /** The same value with elements of another type: how a pass that chooses types replaces it everywhere. */
    Value as(DataType type) {
        return new Value(id, name, this.type.as(type), role);
    }

    /** The shape of its type. */
    public Shape shape() {
        return type.shape();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Value v && v.id == id;
    }

    @Override
    public int hashCode() {
        return id;
    }

    /** {@code %12}, or {@code %12:conv1.weight}. */
    @Override
    public String toString() {
        return name.isEmpty() ? "%" + id : "%" + id + ":" + name;
    }
}
