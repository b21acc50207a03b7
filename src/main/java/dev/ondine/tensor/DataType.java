package dev.ondine.tensor;

/** The type of one element of a {@link Tensor}. */
public enum DataType {
    /** IEEE 754 binary32: the type of parameters, statistics and, unless bfloat16 is asked for, activations. */
    FLOAT32(4),
    /** IEEE 754 binary64: read from files and used by the reference backend; never on the native path. */
    FLOAT64(8),
    /** The upper half of a binary32: 8 bits of exponent, 7 of fraction. */
    BFLOAT16(2),
    /** IEEE 754 binary16: read from files only. */
    FLOAT16(2),
    /** Class labels on the native path. */
    INT32(4),
    /** Class labels and counters in files. */
    INT64(8),
    /** Bytes: images as they were decoded, masks. */
    UINT8(1);

    private final int bytes;

    DataType(int bytes) {
        this.bytes = bytes;
    }

    /** The size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    /** Whether elements are floating-point numbers; if not they are whole ones. */
    public boolean isFloat() {
        return switch (this) {
            case FLOAT32, FLOAT64, BFLOAT16, FLOAT16 -> true;
            case INT32, INT64, UINT8 -> false;
        };
    }

    /** The short name that printed graphs and error messages use: {@code f32}, {@code bf16}, {@code s32} … */
    public String shortName() {
        return switch (this) {
            case FLOAT32 -> "f32";
            case FLOAT64 -> "f64";
            case BFLOAT16 -> "bf16";
            case FLOAT16 -> "f16";
            case INT32 -> "s32";
            case INT64 -> "s64";
            case UINT8 -> "u8";
        };
    }
}
