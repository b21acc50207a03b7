package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/**
 * Convolutions over one to three spatial axes. Weights are (output, input, spatial …) or, with groups, (group, output
 * of a group, input of a group, spatial …): that they have one axis more says that there are groups.
 */
public final class Convolutions {
    private Convolutions() {}

    /**
     * The result. Arguments: SRC, WEIGHTS, BIAS → DST.
     *
     * @param propagation forward, for training or inference
     * @param bias one value an output channel; {@link MemoryDescriptor#NONE} for none
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            MemoryDescriptor src,
            MemoryDescriptor weights,
            MemoryDescriptor bias,
            MemoryDescriptor dst,
            Window window,
            Attributes attributes) {
        String primitive = "convolution " + propagation;
        window.checkFits(primitive, src);
        return PrimitiveRequest.of(
                primitive,
                List.of(
                        new Operand("src", src),
                        new Operand("weights", weights),
                        new Operand("bias", bias),
                        new Operand("dst", dst)),
                window.toString(),
                attributes,
                (out, engine, temporary) -> {
                    Window.Native w = window.toNative(temporary);
                    return dnnl_h.dnnl_convolution_forward_primitive_desc_create(
                            out,
                            engine,
                            propagation.code(),
                            Algorithm.CONVOLUTION_DIRECT.code(),
                            src.handle(),
                            weights.handle(),
                            bias.handle(),
                            dst.handle(),
                            w.strides(),
                            w.dilation(),
                            w.padBegin(),
                            w.padEnd(),
                            attributes.handle());
                });
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
            Window window,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        String primitive = "convolution backward_data";
        window.checkFits(primitive, diffSrc);
        return PrimitiveRequest.of(
                primitive,
                List.of(
                        new Operand("diff_src", diffSrc),
                        new Operand("weights", weights),
                        new Operand("diff_dst", diffDst)),
                window.toString(),
                attributes,
                (out, engine, temporary) -> {
                    Window.Native w = window.toNative(temporary);
                    return dnnl_h.dnnl_convolution_backward_data_primitive_desc_create(
                            out,
                            engine,
                            Algorithm.CONVOLUTION_DIRECT.code(),
                            diffSrc.handle(),
                            weights.handle(),
                            diffDst.handle(),
                            w.strides(),
                            w.dilation(),
                            w.padBegin(),
                            w.padEnd(),
                            hint.handle(),
                            attributes.handle());
                });
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
            Window window,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        String primitive = "convolution backward_weights";
        window.checkFits(primitive, src);
        return PrimitiveRequest.of(
                primitive,
                List.of(
                        new Operand("src", src),
                        new Operand("diff_weights", diffWeights),
                        new Operand("diff_bias", diffBias),
                        new Operand("diff_dst", diffDst)),
                window.toString(),
                attributes,
                (out, engine, temporary) -> {
                    Window.Native w = window.toNative(temporary);
                    return dnnl_h.dnnl_convolution_backward_weights_primitive_desc_create(
                            out,
                            engine,
                            Algorithm.CONVOLUTION_DIRECT.code(),
                            src.handle(),
                            diffWeights.handle(),
                            diffBias.handle(),
                            diffDst.handle(),
                            w.strides(),
                            w.dilation(),
                            w.padBegin(),
                            w.padEnd(),
                            hint.handle(),
                            attributes.handle());
                });
    }
}
