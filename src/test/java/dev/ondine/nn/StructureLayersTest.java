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
}
