package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.Arrays;
import java.util.List;

/** Maximum and average pooling over one to three spatial axes. */
public final class Poolings {
    private Poolings() {}

    /**
     * The result. Arguments: SRC → DST; with {@link Algorithm#POOLING_MAX} in training also WORKSPACE, the indices of
     * the maxima.
     *
     * @param propagation forward, for training or inference
     * @param algorithm {@link Algorithm#POOLING_MAX} or one of the averages
     * @param kernel the extents of the window
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            Algorithm algorithm,
            MemoryDescriptor src,
            MemoryDescriptor dst,
            long[] kernel,
            Window window,
            Attributes attributes) {
        String primitive = algorithm + " " + propagation;
        check(primitive, src, kernel, window);
        return PrimitiveRequest.of(
                primitive,
                List.of(new Operand("src", src), new Operand("dst", dst)),
                "kernel " + Arrays.toString(kernel) + ", " + window,
                attributes,
                (out, engine, temporary) -> {
                    Window.Native w = window.toNative(temporary);
                    return dnnl_h.dnnl_pooling_forward_primitive_desc_create(
                            out,
                            engine,
                            propagation.code(),
                            algorithm.code(),
                            src.handle(),
                            dst.handle(),
                            w.strides(),
                            Pointers.dims(temporary, kernel),
                            w.dilation(),
                            w.padBegin(),
                            w.padEnd(),
                            attributes.handle());
                });
    }

    /**
     * The gradient of the input. Arguments: DIFF_DST, for the maximum WORKSPACE → DIFF_SRC.
     *
     * @param hint the forward pass, made for training
     */
    public static PrimitiveRequest backward(
            Algorithm algorithm,
            MemoryDescriptor diffSrc,
            MemoryDescriptor diffDst,
            long[] kernel,
            Window window,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        String primitive = algorithm + " backward_data";
        check(primitive, diffSrc, kernel, window);
        return PrimitiveRequest.of(
                primitive,
                List.of(new Operand("diff_src", diffSrc), new Operand("diff_dst", diffDst)),
                "kernel " + Arrays.toString(kernel) + ", " + window,
                attributes,
                (out, engine, temporary) -> {
                    Window.Native w = window.toNative(temporary);
                    return dnnl_h.dnnl_pooling_backward_primitive_desc_create(
                            out,
                            engine,
                            algorithm.code(),
                            diffSrc.handle(),
                            diffDst.handle(),
                            w.strides(),
                            Pointers.dims(temporary, kernel),
                            w.dilation(),
                            w.padBegin(),
                            w.padEnd(),
                            hint.handle(),
                            attributes.handle());
                });
    }

    private static void check(String primitive, MemoryDescriptor image, long[] kernel, Window window) {
        window.checkFits(primitive, image);
        if (kernel.length != window.strides().length) {
            throw new IllegalArgumentException(primitive + " of " + image + " with the kernel "
                    + Arrays.toString(kernel) + "; it needs one number for each spatial axis");
        }
    }
}
