package dev.ondine.io.onnx;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Normalizations and softmax from ONNX files, in their forms and versions, against ONNX Runtime. */
class OnnxNormalizationsTest {
    @TempDir
    Path folder;

    static Stream<Arguments> normalizations() {
        return OnnxCase.all("""
            BatchNormalization | 9 | x[2,4,3,5] s(4) b(4) m(4) v(+4) | BatchNormalization x s b m v -> y epsilon=0.001
            BatchNormalization of features | 7 | x[5,4] s(4) b(4) m(4) v(+4) | BatchNormalization x s b m v -> y
            BatchNormalization 1d | 14 | x[2,4,7] s(4) b(4) m(4) v(+4) | BatchNormalization x s b m v -> y momentum=0.7
            BatchNormalization 3d | 15 | x[2,4,2,3,4] s(4) b(4) m(4) v(+4) | BatchNormalization x s b m v -> y
            BatchNormalization after Conv | 15 | x[2,3,6,5] w(4,3,3,3) s(4) b(4) m(4) v(+4) | Conv x w -> c & BatchNormalization c s b m v -> n & Relu n -> y
            BatchNormalization after ConvTranspose | 15 | x[2,3,6,5] w(3,4,3,3) s(4) b(4) m(4) v(+4) | ConvTranspose x w -> c & BatchNormalization c s b m v -> y
            BatchNormalization after Gemm | 15 | x[3,5] w(4,5) c(4) s(4) b(4) m(4) v(+4) | Gemm x w c -> g transB=1 & BatchNormalization g s b m v -> y
            BatchNormalization before Conv | 15 | x[2,3,6,5] w(4,3,3,3) s(3) b(3) m(3) v(+3) | BatchNormalization x s b m v -> n & Conv n w -> y pads=1,1,1,1
            InstanceNormalization | 6 | x[2,4,3,5] s(4) b(4) | InstanceNormalization x s b -> y
            InstanceNormalization 1d | 6 | x[2,4,9] s(4) b(4) | InstanceNormalization x s b -> y epsilon=0.01
            InstanceNormalization 3d | 22 | x[2,4,2,3,4] s(4) b(4) | InstanceNormalization x s b -> y
            GroupNormalization | 21 | x[2,4,3,5] s(4) b(4) | GroupNormalization x s b -> y num_groups=2
            GroupNormalization, a number a group | 18 | x[2,4,3,5] s(2) b(2) | GroupNormalization x s b -> y num_groups=2
            GroupNormalization 1d | 21 | x[2,6,5] s(6) b(6) | GroupNormalization x s b -> y num_groups=3 epsilon=0.01
            LayerNormalization | 17 | x[2,4,6] s(6) b(6) | LayerNormalization x s b -> y
            LayerNormalization over two axes, no shift | 17 | x[2,4,6] s(4,6) | LayerNormalization x s -> y axis=1
            LayerNormalization of images | 22 | x[2,4,3,5] s(3,5) b(3,5) | LayerNormalization x s b -> y axis=-2 epsilon=0.001
            LayerNormalization written out | 13 | x[2,4,6] s(6) b(6) two=2.0 e=0.00001 | ReduceMean x -> m axes=-1, & Sub x m -> d & Pow d two -> q & ReduceMean q -> v axes=-1, & Add v e -> w & Sqrt w -> r & Div d r -> n & Mul n s -> z & Add z b -> y
            LRN | 6 | x[2,7,3,3] | LRN x -> y size=3 alpha=0.5 beta=0.6 bias=1.5
            LRN of AlexNet | 13 | x[2,7,3,3] | LRN x -> y size=5
            """);
    }

    static Stream<Arguments> softmax() {
        return OnnxCase.all("""
            Softmax | 13 | x[2,4,3] | Softmax x -> y axis=1
            Softmax of the last axis | 13 | x[2,4,3] | Softmax x -> y
            Softmax of the batch | 13 | x[4,3] | Softmax x -> y axis=0
            Softmax of all axes from one on | 6 | x[2,4,3] | Softmax x -> y
            Softmax of all axes from the last on | 11 | x[2,4,3] | Softmax x -> y axis=-1
            Softmax of all axes | 11 | x[2,4,3] | Softmax x -> y axis=0
            LogSoftmax | 13 | x[2,4,3] | LogSoftmax x -> y
            LogSoftmax of channels | 13 | x[2,4,3,2] | LogSoftmax x -> y axis=1
            LogSoftmax of all axes from one on | 11 | x[2,4,3] | LogSoftmax x -> y
            """);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"normalizations", "softmax"})
    void bothBackendsComputeWhatOnnxRuntimeDoes(String name, TinyModel model) throws IOException {
        OnnxCase.check(model, folder);
    }
}
