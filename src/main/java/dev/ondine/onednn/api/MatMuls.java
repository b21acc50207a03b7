package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/** Matrix products: dst = src·weights + bias, over the last two axes; axes before them are batches. */
public final class MatMuls {
    private MatMuls() {}

    /**
     * The product. Arguments: SRC, WEIGHTS, BIAS → DST.
     *
     * @param src (…, m, k)
     * @param weights (…, k, n)
     * @param bias of the rank of dst, extents 1 being broadcast; {@link MemoryDescriptor#NONE} for none
     * @param dst (…, m, n)
     */
    public static PrimitiveRequest of(
            MemoryDescriptor src,
            MemoryDescriptor weights,
            MemoryDescriptor bias,
            MemoryDescriptor dst,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "matmul",
                List.of(
                        new Operand("src", src),
                        new Operand("weights", weights),
                        new Operand("bias", bias),
                        new Operand("dst", dst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_matmul_primitive_desc_create(
                        out, engine, src.handle(), weights.handle(), bias.handle(), dst.handle(), attributes.handle()));
    }
}
