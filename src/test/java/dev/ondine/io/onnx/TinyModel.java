package dev.ondine.io.onnx;

import dev.ondine.backend.Backends;
import dev.ondine.backend.FrozenWeights;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.io.onnx.proto.GraphProto;
import dev.ondine.io.onnx.proto.ModelProto;
import dev.ondine.io.onnx.proto.NodeProto;
import dev.ondine.io.onnx.proto.OperatorSetIdProto;
import dev.ondine.io.onnx.proto.TensorProto;
import dev.ondine.io.onnx.proto.TensorShapeProto;
import dev.ondine.io.onnx.proto.TypeProto;
import dev.ondine.io.onnx.proto.ValueInfoProto;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/** A model of a few nodes, made message by message: inputs of random numbers, the last node's first result is the output y. */
final class TinyModel {
    private final int opset;
    private final GraphProto.Builder graph = GraphProto.newBuilder().setName("tiny");
    private final Map<String, Shape> inputs = new LinkedHashMap<>();
    /** Inputs of positive numbers, and below what those of whole numbers stay. */
    private final Set<String> positives = new HashSet<>();

    private final Map<String, Integer> wholes = new HashMap<>();
    private final SplittableRandom random = new SplittableRandom(7);
    private boolean positive;
    private boolean declares = true;

    TinyModel(int opset) {
        this.opset = opset;
    }

    /** All random numbers from here on are positive. */
    TinyModel positive() {
        positive = true;
        return this;
    }

    TinyModel input(String name, long... dims) {
        inputs.put(name, Shape.of(dims));
        graph.addInput(info(name, TensorProto.DataType.FLOAT_VALUE, dims));
        return this;
    }

    /** An input of positive numbers. */
    TinyModel positive(String name, long... dims) {
        positives.add(name);
        return input(name, dims);
    }

    /** An input of whole numbers from 0 on. */
    TinyModel wholes(String name, int below, long... dims) {
        wholes.put(name, below);
        inputs.put(name, Shape.of(dims));
        graph.addInput(info(name, TensorProto.DataType.INT64_VALUE, dims));
        return this;
    }

    private static ValueInfoProto info(String name, int type, long... dims) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (long d : dims) shape.addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(d));
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(
                                TypeProto.Tensor.newBuilder().setElemType(type).setShape(shape)))
                .build();
    }

    /** A weight of random numbers. */
    TinyModel weight(String name, long... dims) {
        return floats(name, numbers(Shape.of(dims), positive), dims);
    }

    TinyModel positiveWeight(String name, long... dims) {
        return floats(name, numbers(Shape.of(dims), true), dims);
    }

    TinyModel floats(String name, float[] values, long... dims) {
        TensorProto.Builder t = TensorProto.newBuilder().setName(name).setDataType(1);
        for (long d : dims) t.addDims(d);
        for (float v : values) t.addFloatData(v);
        graph.addInitializer(t);
        return this;
    }

    TinyModel longs(String name, long... values) {
        graph.addInitializer(ModelBuilder.tensor(values).toBuilder().setName(name));
        return this;
    }

    TinyModel scalar(String name, long value) {
        graph.addInitializer(
                ModelBuilder.tensor(value).toBuilder().setName(name).clearDims());
        return this;
    }

    TinyModel tensor(TensorProto tensor) {
        graph.addInitializer(tensor);
        return this;
    }

    /** @param names inputs separated by blanks, an arrow, outputs: {@code x w -> y}; a dash is an operand left out */
    TinyModel node(String type, String names, Object... attributes) {
        String[] sides = names.split("->");
        NodeProto.Builder node =
                NodeProto.newBuilder().setOpType(type).setName("the " + type + " " + graph.getNodeCount());
        for (String in : sides[0].trim().split(" ")) {
            if (!in.isEmpty()) node.addInput(in.equals("-") ? "" : in);
        }
        for (String out : sides[1].trim().split(" ")) node.addOutput(out);
        for (int i = 0; i < attributes.length; i += 2) {
            node.addAttribute(ModelBuilder.attribute((String) attributes[i], attributes[i + 1]));
        }
        graph.addNode(node);
        return this;
    }

    /** Another output than y. */
    TinyModel output(String name) {
        declares = false;
        graph.addOutput(ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder().setElemType(1))));
        return this;
    }

    ModelProto proto() {
        GraphProto.Builder g = graph.clone();
        if (declares) {
            g.addOutput(ValueInfoProto.newBuilder()
                    .setName("y")
                    .setType(TypeProto.newBuilder()
                            .setTensorType(TypeProto.Tensor.newBuilder().setElemType(1))));
        }
        return ModelProto.newBuilder()
                .setIrVersion(opset < 9 ? 4 : 8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(opset))
                .setGraph(g)
                .build();
    }

    private float[] numbers(Shape shape, boolean above) {
        float[] values = new float[(int) shape.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (above ? 0.5 + random.nextDouble() : random.nextGaussian());
        }
        return values;
    }

    /** What the inputs hold: float[], or long[] for whole numbers. */
    Map<String, Object> data() {
        Map<String, Object> data = new LinkedHashMap<>();
        inputs.forEach((name, shape) -> data.put(
                name,
                wholes.containsKey(name)
                        ? random.longs(shape.elements(), 0, wholes.get(name)).toArray()
                        : numbers(shape, positive || positives.contains(name))));
        return data;
    }

    Map<String, long[]> dims() {
        Map<String, long[]> dims = new LinkedHashMap<>();
        inputs.forEach((name, shape) -> dims.put(name, shape.dims()));
        return dims;
    }

    Path write(Path folder) throws IOException {
        return Files.write(folder.resolve("tiny.onnx"), proto().toByteArray());
    }

    /** Computes the outputs here. */
    Map<String, OnnxRuntime.Values> run(Path file, String backend, Map<String, Object> data) throws IOException {
        try (OnnxNetwork network = OnnxNetwork.open(file)) {
            OnnxNetwork.Built built = network.graph(inputs);
            try (FrozenWeights weights = new FrozenWeights(built.tensors()::get);
                    Plan plan = Backends.named(backend)
                            .compile(built.graph(), PlanOptions.threads(1).frozen(weights))) {
                data.forEach((name, values) -> {
                    if (values instanceof long[] whole) {
                        for (int i = 0; i < whole.length; i++) plan.input(name).setFloatAt(i, (float) whole[i]);
                    } else {
                        plan.input(name).copyFrom((float[]) values);
                    }
                });
                plan.run(0);
                Map<String, OnnxRuntime.Values> results = new LinkedHashMap<>();
                for (String name : network.outputs()) results.put(name, OnnxRuntime.Values.of(plan.output(name)));
                return results;
            }
        }
    }

    static List<Integer> ints(int... values) {
        return new ArrayList<>(Arrays.stream(values).boxed().toList());
    }
}
