package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OpenMpTeam;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sums over all but channels in each layout that activations flow in: the formula, and the same bits for every number of threads. */
class ChannelSumKernelTest {
    /** Of each sum's terms: chunks are summed in pairs, at most 11 roundings deep, then in double. */
    private static final double ROUNDINGS = 12 * 0x1p-24;

    @BeforeAll
    static void load() {
        OneDnn.load();
    }

    @ParameterizedTest
    @CsvSource({
        "ACDB,     3, 5, 47",
        "ACDB,     2, 207, 13",
        "ACDB,     1, 2, 4099",
        "ABCD_8B,  3, 5, 47",
        "ABCD_8B,  2, 17, 513",
        "ABCD_16B, 2, 31, 129",
        "ABCD_16B, 4, 64, 1",
    })
    void sums(FormatTag tag, int batch, int channels, int space) {
        try (Arena arena = Arena.ofShared()) {
            MemoryDescriptor layout =
                    MemoryDescriptor.of(arena, new long[] {batch, channels, 1, space}, DataType.FLOAT32, tag);
            MemorySegment x = arena.allocate(layout.size(), 64);
            double[] expected = new double[channels];
            double[] magnitudes = new double[channels];
            SplittableRandom random = new SplittableRandom(1);
            for (int n = 0; n < batch; n++) {
                for (int c = 0; c < channels; c++) {
                    for (int s = 0; s < space; s++) {
                        float v = (float) random.nextDouble(-3, 4);
                        x.setAtIndex(JAVA_FLOAT, index(tag, channels, space, n, c, s), v);
                        expected[c] += v;
                        magnitudes[c] += Math.abs(v);
                    }
                }
            }
            float[] first = run(arena, 1, layout, x, channels);
            for (int c = 0; c < channels; c++) {
                assertEquals(expected[c], first[c], ROUNDINGS * magnitudes[c], "channel " + c);
            }
            for (int threads : new int[] {2, 3, 7}) {
                assertArrayEquals(first, run(arena, threads, layout, x, channels), threads + " threads");
            }
        }
    }

    private static float[] run(Arena arena, int threads, MemoryDescriptor layout, MemorySegment x, int channels) {
        MemorySegment sums = arena.allocate(JAVA_FLOAT, channels);
        ChannelSumKernel.Panels panels = ChannelSumKernel.Panels.of(layout).orElseThrow();
        Step step = new ChannelSumKernel(new OpenMpTeam(threads), panels, channels).step(x, sums);
        // Twice: nothing of the first run stays behind.
        step.run(0);
        step.run(1);
        return sums.toArray(JAVA_FLOAT);
    }

    private static long index(FormatTag tag, int channels, int space, int n, int c, int s) {
        return switch (tag) {
            case ACDB -> ((long) n * space + s) * channels + c;
            case ABCD_8B -> blocked(8, channels, space, n, c, s);
            default -> blocked(16, channels, space, n, c, s);
        };
    }

    private static long blocked(int block, int channels, int space, int n, int c, int s) {
        int blocks = (channels + block - 1) / block;
        return (((long) n * blocks + c / block) * space + s) * block + c % block;
    }

    @Test
    void rowsThatAreLongerThanAChunkAreLeftToOthers() {
        try (Arena arena = Arena.ofConfined()) {
            MemoryDescriptor layout =
                    MemoryDescriptor.of(arena, new long[] {2, 2049, 1, 3}, DataType.FLOAT32, FormatTag.ACDB);
            assertTrue(ChannelSumKernel.Panels.of(layout).isEmpty());
        }
    }
}
