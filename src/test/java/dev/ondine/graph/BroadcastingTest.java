package dev.ondine.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import org.junit.jupiter.api.Test;

class BroadcastingTest {
    private final GraphBuilder builder = new GraphBuilder();

    private Value input(long... dims) {
        return builder.input("input" + Shape.of(dims), DataType.FLOAT32, Shape.of(dims));
    }

    @Test
    void shapesAreAlignedAtTheirEnds() {
        assertEquals(Shape.of(2, 3, 4), Broadcasting.common(Shape.of(3, 1), Shape.of(2, 1, 4)));
        assertEquals(Shape.of(3), Broadcasting.common(Shape.of(), Shape.of(3)));
        String message = assertThrows(
                        IllegalArgumentException.class, () -> Broadcasting.common(Shape.of(2, 3), Shape.of(2, 1, 4)))
                .getMessage();
        assertTrue(message.contains("counted from the last, axis 1 has 3 and 4 elements"), message);
    }

    @Test
    void eitherOperandIsRepeated() {
        assertEquals(
                Shape.of(2, 3, 4),
                Broadcasting.add(builder, input(3, 1), input(2, 1, 4)).shape());
        Value quotient = Broadcasting.binary(builder, BinaryKind.DIVIDE, input(4), input(2, 3, 4));
        assertEquals(Shape.of(2, 3, 4), quotient.shape());
        Node last = builder.build().nodes().getLast();
        assertEquals(new Op.Binary(BinaryKind.DIVIDE), last.op());
        assertEquals(input(2, 3, 4), last.input(1));
    }

    /** A sum needs no copy of the smaller operand, whichever that is. */
    @Test
    void sumsAndProductsAreExchanged() {
        Broadcasting.multiply(builder, input(1, 4), input(3, 4));
        Node only = builder.build().nodes().getFirst();
        assertEquals(new Op.Multiply(), only.op());
        assertEquals(input(3, 4), only.input(0));
    }

    @Test
    void sumsAndMeans() {
        Value x = input(2, 3, 4);
        assertEquals(Shape.of(3), Broadcasting.sum(builder, x, false, 0, -1).shape());
        assertEquals(Shape.of(2, 1, 4), Broadcasting.mean(builder, x, true, 1).shape());
        assertEquals(Shape.of(), Broadcasting.mean(builder, x, false).shape());
        assertSame(x, Broadcasting.expand(builder, x, x.shape()));
        assertThrows(IllegalArgumentException.class, () -> Broadcasting.sum(builder, x, true, 3));
        assertThrows(IllegalArgumentException.class, () -> Broadcasting.expand(builder, x, Shape.of(2, 3, 5)));
        assertThrows(IllegalArgumentException.class, () -> Broadcasting.expand(builder, x, Shape.of(4)));
    }
}
