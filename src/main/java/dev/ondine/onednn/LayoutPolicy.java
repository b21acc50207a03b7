package dev.ondine.onednn;

import dev.ondine.graph.Value;
import dev.ondine.onednn.api.CpuIsa;
import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * Which layouts activations should have, best first. On AVX-512 that is channels in blocks of 16, in which convolutions run fastest
 * forward and backward and batch normalization runs at memory bandwidth; on AVX2 blocks of 8, for the same reasons (the kernels for
 * channels last are nearly as fast forward, but up to twice as slow for the gradient of the weights); elsewhere oneDNN decides.
 * Row-major comes last: batch normalization in it takes several times as long.
 */
final class LayoutPolicy {
    private final Arena arena;
    /** Channels in a block; 1 for channels last. */
    private final int block;

    LayoutPolicy(Arena arena) {
        this.arena = arena;
        this.block = blockOf(OneDnn.effectiveIsa());
    }

    private static int blockOf(CpuIsa isa) {
        if (isa.isAtLeast(CpuIsa.AVX512_CORE)) return 16;
        return isa.isAtLeast(CpuIsa.AVX2) ? 8 : 1;
    }

    /** How many channels lie together in a block; 1 if channels are not blocked. */
    int block() {
        return block;
    }

    /** The layout that an activation of this shape should have if nothing speaks against it. */
    MemoryDescriptor preferred(Shape shape, DataType type) {
        int rank = shape.rank();
        if (rank < 3 || rank > 5) return plain(shape, type);
        // With fewer channels half of a block and more would be padding.
        if (block > 1 && 2 * shape.dim(1) > block) return of(shape, type, FormatTag.channelsBlocked(rank, block));
        return of(shape, type, FormatTag.channelsLast(rank));
    }

    /** Channels in blocks, even if they fill none; channels last where there are no blocks. */
    MemoryDescriptor blocked(Value v) {
        int rank = v.shape().rank();
        FormatTag tag = block > 1 ? FormatTag.channelsBlocked(rank, block) : FormatTag.channelsLast(rank);
        return of(v.shape(), v.type().dataType(), tag);
    }

    MemoryDescriptor channelsLast(Value v) {
        return of(
                v.shape(), v.type().dataType(), FormatTag.channelsLast(v.shape().rank()));
    }

    /** Whether neighbours in memory are as many channels as oneDNN computes at a time, or a multiple of them. */
    boolean fillsVectors(MemoryDescriptor activations) {
        if (activations.isAny()) return false;
        if (isBlocked(activations)) return true;
        long channels = activations.dims()[1];
        return channels % block == 0
                && activations.strides().map(strides -> strides[1] == 1).orElse(false);
    }

    private boolean isBlocked(MemoryDescriptor layout) {
        return block > 1 && layout.rank() >= 3 && layout.tag().matches("aB[c-e]+" + block + "b");
    }

    /**
     * The same layout, said in the one way that all who mean it use. Where an axis has one element, its stride is of no account, and a
     * layout is row-major and channels last at a time. oneDNN takes the two for equal and gives a primitive out of its cache that was made for
     * the other, with weights in another layout: it writes behind them.
     */
    MemoryDescriptor canonical(MemoryDescriptor activations) {
        int rank = activations.rank();
        if (activations.strides().isEmpty() || rank < 3 || rank > 5) return activations;
        long[] dims = activations.dims();
        MemoryDescriptor plain = MemoryDescriptor.plain(arena, dims, activations.dataType());
        MemoryDescriptor last = MemoryDescriptor.of(arena, dims, activations.dataType(), FormatTag.channelsLast(rank));
        // Kernels for one channel go along pixels, those for one pixel along channels.
        for (MemoryDescriptor known : dims[1] == 1 ? List.of(plain, last) : List.of(last, plain)) {
            if (activations.equals(known)) return known;
        }
        return activations;
    }

    /** Every layout worth trying for an activation, best first; {@code any} leaves the choice to oneDNN. */
    List<MemoryDescriptor> candidates(Shape shape, DataType type) {
        List<MemoryDescriptor> list = new ArrayList<>();
        int rank = shape.rank();
        list.add(preferred(shape, type));
        list.add(any(shape, type));
        if (rank >= 3 && rank <= 5) list.add(of(shape, type, FormatTag.channelsLast(rank)));
        list.add(plain(shape, type));
        return list;
    }

    /** The layout of one number a channel that goes with activations in this layout: in the same blocks; else row-major. */
    MemoryDescriptor onePixel(MemoryDescriptor activations, long[] dims, DataType type) {
        int rank = dims.length;
        return isBlocked(activations)
                ? MemoryDescriptor.of(arena, dims, type, FormatTag.channelsBlocked(rank, block))
                : MemoryDescriptor.plain(arena, dims, type);
    }

    MemoryDescriptor plain(Shape shape, DataType type) {
        return of(shape, type, FormatTag.plain(Math.max(1, shape.rank())));
    }

    MemoryDescriptor any(Shape shape, DataType type) {
        return MemoryDescriptor.any(arena, dims(shape), type);
    }

    private MemoryDescriptor of(Shape shape, DataType type, FormatTag tag) {
        return canonical(MemoryDescriptor.of(arena, dims(shape), type, tag));
    }

    /** oneDNN has no scalars: they are vectors of one element. */
    static long[] dims(Shape shape) {
        return shape.rank() == 0 ? new long[] {1} : shape.dims();
    }
}
