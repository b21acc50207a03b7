package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * How a primitive is to be made. It copies them, so they may change or go afterwards. The scratchpad is the caller's:
 * bind memory of {@link MemoryQuery#SCRATCHPAD}'s size to {@link Arg#SCRATCHPAD} unless that is 0.
 */
public final class Attributes {
    private final MemorySegment handle;
    private final List<String> description = new ArrayList<>();
    private Set<Integer> binaryPostOps = Set.of();

    private Attributes(MemorySegment handle) {
        this.handle = handle;
    }

    /** The defaults: the caller's scratchpad, no post-ops, strict float32 arithmetic; owned by the arena. */
    public static Attributes create(Arena arena) {
        OneDnn.load();
        Attributes attributes = new Attributes(Pointers.create(
                arena, "creating attributes", dnnl_h::dnnl_primitive_attr_create, dnnl_h::dnnl_primitive_attr_destroy));
        OneDnnException.check(
                dnnl_h.dnnl_primitive_attr_set_scratchpad_mode(attributes.handle, dnnl_h.dnnl_scratchpad_mode_user()),
                "setting the scratchpad mode");
        return attributes;
    }

    /** What is done on the result before it is stored; replaces what was set before. */
    public Attributes postOps(PostOps postOps) {
        OneDnnException.check(
                dnnl_h.dnnl_primitive_attr_set_post_ops(handle, postOps.handle()), "setting the post-ops " + postOps);
        binaryPostOps = postOps.binary();
        description.add("post-ops " + postOps);
        return this;
    }

    /** Whether equal runs must give equal bits, even where that is slower. */
    public Attributes deterministic(boolean deterministic) {
        OneDnnException.check(
                dnnl_h.dnnl_primitive_attr_set_deterministic(handle, deterministic ? 1 : 0), "setting deterministic");
        description.add("deterministic " + deterministic);
        return this;
    }

    /**
     * An argument is multiplied with scales given at run time ({@link Arg#scales}).
     *
     * @param mask bit i is set if there is one scale for each index of axis i; 0 for one scale in all
     */
    public Attributes scalesMask(Arg arg, int mask) {
        OneDnnException.check(
                dnnl_h.dnnl_primitive_attr_set_scales_mask(handle, arg.index(), mask), "setting the scales of " + arg);
        description.add("scales of " + arg + " by mask " + mask);
        return this;
    }

    /** Whether float32 operands may be rounded to bfloat16 before they are multiplied. */
    public Attributes bfloat16Math(boolean allowed) {
        int mode = allowed ? dnnl_h.dnnl_fpmath_mode_bf16() : dnnl_h.dnnl_fpmath_mode_strict();
        OneDnnException.check(dnnl_h.dnnl_primitive_attr_set_fpmath_mode(handle, mode), "setting the arithmetic");
        description.add("bfloat16 arithmetic " + allowed);
        return this;
    }

    /** The positions of post-ops that take an operand, {@link Arg#postOpSource}. */
    Set<Integer> binaryPostOps() {
        return binaryPostOps;
    }

    MemorySegment handle() {
        return handle;
    }

    /** {@code []} for the defaults. */
    @Override
    public String toString() {
        return description.toString();
    }
}
