package dev.ondine.onednn.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MemoryDescriptorTest {
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        arena.close();
    }

    private MemoryDescriptor f32(FormatTag tag, long... dims) {
        return MemoryDescriptor.of(arena, dims, DataType.FLOAT32, tag);
    }

    @Test
    void describesTypeLayoutAndShape() {
        assertEquals(
                "f32 aBcd16b (128x64x32x32)",
                f32(FormatTag.ABCD_16B, 128, 64, 32, 32).describe());
        assertEquals("f32 acdb (8x3x5x7)", f32(FormatTag.ACDB, 8, 3, 5, 7).describe());
        assertEquals("f32 any (8x3)", f32(FormatTag.ANY, 8, 3).describe());
        assertEquals(
                "bf16 a (9)",
                MemoryDescriptor.plain(arena, new long[] {9}, DataType.BFLOAT16).describe());
        assertEquals("none", MemoryDescriptor.NONE.describe());
    }

    @Test
    void describesStridesOnlyIfThereAreGaps() {
        MemoryDescriptor dense =
                MemoryDescriptor.strided(arena, new long[] {2, 3}, DataType.FLOAT32, new long[] {1, 2});
        MemoryDescriptor gaps = MemoryDescriptor.strided(arena, new long[] {2, 3}, DataType.FLOAT32, new long[] {8, 1});

        assertEquals("f32 ba (2x3)", dense.describe());
        assertEquals("f32 ab strides [8, 1] (2x3)", gaps.describe());
        assertFalse(dense.isPlain());
        assertFalse(gaps.isPlain());
        assertEquals(4 * 11, gaps.size(), "up to the last element, not to the end of its row");
    }

    @Test
    void plainIsRowMajorWithoutPadding() {
        assertTrue(Segments.plain(arena, 2, 3, 4, 5, 6).isPlain());
        assertTrue(f32(FormatTag.ACDB, 8, 1, 5, 7).isPlain(), "with one channel, channels last is the same");
        assertFalse(f32(FormatTag.ACDB, 8, 2, 5, 7).isPlain());
        assertFalse(f32(FormatTag.ABCD_16B, 8, 16, 5, 7).isPlain());
        assertFalse(f32(FormatTag.ANY, 8, 16, 5, 7).isPlain());
    }

    @Test
    void sizeCountsThePaddingOfBlocks() {
        assertEquals(4L * 2 * 32 * 5 * 7, f32(FormatTag.ABCD_16B, 2, 17, 5, 7).size());
        assertEquals(0, f32(FormatTag.ANY, 2, 17, 5, 7).size());
    }

    @Test
    void equalsComparesShapeTypeAndLayout() {
        MemoryDescriptor blocked = f32(FormatTag.ABCD_16B, 2, 17, 5, 7);

        assertEquals(blocked, f32(FormatTag.ABCD_16B, 2, 17, 5, 7));
        assertEquals(blocked.hashCode(), f32(FormatTag.ABCD_16B, 2, 17, 5, 7).hashCode());
        assertNotEquals(blocked, f32(FormatTag.ABCD, 2, 17, 5, 7));
        assertNotEquals(blocked, f32(FormatTag.ABCD_16B, 2, 18, 5, 7));
        assertNotEquals(
                blocked, MemoryDescriptor.of(arena, new long[] {2, 17, 5, 7}, DataType.BFLOAT16, FormatTag.ABCD_16B));
        assertEquals(MemoryDescriptor.NONE, MemoryDescriptor.NONE);
        assertNotEquals(MemoryDescriptor.NONE, blocked);
        assertNotEquals(blocked, MemoryDescriptor.NONE);
    }

    @Test
    void partsReachFromTheBeginningOfTheWhole() {
        MemoryDescriptor part =
                f32(FormatTag.ABCD, 2, 6, 5, 7).submemory(arena, new long[] {2, 2, 5, 7}, new long[] {0, 4, 0, 0});

        assertEquals("f32 abcd strides [210, 35, 7, 1] offset 140 (2x2x5x7)", part.describe());
        assertEquals(4L * 2 * 6 * 5 * 7, part.size());
        MemoryDescriptor secondImage =
                f32(FormatTag.ABCD, 2, 6, 5, 7).submemory(arena, new long[] {1, 6, 5, 7}, new long[] {1, 0, 0, 0});
        assertEquals("f32 abcd offset 210 (1x6x5x7)", secondImage.describe());
        assertEquals(4L * 2 * 6 * 5 * 7, secondImage.size());
        OneDnnException e = assertThrows(
                OneDnnException.class,
                () -> f32(FormatTag.ABCD_16B, 2, 32, 5, 7)
                        .submemory(arena, new long[] {2, 8, 5, 7}, new long[] {0, 8, 0, 0}));
        assertTrue(e.getMessage().contains("[0, 8, 0, 0]"), e.getMessage());
    }

    @Test
    void reshapesWhatLiesDensely() {
        assertEquals(
                "f32 ab (2x60)",
                f32(FormatTag.ABCD, 2, 3, 4, 5).reshape(arena, 2, 60).describe());
        OneDnnException e = assertThrows(
                OneDnnException.class, () -> f32(FormatTag.ACDB, 2, 3, 4, 5).reshape(arena, 2, 60));
        assertEquals(Status.INVALID_ARGUMENTS, e.status());
        assertTrue(e.getMessage().contains("f32 acdb (2x3x4x5)"), e.getMessage());
    }

    @Test
    void permutesAxes() {
        MemoryDescriptor permuted = f32(FormatTag.ABCD, 2, 3, 4, 5).permute(arena, 1, 0, 2, 3);

        assertEquals("f32 bacd (3x2x4x5)", permuted.describe());
        assertThrows(IllegalArgumentException.class, () -> permuted.permute(arena, 1, 0));
    }

    @Test
    void refusesTypesThatAreNeverComputedWith() {
        for (DataType type : new DataType[] {DataType.FLOAT64, DataType.FLOAT16, DataType.INT64}) {
            IllegalArgumentException e = assertThrows(
                    IllegalArgumentException.class, () -> MemoryDescriptor.plain(arena, new long[] {1}, type));
            assertTrue(e.getMessage().contains(type.name()), e.getMessage());
        }
    }

    @Test
    void refusesShapesThatDoNotFit() {
        assertThrows(
                IllegalArgumentException.class, () -> MemoryDescriptor.plain(arena, new long[7], DataType.FLOAT32));
        assertThrows(IllegalArgumentException.class, () -> f32(FormatTag.ANY, new long[13]));
        OneDnnException e = assertThrows(OneDnnException.class, () -> f32(FormatTag.ABCD, 2, -3, 4, 5));
        assertTrue(e.getMessage().contains("[2, -3, 4, 5]"), e.getMessage());
        IllegalArgumentException strides = assertThrows(
                IllegalArgumentException.class,
                () -> MemoryDescriptor.strided(arena, new long[] {2, 3}, DataType.FLOAT32, new long[] {1}));
        assertTrue(strides.getMessage().contains("[2, 3]"), strides.getMessage());
    }

    @Test
    void tagsByRank() {
        assertEquals(FormatTag.ABCDE, FormatTag.plain(5));
        assertEquals(FormatTag.ACB, FormatTag.channelsLast(3));
        assertEquals(FormatTag.ABCD_8B, FormatTag.channelsBlocked(4, 8));
        assertThrows(IllegalArgumentException.class, () -> FormatTag.channelsBlocked(2, 16));
        assertThrows(IllegalArgumentException.class, () -> FormatTag.channelsLast(6));
    }

    @Test
    void saysWhatItIsAfterItsArenaIsClosedButIsOfNoUse() {
        MemoryDescriptor closed;
        try (Arena shorter = Arena.ofConfined()) {
            closed = MemoryDescriptor.plain(shorter, new long[] {2, 3}, DataType.FLOAT32);
        }
        assertEquals("f32 ab (2x3)", closed.describe());
        assertArrayEquals(new long[] {2, 3}, closed.dims());
        assertThrows(IllegalStateException.class, () -> closed.reshape(arena, 6));
        assertThrows(IllegalStateException.class, () -> Memory.of(arena, closed, Segments.bytes(arena, 24)));
    }
}
