package dev.ondine.io.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** Runs models in ONNX Runtime: the judge of ours. */
final class OnnxRuntime {
    private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

    private OnnxRuntime() {}

    /** A tensor's shape and values, whatever library holds it. */
    record Values(Shape shape, float[] values) {
        static Values of(Tensor tensor) {
            return new Values(tensor.shape(), tensor.toFloatArray());
        }
    }

    /** The float32 outputs for inputs of float32 (float[]) or INT64 (long[]) with their dims. */
    static Map<String, Values> run(byte[] model, Map<String, Object> inputs, Map<String, long[]> dims) {
        try (OrtSession.SessionOptions options = options();
                OrtSession session = ENVIRONMENT.createSession(model, options)) {
            return run(session, inputs, dims);
        } catch (OrtException e) {
            throw new AssertionError("ONNX Runtime refuses it: " + e.getMessage(), e);
        }
    }

    /** As {@link #run(byte[], Map, Map)}, from a file, which may have external data. */
    static Map<String, Values> run(java.nio.file.Path model, Map<String, Object> inputs, Map<String, long[]> dims) {
        try (OrtSession.SessionOptions options = options();
                OrtSession session = ENVIRONMENT.createSession(model.toString(), options)) {
            return run(session, inputs, dims);
        } catch (OrtException e) {
            throw new AssertionError("ONNX Runtime refuses it: " + e.getMessage(), e);
        }
    }

    private static OrtSession.SessionOptions options() throws OrtException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(1);
        options.setSessionLogLevel(ai.onnxruntime.OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
        return options;
    }

    private static Map<String, Values> run(OrtSession session, Map<String, Object> inputs, Map<String, long[]> dims)
            throws OrtException {
        Map<String, OnnxTensor> tensors = new LinkedHashMap<>();
        try {
            for (var input : inputs.entrySet()) {
                long[] shape = dims.get(input.getKey());
                tensors.put(
                        input.getKey(),
                        switch (input.getValue()) {
                            case float[] f -> OnnxTensor.createTensor(ENVIRONMENT, FloatBuffer.wrap(f), shape);
                            case long[] l -> OnnxTensor.createTensor(ENVIRONMENT, LongBuffer.wrap(l), shape);
                            default -> throw new IllegalArgumentException("no input is a " + input.getValue());
                        });
            }
            Map<String, Values> outputs = new LinkedHashMap<>();
            try (OrtSession.Result result = session.run(tensors)) {
                result.forEach(entry -> {
                    OnnxTensor t = (OnnxTensor) entry.getValue();
                    FloatBuffer buffer = t.getFloatBuffer();
                    float[] values = new float[buffer.remaining()];
                    buffer.get(values);
                    outputs.put(entry.getKey(), new Values(Shape.of(t.getInfo().getShape()), values));
                });
            }
            return outputs;
        } finally {
            tensors.values().forEach(OnnxTensor::close);
        }
    }
}
