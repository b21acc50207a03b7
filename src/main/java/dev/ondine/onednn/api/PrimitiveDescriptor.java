package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.regex.Pattern;

/** An implementation that oneDNN chose for a request: what layouts it wants and what it is called. */
public final class PrimitiveDescriptor {
    // "ref:any", "ref_pooling", "simple:ref" … but not "gemm:jit" or names that merely contain the letters
    private static final Pattern REFERENCE = Pattern.compile("(^|[^a-z])ref([^a-z]|$)");

    private final Arena arena;
    private final MemorySegment handle;
    private final PrimitiveRequest request;
    private final String implementation;
    /** As the attributes were when oneDNN copied them. */
    private final Set<Integer> binaryPostOps;

    PrimitiveDescriptor(Arena arena, MemorySegment handle, PrimitiveRequest request) {
        this.arena = arena;
        this.handle = handle;
        this.request = request;
        this.binaryPostOps = request.attributes().binaryPostOps();
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment out = temporary.allocate(ADDRESS);
            OneDnnException.check(
                    dnnl_h.dnnl_primitive_desc_query(handle, dnnl_h.dnnl_query_impl_info_str(), 0, out),
                    "asking for the implementation of " + request.primitive());
            this.implementation = Pointers.string(out.get(ADDRESS, 0));
        }
    }

    /** The layout that the implementation wants; {@link MemoryDescriptor#NONE} if it has no such operand. */
    public MemoryDescriptor query(MemoryQuery what) {
        return query(what, 0);
    }

    /**
     * As {@link #query(MemoryQuery)} for primitives with several operands of a sort.
     *
     * @param index from 0: source i of a concat; weights 1 of a convolution is its bias
     */
    public MemoryDescriptor query(MemoryQuery what, int index) {
        return MemoryDescriptor.borrowed(arena, dnnl_h.dnnl_primitive_desc_query_md(handle, what.code(), index));
    }

    /** The layout that an argument must have; {@link MemoryDescriptor#NONE} if the primitive does not take it. */
    public MemoryDescriptor query(Arg arg) {
        // For a post-op without an operand oneDNN gives a pointer to something else, and reading that ends the process.
        if (arg.isPostOpSource() && !binaryPostOps.contains(arg.postOp())) return MemoryDescriptor.NONE;
        return MemoryDescriptor.borrowed(
                arena, dnnl_h.dnnl_primitive_desc_query_md(handle, dnnl_h.dnnl_query_exec_arg_md(), arg.index()));
    }

    /** The size of the scratchpad in bytes; 0 if none is needed. */
    public long scratchpadSize() {
        return query(MemoryQuery.SCRATCHPAD).size();
    }

    /**
     * oneDNN's name of the implementation: {@code jit:avx512_core}, {@code brgconv:avx512_core_bf16}, {@code ref:any}.
     */
    public String implementation() {
        return implementation;
    }

    /** Whether it is one of oneDNN's plain reference loops, which are hundreds of times slower than its kernels. */
    public boolean isReference() {
        return REFERENCE.matcher(implementation).find();
    }

    /** The name of the primitive: {@code convolution forward_training}. */
    public String primitive() {
        return request.primitive();
    }

    /** What was asked for, in one line. */
    public String request() {
        return request.describe();
    }

    MemorySegment handle() {
        return handle;
    }

    /** What was asked for and which implementation it got. */
    @Override
    public String toString() {
        return request.describe() + " by " + implementation;
    }
}
