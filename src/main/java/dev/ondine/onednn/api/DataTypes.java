package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import dev.ondine.tensor.DataType;

/** Ondine's data types and oneDNN's numbers for them. */
final class DataTypes {
    private DataTypes() {}

    static int code(DataType type) {
        return switch (type) {
            case FLOAT32 -> dnnl_h.dnnl_f32();
            case BFLOAT16 -> dnnl_h.dnnl_bf16();
            case INT32 -> dnnl_h.dnnl_s32();
            case UINT8 -> dnnl_h.dnnl_u8();
            case FLOAT64, FLOAT16, INT64 ->
                throw new IllegalArgumentException("data type " + type
                        + " is never computed with natively; convert it to FLOAT32, BFLOAT16, INT32 or UINT8");
        };
    }

    /** The data type of oneDNN's number; null if Ondine has none such. */
    static DataType of(int code) {
        if (code == dnnl_h.dnnl_f32()) return DataType.FLOAT32;
        if (code == dnnl_h.dnnl_bf16()) return DataType.BFLOAT16;
        if (code == dnnl_h.dnnl_s32()) return DataType.INT32;
        if (code == dnnl_h.dnnl_u8()) return DataType.UINT8;
        if (code == dnnl_h.dnnl_f16()) return DataType.FLOAT16;
        if (code == dnnl_h.dnnl_f64()) return DataType.FLOAT64;
        if (code == dnnl_h.dnnl_s64()) return DataType.INT64;
        return null;
    }
}
