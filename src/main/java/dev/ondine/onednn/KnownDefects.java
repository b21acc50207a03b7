package dev.ondine.onednn;

import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;

/** Kernels of oneDNN that do wrong what they offer to do, and are passed over. */
final class KnownDefects {
    private KnownDefects() {}

    /**
     * A gradient of the weights, unless it came by the kernels for 1x1 windows with a stride while the channels of the input fill no
     * block and lie last. Those gather every second pixel in their scratchpad, a block of channels apart, but have asked for the channels
     * alone: they write behind it, over whatever lies there (uxlfoundation/oneDNN issue 6035; 3.4 to 3.13, AVX2 and AVX-512).
     *
     * @param strided whether any stride is above 1
     * @param channels of the input, of a group
     * @param block channels in a block
     */
    static PrimitiveRequest guarded(PrimitiveRequest weightsGradient, boolean strided, long channels, int block) {
        if (!strided || channels >= block) return weightsGradient;
        return weightsGradient.refusing(KnownDefects::gathersWithoutBlocks);
    }

    /**
     * A product of a column and a row, unless it came by {@code brg_matmul} for operands that are not both row-major: that takes more than
     * the column, and brings what lies behind it into the result (3.13, AVX-512).
     */
    static PrimitiveRequest guarded(PrimitiveRequest product, MemoryDescriptor column, MemoryDescriptor row) {
        boolean single = column.dims()[column.rank() - 1] == 1;
        if (!single || (column.isPlain() && row.isPlain())) return product;
        return product.refusing(found -> found.implementation().startsWith("brg_matmul"));
    }

    private static boolean gathersWithoutBlocks(PrimitiveDescriptor found) {
        return found.implementation().contains("jit_1x1")
                && !found.query(Arg.SRC).tag().contains("B");
    }
}
