package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/**
 * Channel shuffle: the axis seen as a matrix whose rows are the groups, transposed. PyTorch's {@code ChannelShuffle(g)}
 * over C channels has groups of C/g.
 */
public final class Shuffles {
    private Shuffles() {}

    /**
     * The result. Arguments: SRC → DST.
     *
     * @param propagation forward, for training or inference
     * @param axis from 0
     * @param groupSize how many indices make up a group
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            MemoryDescriptor src,
            MemoryDescriptor dst,
            int axis,
            long groupSize,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "shuffle " + propagation,
                List.of(new Operand("src", src), new Operand("dst", dst)),
                "axis " + axis + ", group size " + groupSize,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_shuffle_forward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        src.handle(),
                        dst.handle(),
                        axis,
                        groupSize,
                        attributes.handle()));
    }

    /**
     * The gradient of the input. Arguments: DIFF_DST → DIFF_SRC.
     *
     * @param hint the forward pass
     */
    public static PrimitiveRequest backward(
            MemoryDescriptor diffSrc,
            MemoryDescriptor diffDst,
            int axis,
            long groupSize,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "shuffle backward_data",
                List.of(new Operand("diff_src", diffSrc), new Operand("diff_dst", diffDst)),
                "axis " + axis + ", group size " + groupSize,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_shuffle_backward_primitive_desc_create(
                        out,
                        engine,
                        diffSrc.handle(),
                        diffDst.handle(),
                        axis,
                        groupSize,
                        hint.handle(),
                        attributes.handle()));
    }
}
