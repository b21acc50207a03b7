package dev.ondine.io.onnx;

import dev.ondine.tensor.DataType;
import java.util.Optional;

/** The element types that ONNX files know, by their numbers in the format. */
enum ElementType {
    FLOAT(1, 32, DataType.FLOAT32),
    UINT8(2, 8, DataType.UINT8),
    INT8(3, 8, null),
    UINT16(4, 16, null),
    INT16(5, 16, null),
    INT32(6, 32, DataType.INT32),
    INT64(7, 64, DataType.INT64),
    STRING(8, 0, null),
    BOOL(9, 8, null),
    FLOAT16(10, 16, DataType.FLOAT16),
    DOUBLE(11, 64, DataType.FLOAT64),
    UINT32(12, 32, null),
    UINT64(13, 64, null),
    COMPLEX64(14, 64, null),
    COMPLEX128(15, 128, null),
    BFLOAT16(16, 16, DataType.BFLOAT16);

    private final int number;
    private final int bits;
    private final DataType dataType;

    ElementType(int number, int bits, DataType dataType) {
        this.number = number;
        this.bits = bits;
        this.dataType = dataType;
    }

    /** As the format numbers it. */
    int number() {
        return number;
    }

    /** The size of an element in raw data; 0 for strings, which have none. */
    int bytes() {
        return bits / 8;
    }

    /** The tensor type that holds such elements, if there is one. */
    Optional<DataType> dataType() {
        return Optional.ofNullable(dataType);
    }

    boolean isFloat() {
        return dataType != null && dataType.isFloat();
    }

    /** Whether elements are whole numbers, truth values among them. */
    boolean isWhole() {
        return switch (this) {
            case UINT8, INT8, UINT16, INT16, INT32, INT64, BOOL, UINT32, UINT64 -> true;
            default -> false;
        };
    }

    static ElementType of(DataType type) {
        for (ElementType t : values()) if (t.dataType == type) return t;
        throw new AssertionError("every tensor type has a number in ONNX, " + type + " too");
    }

    /** The type of a number; nothing for the smaller ones that later versions have added, and for numbers of none. */
    static Optional<ElementType> numbered(int number) {
        for (ElementType t : values()) if (t.number == number) return Optional.of(t);
        return Optional.empty();
    }
}
