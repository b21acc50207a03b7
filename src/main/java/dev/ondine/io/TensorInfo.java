package dev.ondine.io;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.Optional;

/**
 * What a safetensors header says of one tensor.
 *
 * @param begin where its bytes begin in the file
 * @param end where they end, exclusive
 */
public record TensorInfo(String name, StoredType type, Shape shape, long begin, long end) {
    /** The type of tensor that it is read into, or empty if it can be listed but not read. */
    public Optional<DataType> dataType() {
        return type.dataType();
    }

    /** The size of its data in bytes. */
    public long bytes() {
        return end - begin;
    }
}
