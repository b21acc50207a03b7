package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;

/**
 * A place in the argument list of a primitive.
 *
 * @param index oneDNN's number for it
 * @param name as messages show it
 */
public record Arg(int index, String name) {
    /** The input; of a binary primitive the first. */
    public static final Arg SRC = new Arg(dnnl_h.DNNL_ARG_SRC(), "src");
    /** The second input of a binary primitive. */
    public static final Arg SRC_1 = new Arg(dnnl_h.DNNL_ARG_SRC_1(), "src_1");

    public static final Arg DST = new Arg(dnnl_h.DNNL_ARG_DST(), "dst");
    public static final Arg WEIGHTS = new Arg(dnnl_h.DNNL_ARG_WEIGHTS(), "weights");
    public static final Arg BIAS = new Arg(dnnl_h.DNNL_ARG_BIAS(), "bias");
    public static final Arg MEAN = new Arg(dnnl_h.DNNL_ARG_MEAN(), "mean");
    public static final Arg VARIANCE = new Arg(dnnl_h.DNNL_ARG_VARIANCE(), "variance");
    public static final Arg SCALE = new Arg(dnnl_h.DNNL_ARG_SCALE(), "scale");
    public static final Arg SHIFT = new Arg(dnnl_h.DNNL_ARG_SHIFT(), "shift");
    /** What the forward pass keeps for the backward pass: indices of maxima, masks. */
    public static final Arg WORKSPACE = new Arg(dnnl_h.DNNL_ARG_WORKSPACE(), "workspace");
    /** Memory that the primitive uses while it runs. */
    public static final Arg SCRATCHPAD = new Arg(dnnl_h.DNNL_ARG_SCRATCHPAD(), "scratchpad");

    public static final Arg DIFF_SRC = new Arg(dnnl_h.DNNL_ARG_DIFF_SRC(), "diff_src");
    public static final Arg DIFF_DST = new Arg(dnnl_h.DNNL_ARG_DIFF_DST(), "diff_dst");
    public static final Arg DIFF_WEIGHTS = new Arg(dnnl_h.DNNL_ARG_DIFF_WEIGHTS(), "diff_weights");
    public static final Arg DIFF_BIAS = new Arg(dnnl_h.DNNL_ARG_DIFF_BIAS(), "diff_bias");
    public static final Arg DIFF_SCALE = new Arg(dnnl_h.DNNL_ARG_DIFF_SCALE(), "diff_scale");
    public static final Arg DIFF_SHIFT = new Arg(dnnl_h.DNNL_ARG_DIFF_SHIFT(), "diff_shift");

    /** Input {@code i} of a concat or sum. */
    public static Arg multipleSource(int i) {
        return new Arg(dnnl_h.DNNL_ARG_MULTIPLE_SRC() + i, "src[" + i + "]");
    }

    /** The run-time scale of an argument, whose mask was given to {@link Attributes#scalesMask}. */
    public static Arg scales(Arg of) {
        return new Arg(dnnl_h.DNNL_ARG_ATTR_SCALES() | of.index, "scales of " + of.name);
    }

    /** The second input of the binary post-op at a position among all post-ops, from 0. */
    public static Arg postOpSource(int position) {
        // DNNL_ARG_ATTR_MULTIPLE_POST_OP(idx), a macro with an argument, which jextract does not translate
        int base = dnnl_h.DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE() * (position + 1);
        return new Arg(base | dnnl_h.DNNL_ARG_SRC_1(), "post-op " + position + " src_1");
    }

    boolean isPostOpSource() {
        return index >= dnnl_h.DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE();
    }

    /** The position of the post-op whose operand this is. */
    int postOp() {
        return index / dnnl_h.DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE() - 1;
    }

    boolean isScales() {
        return (index & dnnl_h.DNNL_ARG_ATTR_SCALES()) != 0;
    }

    /** {@code diff_src}. */
    @Override
    public String toString() {
        return name;
    }
}
