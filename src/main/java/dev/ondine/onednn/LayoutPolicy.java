package dev.ondine.onednn;

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
 * forward and backward and batch normalization runs at memory bandwidth; on AVX2 it is channels last; elsewhere oneDNN decides.
 * Row-major comes last: batch normalization in it takes several times as long.
 */
final class LayoutPolicy {
    private final Arena arena;
    private final boolean blocked;

    LayoutPolicy(Arena arena) {
        this.arena = arena;
        this.blocked = OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX512_CORE);
    }

    /** The layout that an activation of this shape should have if nothing speaks against it. */
    MemoryDescriptor preferred(Shape shape, DataType type) {
        int rank = shape.rank();
        if (rank < 3 || rank > 5) return plain(shape, type);
        // Below 16 channels most of a block would be padding.
        if (blocked && shape.dim(1) >= 16) return of(shape, type, FormatTag.channelsBlocked(rank, 16));
        return of(shape, type, FormatTag.channelsLast(rank));
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

    MemoryDescriptor plain(Shape shape, DataType type) {
        return of(shape, type, FormatTag.plain(Math.max(1, shape.rank())));
    }

    MemoryDescriptor any(Shape shape, DataType type) {
        return MemoryDescriptor.any(arena, dims(shape), type);
    }

    private MemoryDescriptor of(Shape shape, DataType type, FormatTag tag) {
        return MemoryDescriptor.of(arena, dims(shape), type, tag);
    }

    /** oneDNN has no scalars: they are vectors of one element. */
    static long[] dims(Shape shape) {
        return shape.rank() == 0 ? new long[] {1} : shape.dims();
    }
}
