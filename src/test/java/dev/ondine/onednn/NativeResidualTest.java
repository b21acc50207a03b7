package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The sum of two gradients behind a ReLU in C, exactly as it is defined: rounded once, in bfloat16 as well. */
class NativeResidualTest {
    private static NativeResidual kernel;

    @BeforeAll
    static void load() {
        OneDnn.load();
        Optional<OwnKernels> found = OwnKernels.best();
        assumeTrue(found.isPresent(), "build-native.sh has not been run");
        kernel = found.get().residual();
    }

    @ParameterizedTest
    @CsvSource({
        "FLOAT32, 1, 1", "FLOAT32, 15, 2", "FLOAT32, 16, 3", "FLOAT32, 1003, 2", "FLOAT32, 40, 5",
        "BFLOAT16, 1, 1", "BFLOAT16, 15, 2", "BFLOAT16, 16, 3", "BFLOAT16, 1003, 2", "BFLOAT16, 40, 5"
    })
    void followsTheDefinition(DataType type, int count, int threads) {
        try (Arena arena = Arena.ofShared()) {
            MemoryDescriptor layout = MemoryDescriptor.of(arena, new long[] {1, count, 1, 1}, type, FormatTag.ACDB);
            assumeTrue(kernel.supports(layout), "this processor has no AVX-512 for " + type);
            SplittableRandom random = new SplittableRandom(count);
            MemorySegment a = memory(arena, type, count);
            MemorySegment b = memory(arena, type, count);
            MemorySegment y = memory(arena, type, count);
            float[] expected = new float[count];
            for (int i = 0; i < count; i++) {
                // Zeros of both signs and a NaN among the outputs.
                set(type, a, i, (float) random.nextDouble(-50, 50));
                set(type, b, i, (float) random.nextDouble(-50, 50));
                set(type, y, i, i % 7 == 3 ? -0f : i % 11 == 5 ? Float.NaN : random.nextInt(-2, 3));
                float sum = get(type, a, i) + get(type, b, i);
                expected[i] = get(type, y, i) <= 0 || Float.isNaN(get(type, y, i)) ? 0 : rounded(type, sum);
            }
            for (int place = 0; place < 3; place++) {
                MemorySegment first = memory(arena, type, count).copyFrom(a);
                MemorySegment second = memory(arena, type, count).copyFrom(b);
                MemorySegment result = place == 0 ? memory(arena, type, count) : place == 1 ? first : second;
                kernel.backward(arena, layout, first, second, y, result, threads)
                        .run(0);
                for (int i = 0; i < count; i++) assertEquals(expected[i], get(type, result, i), "element " + i);
            }
        }
    }

    @Test
    void memoryThatIsTooSmallAndLayoutsWithGapsAreRefused() {
        try (Arena arena = Arena.ofShared()) {
            MemoryDescriptor dense =
                    MemoryDescriptor.of(arena, new long[] {2, 32, 3, 3}, DataType.FLOAT32, FormatTag.ABCD_16B);
            MemoryDescriptor padded =
                    MemoryDescriptor.of(arena, new long[] {2, 24, 3, 3}, DataType.FLOAT32, FormatTag.ABCD_16B);
            MemoryDescriptor whole =
                    MemoryDescriptor.of(arena, new long[] {2, 32, 3, 3}, DataType.INT32, FormatTag.ABCD_16B);
            assumeTrue(kernel.supports(dense), "this processor has no AVX-512");
            assertTrue(kernel.supports(dense));
            assertFalse(kernel.supports(padded));
            assertFalse(kernel.supports(whole));
            MemorySegment enough = arena.allocate(dense.size(), 64);
            MemorySegment less = enough.asSlice(0, dense.size() - 4);
            assertThrows(
                    IllegalArgumentException.class,
                    () -> kernel.backward(arena, dense, enough, enough, less, enough, 1));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> kernel.backward(arena, padded, enough, enough, enough, enough, 1));
        }
    }

    private static MemorySegment memory(Arena arena, DataType type, int count) {
        return arena.allocate((long) count * type.bytes(), 64);
    }

    /** To the nearest bfloat16, of two as near to the even one. */
    static float rounded(DataType type, float value) {
        if (type == DataType.FLOAT32) return value;
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat((bits + 0x7fff + (bits >>> 16 & 1)) & 0xffff0000);
    }

    private static void set(DataType type, MemorySegment memory, long i, float value) {
        if (type == DataType.FLOAT32) memory.setAtIndex(JAVA_FLOAT, i, value);
        else memory.setAtIndex(JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
    }

    private static float get(DataType type, MemorySegment memory, long i) {
        return type == DataType.FLOAT32
                ? memory.getAtIndex(JAVA_FLOAT, i)
                : Float.intBitsToFloat(memory.getAtIndex(JAVA_SHORT, i) << 16);
    }
}
