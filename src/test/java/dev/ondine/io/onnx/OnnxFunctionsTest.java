package dev.ondine.io.onnx;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Functions, sums and products of matrices from ONNX files, in their forms and versions, against ONNX Runtime. */
class OnnxFunctionsTest {
    @TempDir
    Path folder;

    static Stream<Arguments> ofOneNumber() {
        Stream<Arguments> plain = OnnxCase.all(lines(
                "%s | 20 | x[2,3,5] | %s x -> y\n",
                "Relu LeakyRelu Elu Selu Sigmoid Tanh Softplus Softsign Gelu HardSigmoid HardSwish Mish Abs"
                        + " Neg Exp Erf"));
        Stream<Arguments> old = OnnxCase.all(lines(
                "%s | 6 | x[2,3,5] | %s x -> y\n",
                "Relu LeakyRelu Elu Selu Sigmoid Tanh Softplus Softsign HardSigmoid Abs Neg Exp"));
        Stream<Arguments> positive = OnnxCase.all(lines("%s | 6 | x[+2,3,5] | %s x -> y\n", "Sqrt Log Reciprocal"));
        return Stream.of(plain, old, positive).flatMap(s -> s);
    }

    /** The line for each of the types. */
    private static String lines(String line, String types) {
        StringBuilder lines = new StringBuilder();
        for (String type : types.split(" ")) lines.append(line.formatted(type, type));
        return lines.toString();
    }

    static Stream<Arguments> ofOneNumberWithSettings() {
        return OnnxCase.all("""
            LeakyRelu | 6 | x[2,9] | LeakyRelu x -> y alpha=0.3
            Elu | 6 | x[2,9] | Elu x -> y alpha=0.4
            Selu | 6 | x[2,9] | Selu x -> y alpha=1.5 gamma=1.2
            Gelu tanh | 20 | x[2,5] | Gelu x -> y approximate=tanh
            HardSigmoid of PyTorch | 13 | x[2,9] | HardSigmoid x -> y alpha=0.16666667
            HardSigmoid | 6 | x[2,9] | HardSigmoid x -> y alpha=0.3 beta=0.4
            Clip | 6 | x[2,9] | Clip x -> y min=-0.5 max=0.25
            Clip by operands | 11 | x[2,9] l=-0.5 h=0.25 | Clip x l h -> y
            Clip to 6 | 13 | x[2,9] l=0.0 h=6.0 | Clip x l h -> y
            Clip above | 13 | x[2,9] h=0.3 | Clip x - h -> y
            Clip below | 12 | x[2,9] l=0.3 | Clip x l -> y
            Clip nowhere | 13 | x[2,9] | Clip x -> y
            Clip the wrong way round | 13 | x[2,9] l=0.5 h=-0.5 | Clip x l h -> y
            PRelu by channel | 9 | x[2,3,4,5] s(3,1,1) | PRelu x s -> y
            PRelu by channel, with a batch | 16 | x[2,3,4,5] s(1,3,1,1) | PRelu x s -> y
            PRelu of one | 9 | x[2,3,4] s(1) | PRelu x s -> y
            PRelu along the last axis | 9 | x[2,3,4] s(4) | PRelu x s -> y
            PRelu of each element | 9 | x[2,3,4] s(3,4) | PRelu x s -> y
            """);
    }

    static Stream<Arguments> powers() {
        return OnnxCase.all("""
            Pow 2 | 13 | x[2,7] e={2.0} | Pow x e -> y
            Pow 3 | 7 | x[2,7] e=3.0 | Pow x e -> y
            Pow -1.5 | 15 | x[+2,7] e=-1.5 | Pow x e -> y
            Pow a third | 13 | x[+2,7] e=0.333 | Pow x e -> y
            Pow 2 of whole numbers | 13 | x[2,7] e=2 | Pow x e -> y
            Pow of several exponents | 13 | x[+2,4] e={0.5,-2.0,3.0,0.0} | Pow x e -> y
            Pow of several whole exponents | 13 | x[2,5] e={3.0,2.0,1.0,0.0,5.0} | Pow x e -> y
            Pow of two inputs | 13 | x[+3,4] e[2,3,4] | Pow x e -> y
            Pow of two inputs, broadcast | 13 | x[+2,1,4] e[3,1] | Pow x e -> y
            Pow of a constant | 13 | b=2.5 x[2,7] | Pow b x -> y
            """);
    }

    static Stream<Arguments> ofTwoNumbers() {
        StringBuilder lines = new StringBuilder();
        for (String type : "Add Sub Mul Div Min Max".split(" ")) {
            lines.append("""
                %s | 13 | a[+2,3,4] b[+2,3,4] | %s a b -> y
                %s, the second broadcast | 14 | a[+2,3,4] b[+3,1] | %s a b -> y
                %s, both broadcast | 13 | a[+3,1] b[+2,1,4] | %s a b -> y
                %s, a constant first | 13 | x[+2,3,4] c(+3,1) | %s c x -> y
                %s, a single number | 13 | x[+2,3,4] c=1.25 | %s x c -> y
                """.replace("%s", type));
        }
        return Stream.concat(OnnxCase.all(lines.toString()), OnnxCase.all("""
            Sum of three | 13 | a[2,3] b[2,3] c[3] | Sum a b c -> y
            Sum of one | 8 | a[2,3] | Sum a -> y
            Sum of old | 6 | a[2,3] b[2,3] | Sum a b -> y
            Min of three | 8 | a[2,3] b[2,3] c[2,3] | Min a b c -> y
            Max of three | 12 | a[2,3] b[2,1] c[3] | Max a b c -> y
            Max of old | 6 | a[2,3] b[2,3] | Max a b -> y
            Min of one | 13 | a[2,3] | Min a -> y
            """));
    }

    static Stream<Arguments> sums() {
        return OnnxCase.all("""
            ReduceMean | 13 | x[2,3,4,5] | ReduceMean x -> y axes=2,-1 keepdims=0
            ReduceMean of the batch | 6 | x[2,3,4] | ReduceMean x -> y axes=0,
            ReduceMean of all | 13 | x[2,3,4] | ReduceMean x -> y
            ReduceMean, axes given | 18 | x[2,3,4] a={1} | ReduceMean x a -> y
            ReduceMean, axes given, not kept | 18 | x[2,3,4] a={-1,0} | ReduceMean x a -> y keepdims=0
            ReduceSum of all | 11 | x[2,3,4] | ReduceSum x -> y
            ReduceSum of all, not kept | 11 | x[2,3,4] | ReduceSum x -> s keepdims=0 & Mul x s -> y
            ReduceSum | 6 | x[2,3,4] | ReduceSum x -> y axes=1, keepdims=0
            ReduceSum, axes given | 13 | x[2,3,4] a={0,2} | ReduceSum x a -> y
            """);
    }

    static Stream<Arguments> products() {
        return OnnxCase.all("""
            Gemm | 11 | x[3,4] w(4,5) b(5) | Gemm x w b -> y
            Gemm of old | 7 | x[3,4] w(4,5) b(5) | Gemm x w b -> y
            Gemm without a bias | 13 | x[3,4] w(4,5) | Gemm x w -> y
            Gemm transposed | 11 | x[3,4] w(5,4) b(1,5) | Gemm x w b -> y transB=1
            Gemm, scaled | 11 | x[4,3] w(4,5) b(3,1) | Gemm x w b -> y transA=1 alpha=0.5 beta=2.0
            Gemm, one bias for all | 13 | x[3,4] w(4,5) b=0.5 | Gemm x w b -> y
            Gemm of inputs | 13 | x[3,4] w[5,4] b[3,5] | Gemm x w b -> y transB=1 beta=0.5
            MatMul by a weight | 13 | x[2,3,4] w(4,5) | MatMul x w -> y
            MatMul of a weight | 9 | x[2,4,3] w(5,4) | MatMul w x -> y
            MatMul by a weight a sample | 13 | x[2,3,4] w(2,4,5) | MatMul x w -> y
            MatMul, broadcast | 13 | a[2,1,3,4] b[5,4,2] | MatMul a b -> y
            MatMul by a vector | 13 | a[2,3,4] b[4] | MatMul a b -> y
            MatMul of a vector | 13 | a[4] b[2,4,3] | MatMul a b -> y
            MatMul of vectors | 13 | a[4] b[4] c[3] | MatMul a b -> d & Mul c d -> y
            """);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"ofOneNumber", "ofOneNumberWithSettings", "powers", "ofTwoNumbers", "sums", "products"})
    void bothBackendsComputeWhatOnnxRuntimeDoes(String name, TinyModel model) throws IOException {
        OnnxCase.check(model, folder);
    }

    /** Exact where the exponent is whole, also of 0 and of negative numbers. */
    @Test
    void powersOfZeroAndNegativeNumbers() throws IOException {
        TinyModel model = OnnxCase.of("Pow | 13 | x[4] e={3.0,2.0,1.0,0.0} | Pow x e -> y");
        for (float[] x : new float[][] {{-2, -2, -2, -2}, {0, 0, 0, 0}}) {
            Map<String, Object> data = Map.of("x", x);
            OnnxCase.check(
                    model,
                    OnnxRuntime.run(model.write(folder), data, model.dims()).get("y"),
                    data,
                    folder);
        }
    }
}
