package dev.ondine.io;

import dev.ondine.tensor.DataType;
import java.util.Optional;

/** The element types that the safetensors format knows, by the names it gives them. */
public enum StoredType {
    BOOL(8, null),
    F4(4, null),
    F6_E2M3(6, null),
    F6_E3M2(6, null),
    U8(8, DataType.UINT8),
    I8(8, null),
    F8_E5M2(8, null),
    F8_E4M3(8, null),
    F8_E8M0(8, null),
    F8_E4M3FNUZ(8, null),
    F8_E5M2FNUZ(8, null),
    I16(16, null),
    U16(16, null),
    F16(16, DataType.FLOAT16),
    BF16(16, DataType.BFLOAT16),
    I32(32, DataType.INT32),
    U32(32, null),
    F32(32, DataType.FLOAT32),
    C64(64, null),
    F64(64, DataType.FLOAT64),
    I64(64, DataType.INT64),
    U64(64, null);

    private final int bits;
    private final DataType dataType;

    StoredType(int bits, DataType dataType) {
        this.bits = bits;
        this.dataType = dataType;
    }

    /** The size of one element in bits; several elements of fewer than 8 share a byte. */
    public int bits() {
        return bits;
    }

    /** The tensor type that holds such elements, or empty if tensors of this type can be listed but not read. */
    public Optional<DataType> dataType() {
        return Optional.ofNullable(dataType);
    }

    static StoredType of(DataType type) {
        return switch (type) {
            case FLOAT32 -> F32;
            case FLOAT64 -> F64;
            case BFLOAT16 -> BF16;
            case FLOAT16 -> F16;
            case INT32 -> I32;
            case INT64 -> I64;
            case UINT8 -> U8;
        };
    }

    static Optional<StoredType> named(String name) {
        for (StoredType type : values()) {
            if (type.name().equals(name)) return Optional.of(type);
        }
        return Optional.empty();
    }
}
