package dev.ondine.nn;

import static dev.ondine.nn.Layers.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.graph.ModelException;
import dev.ondine.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The layers that give tensors other shapes: what they make of them, their parameters, and what they refuse. */
class StructureLayersTest {
    private static Shape shape(Layer layer, long... sample) {
        try (Model model = Model.of(layer, Shape.of(sample), 0)) {
            return model.outputShape();
        }
    }

    private static List<String> parameters(Layer layer, long... sample) {
        try (Model model = Model.of(layer, Shape.of(sample), 0)) {
            return model.parameters().specs().stream()
                    .map(s -> s.name() + " " + s.shape())
                    .toList();
        }
    }

    private static void assertRefused(String part, Layer layer, long... sample) {
        String message =
                assertThrows(ModelException.class, () -> shape(layer, sample)).getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void reshapePermuteAndSlice() {
        assertEquals(Shape.of(2, 12), shape(reshape(2, -1), 4, 6));
        assertEquals(Shape.of(6, 4), shape(permute(0, 2, 1), 4, 6));
        assertEquals(Shape.of(4, 2), shape(slice(-1, 3, 2), 4, 6));
        assertEquals(Shape.of(12, 5), shape(tokens(), 5, 3, 4));
        assertEquals(Shape.of(7, 3, 4), shape(linear(5, 4), 7, 3, 5));
        assertRefused("does not fit into [5, -1]", reshape(5, -1), 4, 6);
        assertRefused("does not fit into [5, 4]", reshape(5, 4), 4, 6);
        assertRefused("outside axis 2", slice(2, 5, 2), 4, 6);
        assertRefused("cannot be sliced", slice(0, 0, 1), 4, 6);
        assertRefused("must name each", permute(0, 1), 4, 6);
        assertThrows(IllegalArgumentException.class, () -> permute(1, 0));
        assertThrows(IllegalArgumentException.class, () -> reshape(-1, -1));
        assertThrows(IllegalArgumentException.class, () -> reshape(0));
    }

    @Test
    void attentionHasPyTorchsParameters() {
        Sequential named = Sequential.named().then("attention", multiHeadAttention(8, 2));
        assertEquals(
                List.of(
                        "attention.in_proj_weight (24, 8)",
                        "attention.in_proj_bias (24)",
                        "attention.out_proj.weight (8, 8)",
                        "attention.out_proj.bias (8)"),
                parameters(named, 5, 8));
        assertEquals(
                List.of("in_proj_weight (24, 8)", "out_proj.weight (8, 8)"),
                parameters(multiHeadAttention(8, 4).bias(false), 5, 8));
        assertRefused("attention takes (batch, tokens, 8 features), not (2, 5, 6)", multiHeadAttention(8, 2), 5, 6);
        assertThrows(IllegalArgumentException.class, () -> multiHeadAttention(8, 3));
        assertThrows(
                IllegalArgumentException.class, () -> multiHeadAttention(8, 2).dropout(-1));
    }

    @Test
    void tokensOfATransformer() {
        assertEquals(List.of("class_token (1, 1, 8)"), parameters(classToken(), 5, 8));
        assertEquals(Shape.of(6, 8), shape(classToken(), 5, 8));
        assertEquals(List.of("place (1, 5, 8)"), parameters(positionEmbedding().name("place"), 5, 8));
        assertEquals(Shape.of(8), shape(pickToken(0), 5, 8));
        assertEquals(Shape.of(8), shape(meanOfTokens(), 5, 8));
        assertRefused("(batch, tokens, features)", meanOfTokens(), 5);
        assertRefused("outside axis 1", pickToken(5), 5, 8);
    }

    @Test
    void resizing() {
        assertEquals(Shape.of(3, 8, 10), shape(upsampleNearest(2), 3, 4, 5));
        assertEquals(Shape.of(3, 7, 3), shape(upsampleNearest(2).size(7, 3), 3, 4, 5));
        assertEquals(Shape.of(3, 4, 15), shape(upsampleLinear(2).scale(1, 3), 3, 4, 5));
        assertEquals(Shape.of(3, 6), shape(upsampleLinear(1).size(6).alignCorners(true), 3, 4));
        assertEquals(Shape.of(3, 2, 2), shape(adaptiveAvgPool(2, 2), 3, 5, 7));
        assertEquals(Shape.of(3, 2, 7), shape(adaptiveMaxPool(2, 7), 3, 4, 7));
        assertRefused(
                "[2, 3] has 2 entries for 1 spatial axes", upsampleNearest(2).scale(2, 3), 3, 4);
        assertRefused("1 to 3 spatial axes", upsampleNearest(2), 3);
        assertRefused("must divide", adaptiveMaxPool(2, 2), 3, 5, 7);
        assertRefused("takes (batch, channels) and 2 spatial axes", adaptiveAvgPool(2, 2), 3, 5);
        assertThrows(IllegalArgumentException.class, () -> upsampleNearest(0));
        assertThrows(IllegalArgumentException.class, () -> upsampleNearest(2).alignCorners(true));
    }

    @Test
    void paddingAndPixels() {
        assertEquals(Shape.of(3, 7, 10), shape(zeroPad2d(0).begin(1, 2).end(2, 3), 3, 4, 5));
        assertEquals(Shape.of(3, 8), shape(constantPad1d(2, 0.5), 3, 4));
        assertEquals(Shape.of(3, 4, 4, 4), shape(replicationPad3d(1), 3, 2, 2, 2));
        assertEquals(Shape.of(3, 8, 10), shape(pixelShuffle(2), 12, 4, 5));
        assertEquals(Shape.of(12, 4, 5), shape(pixelUnshuffle(2), 3, 8, 10));
        assertRefused("needs an axis of 5 at least, not 4", reflectionPad2d(4), 3, 4, 9);
        assertRefused("padding of 2 spatial axes", zeroPad2d(1), 3, 4);
        assertRefused("multiples of 4", pixelShuffle(2), 6, 4, 5);
        assertRefused("multiples of 2", pixelUnshuffle(2), 6, 4, 5);
        assertThrows(IllegalArgumentException.class, () -> zeroPad2d(-1));
        assertThrows(IllegalArgumentException.class, () -> zeroPad2d(1).begin(1, 2, 3));
        assertThrows(IllegalArgumentException.class, () -> pixelShuffle(0));
    }

    @Test
    void slopesAndGates() {
        assertEquals(List.of("weight (1)"), parameters(prelu(), 3, 4, 5));
        assertEquals(List.of("weight (3)"), parameters(prelu(3), 3, 4, 5));
        assertEquals(
                List.of("fc1.weight (4, 16, 1, 1)", "fc1.bias (4)", "fc2.weight (16, 4, 1, 1)", "fc2.bias (16)"),
                parameters(squeezeExcite(16, 4), 16, 4, 5));
        assertRefused("does not fit (2, 3, 4, 5)", prelu(4), 3, 4, 5);
        assertRefused("takes (batch, 16 channels", squeezeExcite(16, 4), 15, 4, 5);
    }
}
