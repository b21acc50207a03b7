package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Operations that a primitive does on its result before it stores it, in this order. */
public final class PostOps {
    private final MemorySegment handle;
    private final List<String> description = new ArrayList<>();
    private final Set<Integer> binary = new HashSet<>();

    private PostOps(MemorySegment handle) {
        this.handle = handle;
    }

    /** An empty list, owned by the arena. */
    public static PostOps create(Arena arena) {
        OneDnn.load();
        return new PostOps(Pointers.create(
                arena, "creating post-ops", dnnl_h::dnnl_post_ops_create, dnnl_h::dnnl_post_ops_destroy));
    }

    /** An element-wise function. */
    public PostOps eltwise(Algorithm algorithm, float alpha, float beta) {
        OneDnnException.check(
                dnnl_h.dnnl_post_ops_append_eltwise(handle, algorithm.code(), alpha, beta),
                "appending the post-op " + algorithm);
        description.add(algorithm.toString());
        return this;
    }

    /** Adds scale times what the destination held before. */
    public PostOps sum(float scale) {
        OneDnnException.check(
                dnnl_h.dnnl_post_ops_append_sum(handle, scale, 0, dnnl_h.dnnl_data_type_undef()),
                "appending the post-op sum");
        description.add("sum");
        return this;
    }

    /** Combines with another tensor, broadcast where its extents are 1; bind it to {@link Arg#postOpSource(int)}. */
    public PostOps binary(Algorithm algorithm, MemoryDescriptor source) {
        OneDnnException.check(
                dnnl_h.dnnl_post_ops_append_binary(handle, algorithm.code(), source.handle()),
                "appending the post-op " + algorithm + " with " + source);
        binary.add(size());
        description.add(algorithm + " " + source);
        return this;
    }

    MemorySegment handle() {
        return handle;
    }

    /** At which positions there are binary ones. */
    Set<Integer> binary() {
        return Set.copyOf(binary);
    }

    /** How many there are; also the position of the next. */
    public int size() {
        return description.size();
    }

    /** {@code [eltwise_relu, sum]}. */
    @Override
    public String toString() {
        return description.toString();
    }
}
