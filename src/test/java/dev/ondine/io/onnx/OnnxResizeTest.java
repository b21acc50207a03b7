package dev.ondine.io.onnx;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Resize and Upsample from ONNX files, in their forms and versions, against ONNX Runtime. */
class OnnxResizeTest {
    @TempDir
    Path folder;

    static Stream<Arguments> modes() {
        StringBuilder lines = new StringBuilder();
        for (String mode : new String[] {"nearest", "linear", "cubic"}) {
            for (String place : new String[] {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"}) {
                lines.append("%s %s | 13 | x[1,2,5,4] s={1,2,8,7} | Resize x - - s -> y mode=%s"
                                .formatted(mode, place, mode))
                        .append(" coordinate_transformation_mode=" + place + "\n");
            }
        }
        for (String rounding : new String[] {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
            lines.append("%s | 13 | x[1,2,5,4] s={1,2,10,6} | Resize x - - s -> y nearest_mode=%s\n"
                    .formatted(rounding, rounding));
        }
        return OnnxCase.all(lines.toString());
    }

    static Stream<Arguments> forms() {
        return OnnxCase.all("""
            Upsample | 9 | x[1,2,3,4] s={1.0,1.0,2.0,3.0} | Upsample x s -> y
            Upsample of old | 7 | x[1,2,3,4] | Upsample x -> y mode=linear scales=1.0,1.0,2.0,2.0
            Upsample 1d | 9 | x[1,2,5] s={1.0,1.0,3.0} | Upsample x s -> y
            Upsample 3d | 9 | x[1,2,2,3,4] s={1.0,1.0,2.0,1.0,3.0} | Upsample x s -> y
            Resize, scales only | 10 | x[1,2,3,4] s={1.0,1.0,2.0,2.0} | Resize x s -> y
            Resize, scales only, linear, down | 10 | x[1,2,6,8] s={1.0,1.0,0.5,0.5} | Resize x s -> y mode=linear
            Resize with a region | 11 | x[1,2,7,9] r={} s={1.0,1.0,2.0,1.5} | Resize x r s -> y mode=linear
            Resize by scales, down | 13 | x[1,2,7,9] r={} s={1.0,1.0,0.6,0.5} | Resize x r s -> y mode=linear coordinate_transformation_mode=pytorch_half_pixel
            Resize of some axes | 18 | x[1,2,3,4] s={6,6} | Resize x - - s -> y axes=2,3 nearest_mode=floor coordinate_transformation_mode=asymmetric
            Resize symmetric | 19 | x[1,2,5,4] s={1.0,1.0,1.7,2.3} | Resize x - s -> y mode=linear coordinate_transformation_mode=half_pixel_symmetric
            Resize cubic inside | 13 | x[1,2,5,4] s={1,2,9,8} | Resize x - - s -> y mode=cubic exclude_outside=1 cubic_coeff_a=-0.5
            Resize 1d | 13 | x[1,2,5] s={1,2,9} | Resize x - - s -> y mode=linear
            Resize 3d | 13 | x[1,2,3,4,5] s={1,2,6,5,10} | Resize x - - s -> y mode=linear
            Resize 3d nearest | 19 | x[1,2,3,4,5] s={1,2,6,5,10} | Resize x - - s -> y
            """);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"modes", "forms"})
    void bothBackendsComputeWhatOnnxRuntimeDoes(String name, TinyModel model) throws IOException {
        OnnxCase.check(model, folder);
    }
}
