package dev.ondine.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class ShapeTest {
    private final Shape image = Shape.of(128, 3, 32, 31);

    @Test
    void knowsItsExtents() {
        assertEquals(4, image.rank());
        assertEquals(3, image.dim(1));
        assertEquals(31, image.dim(-1));
        assertEquals(128L * 3 * 32 * 31, image.elements());
        assertEquals(3 * 32, image.elements(1, 3));
        assertEquals(1, image.elements(2, 2));
        assertEquals("(128, 3, 32, 31)", image.toString());
    }

    @Test
    void aScalarHasOneElement() {
        Shape scalar = Shape.of();
        assertEquals(0, scalar.rank());
        assertEquals(1, scalar.elements());
        assertEquals("()", scalar.toString());
        assertEquals(0, scalar.offset());
        assertEquals(Shape.of(5), scalar.prepend(5));
    }

    @Test
    void makesOtherShapes() {
        assertEquals(Shape.of(7, 3, 32, 31), image.with(0, 7));
        assertEquals(Shape.of(128, 3, 32, 7), image.with(-1, 7));
        assertEquals(Shape.of(3, 32, 31), image.tail());
        assertEquals(image, image.tail().prepend(128));
        assertNotEquals(image, image.tail());
        assertEquals(image.hashCode(), Shape.of(128, 3, 32, 31).hashCode());
    }

    @Test
    void isIndependentOfArraysGivenAndReturned() {
        long[] dims = {2, 3};
        Shape shape = Shape.of(dims);
        dims[0] = 9;
        shape.dims()[1] = 9;
        assertArrayEquals(new long[] {2, 3}, shape.dims());
    }

    @Test
    void offsetIsRowMajor() {
        Shape shape = Shape.of(2, 3, 4);
        long expected = 0;
        for (int a = 0; a < 2; a++) {
            for (int b = 0; b < 3; b++) {
                for (int c = 0; c < 4; c++) assertEquals(expected++, shape.offset(a, b, c));
            }
        }
        assertEquals((1L << 40) - 1, Shape.of(1 << 20, 1 << 20).offset((1 << 20) - 1, (1 << 20) - 1));
    }

    @Test
    void errorsNameAxisIndexAndShape() {
        fails(
                IndexOutOfBoundsException.class,
                () -> image.offset(0, 3, 0, 0),
                "axis 1",
                "(0, 3, 0, 0)",
                "(128, 3, 32, 31)");
        fails(IndexOutOfBoundsException.class, () -> image.offset(0, 0, 0, -1), "axis 3", "-1");
        fails(IllegalArgumentException.class, () -> image.offset(1, 2), "2 numbers", "4 axes");
        fails(IndexOutOfBoundsException.class, () -> image.dim(4), "axis 4", "(128, 3, 32, 31)");
        fails(IndexOutOfBoundsException.class, () -> image.dim(-5), "axis -5");
        fails(IndexOutOfBoundsException.class, () -> image.with(4, 1), "axis 4");
        fails(IndexOutOfBoundsException.class, () -> image.elements(1, 5));
        fails(IllegalStateException.class, () -> Shape.of().tail(), "scalar");
        fails(IllegalArgumentException.class, () -> Shape.of(2, 0), "(2, 0)", "at least 1");
        fails(IllegalArgumentException.class, () -> Shape.of(-1), "-1");
        fails(IllegalArgumentException.class, () -> Shape.of(1L << 32, 1L << 31), "2^63");
    }

    static void fails(Class<? extends Throwable> type, Executable code, String... parts) {
        String message = assertThrows(type, code).getMessage();
        for (String part : parts)
            assertTrue(message.contains(part), () -> "\"" + part + "\" is missing in: " + message);
    }
}
