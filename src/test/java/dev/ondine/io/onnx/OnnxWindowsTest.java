package dev.ondine.io.onnx;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Convolutions and pooling from ONNX files, in their forms and versions, against ONNX Runtime. */
class OnnxWindowsTest {
    @TempDir
    Path folder;

    static Stream<Arguments> convolutions() {
        return OnnxCase.all("""
            Conv | 11 | x[2,4,7,6] w(6,4,3,3) b(6) | Conv x w b -> y
            Conv, kernel given | 22 | x[2,4,7,6] w(6,4,3,3) b(6) | Conv x w b -> y kernel_shape=3,3
            Conv, everything uneven | 11 | x[2,4,9,8] w(6,2,3,2) | Conv x w -> y group=2 pads=1,0,2,1 strides=2,1 dilations=1,3
            Conv depthwise | 11 | x[2,6,5,5] w(6,1,3,3) | Conv x w -> y group=6 pads=1,1,1,1
            Conv depthwise, two each | 11 | x[2,3,5,5] w(6,1,3,3) b(6) | Conv x w b -> y group=3
            Conv VALID | 11 | x[1,2,5,5] w(4,2,2,2) | Conv x w -> y auto_pad=VALID
            Conv SAME_UPPER | 11 | x[1,2,7,8] w(3,2,4,2) | Conv x w -> y auto_pad=SAME_UPPER strides=3,2
            Conv SAME_LOWER | 11 | x[1,2,7,8] w(3,2,4,2) | Conv x w -> y auto_pad=SAME_LOWER strides=3,2
            Conv of two inputs | 11 | x[1,2,5,6] w[3,2,3,2] | Conv x w -> y
            Conv 1d SAME_UPPER | 6 | x[2,3,9] w(4,3,3) | Conv x w -> y auto_pad=SAME_UPPER strides=2,
            Conv 1d, everything uneven | 22 | x[2,4,12] w(4,2,3) b(4) | Conv x w b -> y group=2 dilations=2, pads=3,1 strides=2,
            Conv 3d SAME_LOWER | 11 | x[1,2,4,5,3] w(4,2,2,3,2) | Conv x w -> y auto_pad=SAME_LOWER
            Conv 3d, everything uneven | 6 | x[1,4,5,6,7] w(4,2,2,3,2) | Conv x w -> y group=2 pads=1,0,2,0,1,1 strides=1,2,2 dilations=2,1,2
            """);
    }

    static Stream<Arguments> transposedConvolutions() {
        return OnnxCase.all("""
            ConvTranspose | 11 | x[2,4,5,4] w(4,3,3,3) b(6) | ConvTranspose x w b -> y group=2 strides=2,2 pads=1,0,0,1 output_padding=1,0
            ConvTranspose with gaps | 6 | x[2,4,5,4] w(4,3,3,2) | ConvTranspose x w -> y strides=1,2 pads=1,0,2,1 dilations=2,3
            ConvTranspose output_shape | 11 | x[1,2,4,4] w(2,3,3,3) | ConvTranspose x w -> y strides=2,2 output_shape=8,8
            ConvTranspose output_shape SAME_UPPER | 11 | x[1,2,4,4] w(2,3,3,3) | ConvTranspose x w -> y strides=2,2 output_shape=8,8 auto_pad=SAME_UPPER
            ConvTranspose SAME_LOWER | 22 | x[1,2,4,4] w(2,3,3,3) | ConvTranspose x w -> y strides=2,3 auto_pad=SAME_LOWER
            ConvTranspose VALID | 11 | x[1,2,4,3] w(2,3,3,3) | ConvTranspose x w -> y strides=2,3 auto_pad=VALID
            ConvTranspose depthwise | 11 | x[1,4,4,3] w(4,1,2,2) | ConvTranspose x w -> y group=4 strides=2,2
            ConvTranspose 1d SAME_UPPER | 11 | x[1,2,5] w(2,3,3) | ConvTranspose x w -> y strides=2, auto_pad=SAME_UPPER
            ConvTranspose 1d | 11 | x[2,4,5] w(4,3,4) b(6) | ConvTranspose x w b -> y group=2 strides=3, pads=2,1 output_padding=1, dilations=2,
            ConvTranspose 3d | 11 | x[1,2,3,4,2] w(2,3,2,3,2) b(3) | ConvTranspose x w b -> y strides=2,1,2 pads=0,1,0,1,0,1
            """);
    }

    static Stream<Arguments> maxima() {
        return OnnxCase.all("""
            MaxPool | 8 | x[2,3,8,7] | MaxPool x -> y kernel_shape=3,2 strides=2,2 pads=1,0,1,1
            MaxPool of old | 6 | x[2,3,8,7] | MaxPool x -> y kernel_shape=2,2
            MaxPool VALID | 12 | x[2,3,8,7] | MaxPool x -> y kernel_shape=3,2 auto_pad=VALID strides=2,2
            MaxPool SAME_UPPER | 12 | x[2,3,8,7] | MaxPool x -> y kernel_shape=3,2 auto_pad=SAME_UPPER strides=2,3
            MaxPool ceil | 12 | x[2,3,8,8] | MaxPool x -> y kernel_shape=3,3 strides=2,2 ceil_mode=1
            MaxPool ceil, first | 10 | x[2,3,8,9] | MaxPool x -> y kernel_shape=3,2 strides=2,2 ceil_mode=1
            MaxPool ceil, a window in the padding | 22 | x[1,2,5,5] | MaxPool x -> y kernel_shape=2,2 strides=3,3 pads=1,1,1,1 ceil_mode=1
            MaxPool with gaps | 11 | x[2,3,9,8] | MaxPool x -> y kernel_shape=3,2 dilations=2,3 strides=2,1 pads=1,0,2,1
            MaxPool with gaps, ceil | 12 | x[1,2,9,8] | MaxPool x -> y kernel_shape=2,3 dilations=3,2 strides=2,2 ceil_mode=1
            MaxPool 1d SAME_LOWER | 12 | x[2,3,9] | MaxPool x -> y kernel_shape=4, strides=2, auto_pad=SAME_LOWER
            MaxPool 1d with gaps | 12 | x[2,3,9] | MaxPool x -> y kernel_shape=3, strides=2, dilations=3, pads=2,1
            MaxPool 3d | 12 | x[1,2,4,5,6] | MaxPool x -> y kernel_shape=2,2,2
            MaxPool 3d, everything uneven | 12 | x[1,2,5,6,7] | MaxPool x -> y kernel_shape=2,3,2 strides=2,1,3 pads=1,0,0,0,1,1 dilations=2,1,2
            GlobalMaxPool | 11 | x[2,3,8,7] | GlobalMaxPool x -> y
            GlobalMaxPool 1d | 6 | x[2,3,8] | GlobalMaxPool x -> y
            GlobalMaxPool 3d | 22 | x[2,3,2,4,3] | GlobalMaxPool x -> y
            """);
    }

    static Stream<Arguments> means() {
        return OnnxCase.all("""
            AveragePool | 11 | x[2,3,8,7] | AveragePool x -> y kernel_shape=3,3 strides=2,2 pads=1,1,1,1
            AveragePool with padding | 11 | x[2,3,8,7] | AveragePool x -> y kernel_shape=3,3 pads=1,0,1,2 count_include_pad=1
            AveragePool SAME_UPPER | 7 | x[2,3,8,7] | AveragePool x -> y kernel_shape=3,4 strides=2,2 auto_pad=SAME_UPPER
            AveragePool SAME_LOWER with padding | 11 | x[2,3,8,7] | AveragePool x -> y kernel_shape=3,4 strides=2,2 auto_pad=SAME_LOWER count_include_pad=1
            AveragePool ceil | 19 | x[2,3,8,8] | AveragePool x -> y kernel_shape=3,3 strides=2,2 ceil_mode=1
            AveragePool ceil, first | 10 | x[2,3,8,8] | AveragePool x -> y kernel_shape=3,3 strides=2,2 ceil_mode=1
            AveragePool with gaps | 19 | x[2,3,9,8] | AveragePool x -> y kernel_shape=3,2 dilations=2,3 strides=2,1 pads=1,0,2,1
            AveragePool with gaps and padding | 22 | x[2,3,9,8] | AveragePool x -> y kernel_shape=3,2 dilations=2,3 pads=1,1,1,1 count_include_pad=1
            AveragePool 1d | 11 | x[2,3,9] | AveragePool x -> y kernel_shape=4, strides=3, pads=2,1
            AveragePool 1d with gaps | 19 | x[2,3,9] | AveragePool x -> y kernel_shape=3, dilations=2, pads=1,2
            AveragePool 3d | 11 | x[1,2,4,5,6] | AveragePool x -> y kernel_shape=2,3,2 strides=1,2,2 pads=0,1,1,0,1,0
            GlobalAveragePool | 11 | x[2,3,8,7] | GlobalAveragePool x -> y
            GlobalAveragePool 1d | 6 | x[2,3,8] | GlobalAveragePool x -> y
            GlobalAveragePool 3d | 22 | x[2,3,2,4,3] | GlobalAveragePool x -> y
            """);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"convolutions", "transposedConvolutions", "maxima", "means"})
    void bothBackendsComputeWhatOnnxRuntimeDoes(String name, TinyModel model) throws IOException {
        OnnxCase.check(model, folder);
    }
}
