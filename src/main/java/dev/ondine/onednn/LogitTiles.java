package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Cuts row-major tensors (N, C, space) into tiles of some positions with all their classes, independent of the number of threads. In
 * a tile lie (position, class) without images, (class, position) with them, as in memory.
 */
final class LogitTiles {
    /** Extents of logits (N, C, space). */
    record Logits(long batch, long classes, long space) {}

    /** Logits in a tile, about: as many exponentials take a microsecond, as long as calling the team. */
    private static final int TILE = 128;

    /** With an image behind each class, positions in a tile at least: shorter copies cost more than they carry. */
    private static final int ROW = 64;

    final long batch;
    final int classes;
    final long space;
    /** Positions in a tile. */
    private final int width;
    /** Tiles in an image; without images, in the batch. */
    private final long tilesEach;

    /** How many there are. */
    final int count;

    LogitTiles(Logits shape) {
        this.batch = shape.batch;
        this.classes = Math.toIntExact(shape.classes);
        this.space = shape.space;
        long most = Math.max(1, space == 1 ? batch : space);
        this.width = (int) Math.min(most, Math.max(space == 1 ? 1 : ROW, TILE / classes));
        this.tilesEach = (most + width - 1) / width;
        this.count = Math.toIntExact(space == 1 ? tilesEach : batch * tilesEach);
    }

    /** A tile for each of some threads. */
    float[][] buffers(int threads) {
        return new float[threads][width * classes];
    }

    /** The first position of a tile, counted over the batch. */
    long position(int i) {
        return i / tilesEach * space + i % tilesEach * width;
    }

    /** The positions of a tile. */
    int positions(int i) {
        return (int) Math.min(width, (space == 1 ? batch : space) - i % tilesEach * width);
    }

    /** Where the first class of a tile's {@code k}th position lies in it. */
    int at(int k) {
        return space == 1 ? k * classes : k;
    }

    /** How far neighbouring classes are from each other in a tile of so many positions. */
    int across(int positions) {
        return space == 1 ? 1 : positions;
    }

    /** Copies a tile out of a tensor. */
    void load(int i, MemorySegment x, float[] tile) {
        int n = positions(i);
        if (space == 1) {
            MemorySegment.copy(x, JAVA_FLOAT, position(i) * classes * Float.BYTES, tile, 0, n * classes);
        } else {
            for (int c = 0; c < classes; c++) {
                MemorySegment.copy(x, JAVA_FLOAT, row(i, c) * Float.BYTES, tile, c * n, n);
            }
        }
    }

    /** Copies a tile into a tensor. */
    void store(int i, float[] tile, MemorySegment dx) {
        int n = positions(i);
        if (space == 1) {
            MemorySegment.copy(tile, 0, dx, JAVA_FLOAT, position(i) * classes * Float.BYTES, n * classes);
        } else {
            for (int c = 0; c < classes; c++) {
                MemorySegment.copy(tile, c * n, dx, JAVA_FLOAT, row(i, c) * Float.BYTES, n);
            }
        }
    }

    /** Where a tile's positions of one class begin, with images. */
    private long row(int i, int c) {
        return (i / tilesEach * classes + c) * space + i % tilesEach * width;
    }

    /** log Σ exp over the classes at one position, the maximum taken out first. */
    double logSumExp(float[] tile, int at, int across) {
        float max = Float.NEGATIVE_INFINITY;
        for (int c = 0; c < classes; c++) max = Math.max(max, tile[at + c * across]);
        double sum = 0;
        for (int c = 0; c < classes; c++) sum += Math.exp(tile[at + c * across] - max);
        return max + Math.log(sum);
    }
}
