package dev.ondine.io;

import dev.ondine.tensor.DataType;
import java.util.Optional;

/** The element types that the safetensors format knows, by the names it gives them. */
public enum StoredType {
    /** A truth value in a byte. */
    BOOL(8, null),
    /** 4 bits, E2M1; cannot be read as a tensor. */
    F4(4, null),
    /** 6 bits, E2M3; cannot be read as a tensor. */
    F6_E2M3(6, null),
    /** 6 bits, E3M2; cannot be read as a tensor. */
    F6_E3M2(6, null),
    /** 8 bits without a sign. */
    U8(8, DataType.UINT8),
    /** 8 bits with a sign. */
    I8(8, null),
    /** 8 bits, E5M2; cannot be read as a tensor. */
    F8_E5M2(8, null),
    /** 8 bits, E4M3; cannot be read as a tensor. */
    F8_E4M3(8, null),
    /** 8 bits of exponent, a scale; cannot be read as a tensor. */
    F8_E8M0(8, null),
    /** 8 bits, E4M3 without negative zero; cannot be read as a tensor. */
    F8_E4M3FNUZ(8, null),
    /** 8 bits, E5M2 without negative zero; cannot be read as a tensor. */
    F8_E5M2FNUZ(8, null),
    /** 16 bits with a sign. */
    I16(16, null),
    /** 16 bits without a sign. */
    U16(16, null),
    /** float16. */
    F16(16, DataType.FLOAT16),
    /** bfloat16. */
    BF16(16, DataType.BFLOAT16),
    /** 32 bits with a sign. */
    I32(32, DataType.INT32),
    /** 32 bits without a sign. */
    U32(32, null),
    /** float32. */
    F32(32, DataType.FLOAT32),
    /** A complex number of two float32. */
    C64(64, null),
    /** float64. */
    F64(64, DataType.FLOAT64),
    /** 64 bits with a sign. */
    I64(64, DataType.INT64),
    /** 64 bits without a sign. */
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
