package dev.ondine.tensor;

import static dev.ondine.tensor.ShapeTest.fails;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TensorTest {
    @ParameterizedTest
    @EnumSource
    void allocatesAlignedZeros(DataType type) {
        try (Tensor t = Tensor.allocate(type, Shape.of(3, 5, 7));
                Arena arena = Arena.ofConfined()) {
            assertEquals(105, t.elements());
            assertEquals(105L * type.bytes(), t.bytes());
            assertEquals(t.bytes(), t.segment().byteSize());
            assertEquals(type, t.dataType());
            assertEquals(type.shortName() + " (3, 5, 7)", t.toString());
            for (Tensor each : new Tensor[] {t, Tensor.allocate(arena, type, Shape.of(3, 5, 7))}) {
                assertEquals(0, each.segment().address() % Tensor.ALIGNMENT);
                assertEquals(-1, each.segment().mismatch(MemorySegment.ofArray(new byte[105 * type.bytes()])));
            }
        }
    }

    @Test
    void indicesAreRowMajor() {
        try (Tensor t = Tensor.of(new float[] {0, 1, 2, 3, 4, 5}, 2, 3)) {
            assertEquals(5, t.getFloat(1, 2));
            assertEquals(3, t.getFloat(1, 0));
            t.setFloat(9, 0, 1);
            t.setFloatAt(5, -1);
            assertArrayEquals(new float[] {0, 9, 2, 3, 4, -1}, t.toFloatArray());
            assertEquals(9, t.getFloatAt(1));
        }
    }

    @Test
    void everyTypeIsReadAndWrittenByItsJavaType() {
        try (Tensor ints = Tensor.of(new int[] {-1, Integer.MAX_VALUE}, 2);
                Tensor longs = Tensor.ofLongs(new long[] {Long.MIN_VALUE, 3}, 2);
                Tensor doubles = Tensor.ofDoubles(new double[] {0.1, Double.NaN}, 2);
                Tensor bytes = Tensor.allocate(DataType.UINT8, Shape.of(2));
                Tensor scalar = Tensor.of(new float[] {7})) {
            assertEquals(7, scalar.getFloat());
            assertArrayEquals(new int[] {-1, Integer.MAX_VALUE}, ints.toIntArray());
            assertArrayEquals(new long[] {-1, Integer.MAX_VALUE}, ints.toLongArray());
            assertEquals(-1, ints.getInt(0));
            assertEquals(Integer.MAX_VALUE, ints.getLong(1));
            ints.setInt(5, 1);
            ints.setIntAt(0, 4);
            assertArrayEquals(new int[] {4, 5}, ints.toIntArray());
            longs.setLong(1L << 40, 1);
            longs.setLongAt(0, -2);
            assertArrayEquals(new long[] {-2, 1L << 40}, longs.toLongArray());
            assertEquals(-2, longs.getLongAt(0));
            doubles.setDouble(0.3, 1);
            doubles.setDoubleAt(0, 0.2);
            assertArrayEquals(new double[] {0.2, 0.3}, doubles.toDoubleArray());
            assertEquals(0.3, doubles.getDouble(1));
            bytes.setInt(255, 0);
            bytes.setIntAt(1, 128);
            assertArrayEquals(new int[] {255, 128}, bytes.toIntArray());
            assertEquals(255, bytes.getLong(0));
            bytes.copyFrom(new byte[] {-2, 1});
            assertArrayEquals(new int[] {254, 1}, bytes.toIntArray());
            bytes.copyFrom(new int[] {3, 200});
            assertEquals(200, bytes.getIntAt(1));
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"BFLOAT16", "FLOAT16"})
    void halfPrecisionConverts(DataType type) {
        try (Tensor t = Tensor.allocate(type, Shape.of(4))) {
            // 1 + 2^-8 is the middle between two bfloat16 and rounds to the even 1; a float16 holds it.
            t.copyFrom(new float[] {1.5f, -0f, 1 + 0x1p-8f, Float.NEGATIVE_INFINITY});
            float third = type == DataType.BFLOAT16 ? 1 : 1 + 0x1p-8f;
            assertArrayEquals(new float[] {1.5f, -0f, third, Float.NEGATIVE_INFINITY}, t.toFloatArray());
            assertArrayEquals(new double[] {1.5, -0.0, third, Double.NEGATIVE_INFINITY}, t.toDoubleArray());
            t.setFloat(0.25f, 3);
            assertEquals(0.25f, t.getFloatAt(3));
            assertEquals(0.25, t.getDouble(3));
            t.fill(-2.5f);
            assertArrayEquals(new float[] {-2.5f, -2.5f, -2.5f, -2.5f}, t.toFloatArray());
        }
    }

    @Test
    void aWrongTypeIsRefusedWithTheRightMethod() {
        try (Tensor f = Tensor.of(new float[] {1}, 1);
                Tensor d = Tensor.ofDoubles(new double[] {1}, 1);
                Tensor l = Tensor.ofLongs(new long[] {1}, 1);
                Tensor b = Tensor.allocate(DataType.UINT8, Shape.of(1))) {
            fails(IllegalArgumentException.class, () -> f.getInt(0), "f32", "float");
            fails(IllegalArgumentException.class, () -> f.setLong(1, 0), "f32");
            fails(IllegalArgumentException.class, f::toLongArray, "f32");
            fails(IllegalArgumentException.class, () -> d.getFloat(0), "f64", "double");
            fails(IllegalArgumentException.class, () -> d.setFloat(1, 0), "f64", "setDouble");
            fails(IllegalArgumentException.class, () -> f.setDouble(1, 0), "f32");
            fails(IllegalArgumentException.class, d::toFloatArray, "f64");
            fails(IllegalArgumentException.class, () -> l.getInt(0), "s64", "long");
            fails(IllegalArgumentException.class, () -> l.getDouble(0), "s64", "getLong");
            fails(IllegalArgumentException.class, () -> l.setInt(1, 0), "s64", "setLong");
            fails(IllegalArgumentException.class, () -> b.setInt(256, 0), "256", "u8");
            fails(IllegalArgumentException.class, () -> b.setInt(-1, 0), "-1", "u8");
            fails(IllegalArgumentException.class, () -> f.copyFrom(new byte[1]), "f32 (1)", "bytes");
        }
    }

    @Test
    void placesOutsideAreRefused() {
        try (Tensor t = Tensor.of(new float[6], 2, 3)) {
            fails(IndexOutOfBoundsException.class, () -> t.getFloat(0, 3), "axis 1", "(0, 3)", "(2, 3)");
            fails(IndexOutOfBoundsException.class, () -> t.setFloat(1, 2, 0), "axis 0");
            fails(IllegalArgumentException.class, () -> t.getFloat(1), "2 axes");
            fails(IndexOutOfBoundsException.class, () -> t.getFloatAt(6), "element 6", "f32 (2, 3)");
            fails(IndexOutOfBoundsException.class, () -> t.setFloatAt(-1, 0), "element -1");
            fails(IllegalArgumentException.class, () -> t.copyFrom(new float[5]), "6 elements", "5");
            fails(IllegalArgumentException.class, () -> t.copyFrom(new float[7]), "6 elements", "7");
            fails(IllegalArgumentException.class, () -> t.copyFrom(new float[8], 3), "6 elements", "from 3 on");
            fails(IllegalArgumentException.class, () -> t.copyFrom(new float[8], -1), "from -1 on");
            fails(IllegalArgumentException.class, () -> t.copyTo(new float[5]), "6 elements");
            fails(IllegalArgumentException.class, () -> Tensor.of(new float[5], 2, 3), "(2, 3)", "6 values", "5");
            fails(IllegalArgumentException.class, () -> Tensor.of(new int[2]), "()", "2");
        }
    }

    @Test
    void copiesFromAndTo() {
        try (Tensor t = Tensor.allocate(DataType.FLOAT32, Shape.of(3));
                Tensor u = Tensor.of(new float[] {7, 8, 9}, 3);
                Tensor column = Tensor.of(new float[3], 3, 1);
                Tensor ints = Tensor.of(new int[3], 3)) {
            t.copyFrom(new float[] {0, 1, 2, 3, 4}, 2);
            float[] into = new float[3];
            t.copyTo(into);
            assertArrayEquals(new float[] {2, 3, 4}, into);
            t.copyFrom(u);
            assertArrayEquals(new float[] {7, 8, 9}, t.toFloatArray());
            fails(IllegalArgumentException.class, () -> t.copyFrom(column), "f32 (3)", "f32 (3, 1)");
            fails(IllegalArgumentException.class, () -> t.copyFrom(ints), "f32 (3)", "s32 (3)");
        }
    }

    @Test
    void fills() {
        try (Tensor f = Tensor.allocate(DataType.FLOAT32, Shape.of(13));
                Tensor d = Tensor.allocate(DataType.FLOAT64, Shape.of(2));
                Tensor b = Tensor.allocate(DataType.UINT8, Shape.of(3))) {
            f.fill(1.25f);
            for (float v : f.toFloatArray()) assertEquals(1.25f, v);
            f.fill(-0f);
            assertEquals(Float.floatToRawIntBits(-0f), Float.floatToRawIntBits(f.getFloat(12)));
            f.fill(0);
            assertEquals(0, Float.floatToRawIntBits(f.getFloat(12)));
            d.fill(0.5f);
            assertArrayEquals(new double[] {0.5, 0.5}, d.toDoubleArray());
            b.fill(200);
            assertArrayEquals(new int[] {200, 200, 200}, b.toIntArray());
            fails(IllegalArgumentException.class, () -> b.fill(0.5f), "u8 (3)", "0.5");
            fails(IllegalArgumentException.class, () -> b.fill(256), "256");
            fails(IllegalArgumentException.class, () -> b.fill(Float.NaN), "NaN");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT32", "FLOAT64", "BFLOAT16", "FLOAT16"})
    void everyFloatingPointTypeConvertsIntoEveryOther(DataType target) {
        float[] values = {0, -0f, 1, -1.5f, 240, Float.POSITIVE_INFINITY, 0x1p-14f};
        for (DataType source :
                new DataType[] {DataType.FLOAT32, DataType.FLOAT64, DataType.BFLOAT16, DataType.FLOAT16}) {
            try (Tensor first = Tensor.of(values, 7);
                    Tensor from = first.convertTo(source);
                    Tensor to = from.convertTo(target)) {
                assertEquals(target, to.dataType());
                assertEquals(from.shape(), to.shape());
                for (int i = 0; i < values.length; i++)
                    assertEquals(values[i], to.getDoubleAt(i), source + " to " + target);
            }
        }
    }

    @Test
    void conversionRoundsOnceToNearestEven() {
        double middle = 1 + 0x1p-8;
        try (Tensor f = Tensor.of(new float[] {(float) middle, (float) (1 + 3 * 0x1p-8), 3.4e38f}, 3);
                Tensor d = Tensor.ofDoubles(new double[] {middle + 0x1p-40, 1 + 0x1p-11 + 0x1p-40, 0.1}, 3);
                Tensor b = f.convertTo(DataType.BFLOAT16);
                Tensor fromDouble = d.convertTo(DataType.BFLOAT16);
                Tensor half = d.convertTo(DataType.FLOAT16);
                Tensor single = d.convertTo(DataType.FLOAT32)) {
            assertArrayEquals(new float[] {1, 1 + 0x1p-6f, Float.POSITIVE_INFINITY}, b.toFloatArray());
            assertEquals(1 + 0x1p-7f, fromDouble.getFloat(0));
            assertEquals(1 + 0x1p-10f, half.getFloat(1));
            assertEquals(0.1f, single.getFloat(2));
        }
    }

    @Test
    void wholeNumbersConvertIfTheyFit() {
        try (Tensor l = Tensor.ofLongs(new long[] {0, 255, 7}, 3);
                Tensor large = Tensor.ofLongs(new long[] {1L << 31}, 1);
                Tensor f = Tensor.of(new float[] {1}, 1);
                Tensor u = l.convertTo(DataType.UINT8);
                Tensor i = u.convertTo(DataType.INT32);
                Tensor back = i.convertTo(DataType.INT64);
                Tensor asFloat = u.convertTo(DataType.FLOAT32);
                Tensor asDouble = large.convertTo(DataType.FLOAT64)) {
            assertArrayEquals(new int[] {0, 255, 7}, u.toIntArray());
            assertArrayEquals(new long[] {0, 255, 7}, back.toLongArray());
            assertArrayEquals(new float[] {0, 255, 7}, asFloat.toFloatArray());
            assertEquals(0x1p31, asDouble.getDouble(0));
            fails(IllegalArgumentException.class, () -> large.convertTo(DataType.INT32), "2147483648", "s32");
            fails(IllegalArgumentException.class, () -> f.convertTo(DataType.INT32), "f32 (1)", "s32");
            fails(IllegalArgumentException.class, () -> i.convertTo(DataType.BFLOAT16), "s32 (3)", "bf16");
        }
    }

    @Test
    void reshapeSharesTheMemory() {
        try (Tensor t = Tensor.of(new float[] {0, 1, 2, 3, 4, 5}, 2, 3)) {
            Tensor r = t.reshape(3, 2);
            assertEquals(4, r.getFloat(2, 0));
            r.setFloat(-1, 2, 0);
            r.close();
            assertEquals(-1, t.getFloat(1, 1));
            fails(IllegalArgumentException.class, () -> t.reshape(4, 2), "(2, 3)", "(4, 2)", "6", "8");
        }
    }

    @Test
    void viewsBorrowAndCheck() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(64, 64);
            Tensor t = Tensor.view(memory, DataType.FLOAT32, Shape.of(3));
            assertEquals(12, t.bytes());
            t.setFloat(5, 1);
            t.close();
            assertEquals(5, memory.get(ValueLayout.JAVA_FLOAT, 4));
            fails(IllegalArgumentException.class, () -> Tensor.view(memory, DataType.FLOAT64, Shape.of(9)), "72", "64");
            fails(
                    IllegalArgumentException.class,
                    () -> Tensor.view(memory.asSlice(2), DataType.FLOAT32, Shape.of(1)),
                    "divisible by 4");
            fails(
                    IllegalArgumentException.class,
                    () -> Tensor.view(MemorySegment.ofArray(new float[1]), DataType.FLOAT32, Shape.of(1)),
                    "heap");
            Tensor readOnly = Tensor.view(memory.asReadOnly(), DataType.FLOAT32, Shape.of(3));
            assertEquals(5, readOnly.getFloat(1));
            fails(UnsupportedOperationException.class, () -> readOnly.setFloat(1, 1), "f32 (3)", "read-only");
            fails(UnsupportedOperationException.class, () -> readOnly.fill(0), "read-only");
            fails(
                    UnsupportedOperationException.class,
                    () -> readOnly.reshape(1, 3).copyFrom(new float[3]),
                    "read-only");
        }
    }

    @Test
    void absurdSizesAreErrors() {
        Shape absurd = Shape.of(1L << 31, 1L << 30);
        fails(IllegalArgumentException.class, () -> Tensor.allocate(DataType.FLOAT32, absurd), "f32", "2^63 bytes");
        String message = assertThrows(OutOfMemoryError.class, () -> Tensor.allocate(DataType.UINT8, absurd))
                .getMessage();
        assertTrue(message.contains("u8 (2147483648, 1073741824)"), message);
    }

    /** Beyond 2^31 elements, over a sparse file so that it costs neither memory nor disk. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void longIndicesReachBeyondTwoToThe31(int typeNumber, @TempDir Path folder) throws IOException {
        DataType type = typeNumber == 0 ? DataType.UINT8 : DataType.BFLOAT16;
        Shape shape = Shape.of(3, 1L << 30);
        try (Arena arena = Arena.ofConfined();
                FileChannel file = FileChannel.open(
                        folder.resolve("sparse"),
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.SPARSE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
            Tensor t =
                    Tensor.view(file.map(MapMode.READ_WRITE, 0, shape.elements() * type.bytes(), arena), type, shape);
            if (type == DataType.UINT8) {
                t.setInt(77, 2, (1L << 30) - 1);
                assertEquals(77, t.getIntAt(3L * (1L << 30) - 1));
            } else {
                t.setFloat(1.5f, 2, 5);
                assertEquals(1.5f, t.getFloatAt((1L << 31) + 5));
            }
            fails(IndexOutOfBoundsException.class, () -> t.getFloatAt(3L << 30), "element 3221225472");
            fails(UnsupportedOperationException.class, t::toIntArray, "3221225472 elements", "Java array");
            fails(UnsupportedOperationException.class, t::toFloatArray, "Java array");
            fails(UnsupportedOperationException.class, () -> t.copyFrom(new float[4], 1), "Java array");
        }
    }
}
