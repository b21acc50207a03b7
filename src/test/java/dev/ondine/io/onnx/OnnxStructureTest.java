package dev.ondine.io.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Operators from ONNX files that move elements, in their forms and versions, against ONNX Runtime. */
class OnnxStructureTest {
    @TempDir
    Path folder;

    static Stream<Arguments> parts() {
        return OnnxCase.all("""
            Concat | 11 | a[2,3] b[2,1] | Concat a b -> y axis=-1
            Concat of three | 6 | a[1,3,2] b[2,3,2] c[1,3,2] | Concat a b c -> y axis=0
            Concat of one | 13 | a[2,3] | Concat a -> y axis=1
            Concat with a constant | 13 | a[2,3] b(2,2) | Concat b a -> y axis=1
            Split | 11 | x[2,5,3] | Split x -> a y axis=1 split=2,3
            Split evenly | 6 | x[2,6,3] | Split x -> a y axis=1
            Split, sizes given | 13 | x[2,5,3] s={1,4} | Split x s -> a y axis=1
            Split, a number of parts | 18 | x[2,5,3] | Split x -> a b y axis=1 num_outputs=3
            Split of the batch | 13 | x[4,3] | Split x -> a y
            Slice | 6 | x[4,5,6] | Slice x -> y starts=1,-3 ends=3,1000 axes=0,2
            Slice of the first axes | 6 | x[4,5,6] | Slice x -> y starts=1,2 ends=3,-1
            Slice by operands | 10 | x[4,5,6] s={1,-3} e={3,1000} a={0,2} | Slice x s e a -> y
            Slice with steps | 13 | x[4,7,6] s={-1,1} e={-100,6} a={1,2} p={-2,2} | Slice x s e a p -> y
            Slice without axes | 13 | x[4,7,6] s={0,1,2} e={4,3,5} | Slice x s e -> y
            Gather one | 13 | x[2,5,3] i=-2 | Gather x i -> y axis=1
            Gather several | 13 | x[2,5,3] i={4,0,0,-1} | Gather x i -> y axis=1
            Gather of the last axis | 6 | x[2,5,3] i={2,0} | Gather x i -> y axis=2
            Gather rows of a weight | 11 | x[2,3] w(5,3) i={4,1} | Gather w i -> g & Add x g -> y
            """);
    }

    static Stream<Arguments> shapes() {
        return OnnxCase.all("""
            Flatten | 11 | x[2,3,4] | Flatten x -> y axis=2
            Flatten to a row | 6 | x[2,3,4] | Flatten x -> y axis=0
            Flatten to a column | 13 | x[2,3,4] | Flatten x -> y axis=3
            Flatten from the end | 11 | x[2,3,4] | Flatten x -> y axis=-1
            Flatten of two axes | 13 | x[2,3] | Flatten x -> y
            Reshape | 6 | x[2,3,4] s={0,-1} | Reshape x s -> y
            Reshape of 14 | 14 | x[2,3,4] s={4,-1,2} | Reshape x s -> y allowzero=1
            Squeeze and Unsqueeze | 11 | x[2,1,4] | Squeeze x -> s axes=1, & Unsqueeze s -> y axes=0,3
            Squeeze and Unsqueeze, axes given | 13 | x[2,1,4] a={1} b={-1} | Squeeze x a -> s & Unsqueeze s b -> y
            Squeeze of all | 13 | x[1,3,1,4] | Squeeze x -> y
            Transpose | 11 | x[2,3,4] | Transpose x -> y perm=1,2,0
            Transpose without an order | 6 | x[2,3,4] | Transpose x -> y
            Transpose of five axes | 13 | x[2,3,4,2,3] | Transpose x -> y perm=0,3,1,4,2
            Expand | 13 | x[2,1,3] s={4,1} | Expand x s -> y
            Expand to more axes | 8 | x[3,1] s={2,1,4} | Expand x s -> y
            DepthToSpace | 11 | x[2,8,3,2] | DepthToSpace x -> y blocksize=2
            DepthToSpace of old | 6 | x[2,9,2,2] | DepthToSpace x -> y blocksize=3
            DepthToSpace by columns | 13 | x[2,8,3,2] | DepthToSpace x -> y blocksize=2 mode=CRD
            """);
    }

    static Stream<Arguments> padding() {
        return OnnxCase.all("""
            Pad | 6 | x[2,3,4,5] | Pad x -> y pads=0,0,1,2,0,0,0,1 value=1.5
            Pad with zeros | 13 | x[2,3,4,5] p={0,1,1,2,0,0,0,1} | Pad x p -> y
            Pad with a number | 11 | x[2,3,4] p={0,0,1,0,0,2} v=-2.5 | Pad x p v -> y
            Pad reflect of old | 6 | x[2,3,4] | Pad x -> y pads=0,0,2,0,0,3 mode=reflect
            Pad reflect | 13 | x[2,3,4,5] p={0,0,1,2,0,0,3,1} | Pad x p -> y mode=reflect
            Pad reflect 3d | 19 | x[1,2,3,4,5] p={0,0,1,2,1,0,0,2,1,3} | Pad x p -> y mode=reflect
            Pad edge | 11 | x[2,3,4,5] p={0,0,1,2,0,0,3,1} | Pad x p -> y mode=edge
            Pad edge, some axes | 18 | x[2,3,4] p={2,1} a={-1} | Pad x p - a -> y mode=edge
            Pad that cuts off | 13 | x[2,3,6] p={0,0,-1,0,0,2} | Pad x p -> y
            """);
    }

    static Stream<Arguments> constants() {
        return OnnxCase.all("""
            Dropout | 9 | x[2,3] | Dropout x -> d ratio=0.4 & Relu d -> y
            Dropout, its ratio given | 13 | x[2,3] r=0.4 | Dropout x r -> d & Neg d -> y
            Identity and Cast | 13 | x[2,3] | Identity x -> i & Cast i -> y to=1
            Cast there and back | 9 | x[2,3] | Cast x -> d to=11 & Cast d -> y to=1
            Constant | 9 | x[2,3] | Constant -> c value={1.5,2.5,-1.0} & Add x c -> y
            Constant of one number | 13 | x[2,3] | Constant -> c value_float=1.5 & Mul x c -> y
            Constant of numbers | 13 | x[2,3] | Constant -> c value_floats=1.5,2.5,-1.0 & Mul c x -> y
            Constant of whole numbers | 13 | x[2,3] | Constant -> c value_ints=3,2 & Reshape x c -> y
            Constant of a whole number | 13 | x[2,3] | Constant -> c value_int=1 & Gather x c -> y axis=1
            ConstantOfShape | 13 | x[2,3] s={2,1} | ConstantOfShape s -> c value={1.25} & Add x c -> y
            ConstantOfShape of zeros | 9 | x[2,3] s={3} | ConstantOfShape s -> c & Max x c -> y
            PyTorch's flatten | 11 | x[2,3,4,5] z=0 r={-1} | Shape x -> s & Gather s z -> n axis=0 & Unsqueeze n -> u axes=0, & Concat u r -> t axis=0 & Reshape x t -> y
            part of a shape | 15 | x[2,3,4] r={-1} | Shape x -> s start=-2 & Concat s r -> t axis=0 & Reshape x t -> y
            a computed shape | 13 | x[2,3,4] f={1} t={3} | Shape x -> s & Slice s f t -> e & Cast e -> g to=1 & Cast g -> b to=7 & ConstantOfShape b -> o value={1.25} & Add x o -> y
            Expand to another's shape | 13 | x[1,3] z[4,3] | Shape z -> s & Expand x s -> e & Mul e z -> y
            """);
    }

    static Stream<Arguments> wholeNumbers() {
        return OnnxCase.all("""
            Gather by the data | 13 | t[#7:2,5] w(7,3) | Gather w t -> y
            Gather by the data, from an input | 11 | t[#4:3] x[2,4,3] | Gather x t -> y axis=1
            Gather by the data, from the last axis | 13 | t[#4:2,2] x[3,2,4] | Gather x t -> y axis=-1
            Gather by the data, from the end | 13 | t[#7:5] n=-7 w(7,3) | Add t n -> s & Gather w s -> y
            Gather by the data, one by one | 13 | t[#7:2,5] w(7) | Gather w t -> y
            an embedding with positions | 17 | t[#9:2,4] w(9,6) p(4,6) s(6) b(6) | Gather w t -> e & Add e p -> a & LayerNormalization a s b -> y
            a mask | 13 | m[#2:2,4] x[2,3,4] a={1} o=1.0 f=-10000.0 | Unsqueeze m a -> u & Cast u -> c to=1 & Sub o c -> i & Mul i f -> h & Add x h -> s & Softmax s -> y
            a count | 13 | m[#9:2,4] x[2,1] a={1} | Cast m -> b to=9 & Cast b -> w to=7 & ReduceSum w a -> n & Cast n -> f to=1 & Add x f -> y
            """);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"parts", "shapes", "padding", "constants", "wholeNumbers"})
    void bothBackendsComputeWhatOnnxRuntimeDoes(String name, TinyModel model) throws IOException {
        OnnxCase.check(model, folder);
    }

    /** ONNX leaves open what happens; nobody is to take it for a result. */
    @Test
    void anIndexOutsideGivesNoNumber() throws IOException {
        TinyModel model = OnnxCase.of("Gather | 13 | t[#9:3] w(4,2) | Gather w t -> y");
        Path file = model.write(folder);
        for (String backend : new String[] {"reference", "onednn"}) {
            float[] y = model.run(file, backend, Map.of("t", new long[] {3, 4, -5}))
                    .get("y")
                    .values();
            assertEquals(6, y.length);
            for (int i = 0; i < 6; i++) assertEquals(i >= 2, Float.isNaN(y[i]), backend + " " + i);
            assertTrue(y[0] != 0);
        }
    }
}
