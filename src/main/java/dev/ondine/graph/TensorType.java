package dev.ondine.graph;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;

/** The type of a value: what its elements are and how many along each axis. */
public record TensorType(DataType dataType, Shape shape) {
    /** Of float32. */
    public static TensorType float32(Shape shape) {
        return new TensorType(DataType.FLOAT32, shape);
    }

    /** The same shape with elements of another type. */
    public TensorType as(DataType other) {
        return new TensorType(other, shape);
    }

    /** {@code f32 (128, 3, 32, 32)}. */
    @Override
    public String toString() {
        return dataType.shortName() + " " + shape;
    }
}
