package dev.ondine.io.onnx;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What the standard has and ONNX Runtime refuses, old versions mostly, against another form of the same that it takes. */
class OnnxOldFormsTest {
    @TempDir
    Path folder;

    static Stream<Arguments> forms() {
        Stream<String> aligned = Stream.of("Add", "Sub", "Mul", "Div", "Pow").map(type -> """
            %s at an axis | 6 | x[+2,3,4,5] b(+3) | %s x b -> y broadcast=1 axis=1 \
            => %s | 13 | x[+2,3,4,5] b(+3,1,1) | %s x b -> y\
            """.replace("%s", type));
        Stream<String> others = """
            AveragePool | 6 | x[2,3,8,7] | AveragePool x -> y kernel_shape=3,2 pads=1,0,1,1 => AveragePool | 7 | x[2,3,8,7] | AveragePool x -> y kernel_shape=3,2 pads=1,0,1,1
            BatchNormalization | 6 | x[2,4,3] s(4) b(4) m(4) v(+4) | BatchNormalization x s b m v -> y is_test=1 => BatchNormalization | 7 | x[2,4,3] s(4) b(4) m(4) v(+4) | BatchNormalization x s b m v -> y
            Conv SAME_UPPER with gaps | 11 | x[1,2,9,8] w(3,2,3,2) | Conv x w -> y auto_pad=SAME_UPPER dilations=2,3 => Conv | 11 | x[1,2,9,8] w(3,2,3,2) | Conv x w -> y pads=2,1,2,2 dilations=2,3
            Dropout | 6 | x[2,3] | Dropout x -> y is_test=1 ratio=0.4 => Dropout | 7 | x[2,3] | Dropout x -> y ratio=0.4
            Gemm | 6 | x[3,4] w(4,5) b(5) | Gemm x w b -> y broadcast=1 => Gemm | 7 | x[3,4] w(4,5) b(5) | Gemm x w b -> y
            LRN 1d | 13 | x[2,7,3] | LRN x -> y size=3 alpha=0.5 => LRN | 13 | x[2,7,3] a={3} b={-1} | Unsqueeze x a -> u & LRN u -> l size=3 alpha=0.5 & Squeeze l b -> y
            PRelu | 6 | x[2,3,4] s(1) | PRelu x s -> y => PRelu | 7 | x[2,3,4] s(1) | PRelu x s -> y
            ReduceMean of nothing | 18 | x[2,3,4] | ReduceMean x -> y noop_with_empty_axes=1 => Identity | 18 | x[2,3,4] | Identity x -> y
            ReduceSum of nothing | 13 | x[2,3,4] | ReduceSum x -> y noop_with_empty_axes=1 => Identity | 13 | x[2,3,4] | Identity x -> y
            """.lines();
        return Stream.concat(aligned, others).map(line -> {
            String[] sides = line.split("=>");
            return Arguments.of(sides[0].split("\\|")[0].trim(), OnnxCase.of(sides[0]), OnnxCase.of(sides[1]));
        });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("forms")
    void isWhatTheOtherFormIs(String name, TinyModel model, TinyModel same) throws IOException {
        Map<String, Object> data = model.data();
        OnnxRuntime.Values expected =
                OnnxRuntime.run(same.write(folder), data, same.dims()).get("y");
        OnnxCase.check(model, expected, data, folder);
    }
}
