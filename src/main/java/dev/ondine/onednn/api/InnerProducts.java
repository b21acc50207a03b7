package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/**
 * Fully connected layers: dst = src·weightsᵀ + bias. Source (batch, input features …), weights (output features, input
 * features …), the input features of an image being (channels, height, width); destination (batch, output features).
 */
public final class InnerProducts {
    private InnerProducts() {}

    /**
     * The result. Arguments: SRC, WEIGHTS, BIAS → DST.
     *
     * @param propagation forward, for training or inference
     * @param bias one value an output feature; {@link MemoryDescriptor#NONE} for none
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            MemoryDescriptor src,
            MemoryDescriptor weights,
            MemoryDescriptor bias,
            MemoryDescriptor dst,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "inner_product " + propagation,
                List.of(
                        new Operand("src", src),
                        new Operand("weights", weights),
                        new Operand("bias", bias),
                        new Operand("dst", dst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_inner_product_forward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        src.handle(),
                        weights.handle(),
                        bias.handle(),
                        dst.handle(),
                        attributes.handle()));
    }

    /**
     * The gradient of the input. Arguments: DIFF_DST, WEIGHTS → DIFF_SRC.
     *
     * @param hint the forward pass
     */
    public static PrimitiveRequest backwardData(
            MemoryDescriptor diffSrc,
            MemoryDescriptor weights,
            MemoryDescriptor diffDst,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "inner_product backward_data",
                List.of(
                        new Operand("diff_src", diffSrc),
                        new Operand("weights", weights),
                        new Operand("diff_dst", diffDst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_inner_product_backward_data_primitive_desc_create(
                        out,
                        engine,
                        diffSrc.handle(),
                        weights.handle(),
                        diffDst.handle(),
                        hint.handle(),
                        attributes.handle()));
    }

    /**
     * The gradients of weights and bias. Arguments: SRC, DIFF_DST → DIFF_WEIGHTS, DIFF_BIAS.
     *
     * @param diffBias {@link MemoryDescriptor#NONE} for none
     * @param hint the forward pass
     */
    public static PrimitiveRequest backwardWeights(
            MemoryDescriptor src,
            MemoryDescriptor diffWeights,
            MemoryDescriptor diffBias,
            MemoryDescriptor diffDst,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "inner_product backward_weights",
                List.of(
                        new Operand("src", src),
                        new Operand("diff_weights", diffWeights),
                        new Operand("diff_bias", diffBias),
                        new Operand("diff_dst", diffDst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_inner_product_backward_weights_primitive_desc_create(
                        out,
                        engine,
                        src.handle(),
                        diffWeights.handle(),
                        diffBias.handle(),
                        diffDst.handle(),
                        hint.handle(),
                        attributes.handle()));
    }
}
