package dev.ondine.nn.models;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The parameters that the script beside the files in {@code resources/models} gives PyTorch's networks, computed again. */
final class PyTorchNumbers {
    private PyTorchNumbers() {}

    /** Element {@code i} of a stream, in [-1, 1): 24 bits of a mixed counter (Wellons' lowbias32). */
    static float number(int i, int stream) {
        int x = i + stream * 0x9E3779B9;
        x ^= x >>> 16;
        x *= 0x7FEB352D;
        x ^= x >>> 15;
        x *= 0x846CA68B;
        x ^= x >>> 16;
        return (x >>> 8) * 0x1p-23f - 1;
    }

    static void fill(MemorySegment floats, int stream) {
        long count = floats.byteSize() / Float.BYTES;
        for (int i = 0; i < count; i++) floats.setAtIndex(JAVA_FLOAT, i, number(i, stream));
    }

    /** The k-th entry of the state draws stream k + 1. */
    static void fill(Parameters parameters) {
        List<ParameterSpec> specs = parameters.specs();
        for (int k = 0; k < specs.size(); k++) {
            ParameterSpec spec = specs.get(k);
            if (spec.dataType() != DataType.FLOAT32) continue;
            MemorySegment floats = parameters.get(spec.name()).segment();
            Shape s = spec.shape();
            double center = 0;
            double scale = 0.25;
            if (s.rank() > 2) {
                scale = Math.sqrt(6.0 / (s.dim(0) * s.elements(2, s.rank())));
            } else if (s.rank() == 2) {
                scale = Math.sqrt(3.0 / s.dim(1));
            } else if (spec.name().endsWith("weight") || spec.name().endsWith("running_var")) {
                center = 1;
            }
            for (int i = 0; i < s.elements(); i++) {
                floats.setAtIndex(JAVA_FLOAT, i, (float) (center + scale * number(i, k + 1)));
            }
        }
        parameters.touch();
    }
}
