package dev.ondine.io.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.ondine.io.onnx.proto.AttributeProto;
import dev.ondine.io.onnx.proto.AttributeProto.AttributeType;
import dev.ondine.io.onnx.proto.GraphProto;
import dev.ondine.io.onnx.proto.ModelProto;
import dev.ondine.io.onnx.proto.NodeProto;
import dev.ondine.io.onnx.proto.OperatorSetIdProto;
import dev.ondine.io.onnx.proto.StringStringEntryProto;
import dev.ondine.io.onnx.proto.TensorProto;
import dev.ondine.io.onnx.proto.TensorShapeProto;
import dev.ondine.io.onnx.proto.TypeProto;
import dev.ondine.io.onnx.proto.ValueInfoProto;
import dev.ondine.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Puts an ONNX model together: nodes with names of their own, constants that are kept once, attributes by Java's types. */
final class ModelBuilder {
    /** Of the file format: that which goes with {@link OnnxExport#OPSET}. */
    private static final int IR_VERSION = 8;

    private final GraphProto.Builder graph = GraphProto.newBuilder();
    private final Set<String> names = new HashSet<>();
    private final Map<TensorProto, String> constants = new HashMap<>();
    private int values;

    /** A node with one result. */
    String node(String type, String path, List<String> inputs, Map<String, Object> attributes) {
        String output = "v" + values++;
        node(type, path, inputs, List.of(output), attributes);
        return output;
    }

    void node(String type, String path, List<String> inputs, List<String> outputs, Map<String, Object> attributes) {
        NodeProto.Builder node = NodeProto.newBuilder()
                .setOpType(type)
                .setName(unique(path.isEmpty() ? type : path + "." + type))
                .addAllInput(inputs)
                .addAllOutput(outputs);
        attributes.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(a -> node.addAttribute(attribute(a.getKey(), a.getValue())));
        graph.addNode(node);
    }

    /** This name, or one like it if a node or tensor is called so already. */
    private String unique(String name) {
        String free = name;
        for (int i = 1; !names.add(free); i++) free = name + "_" + i;
        return free;
    }

    static AttributeProto attribute(String name, Object value) {
        AttributeProto.Builder a = AttributeProto.newBuilder().setName(name);
        switch (value) {
            case Integer i -> a.setType(AttributeType.INT).setI(i);
            case Long i -> a.setType(AttributeType.INT).setI(i);
            case Float f -> a.setType(AttributeType.FLOAT).setF(f);
            case String s -> a.setType(AttributeType.STRING).setS(ByteString.copyFromUtf8(s));
            case TensorProto t -> a.setType(AttributeType.TENSOR).setT(t);
            case List<?> list
            when !list.isEmpty() && list.getFirst() instanceof Float -> {
                a.setType(AttributeType.FLOATS);
                for (Object f : list) a.addFloats((Float) f);
            }
            case List<?> list -> {
                a.setType(AttributeType.INTS);
                for (Object i : list) a.addInts(((Number) i).longValue());
            }
            default -> throw new IllegalArgumentException("no attribute holds a " + value.getClass());
        }
        return a.build();
    }

    /** A tensor in the file under a name of its own. */
    void initializer(String name, Tensor tensor) {
        names.add(name);
        graph.addInitializer(proto(name, tensor));
    }

    /** The name of a constant float32 tensor. */
    String floats(float[] values, long... dims) {
        return constant(tensor(values, dims));
    }

    /** A float32 tensor of this name, or one like it. */
    String floats(String name, float[] values, long... dims) {
        String free = unique(name);
        graph.addInitializer(tensor(values, dims).toBuilder().setName(free));
        return free;
    }

    /** The name of a constant scalar of float32. */
    String scalar(float value) {
        return floats(new float[] {value});
    }

    private static TensorProto tensor(float[] values, long... dims) {
        ByteBuffer raw = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float v : values) raw.putFloat(v);
        return TensorProto.newBuilder()
                .setDataType(TensorProto.DataType.FLOAT_VALUE)
                .addAllDims(list(dims))
                .setRawData(ByteString.copyFrom(raw.flip()))
                .build();
    }

    /** The name of a constant list of INT64. */
    String longs(long... values) {
        return constant(tensor(values));
    }

    static TensorProto tensor(long... values) {
        ByteBuffer raw = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (long v : values) raw.putLong(v);
        return TensorProto.newBuilder()
                .setDataType(TensorProto.DataType.INT64_VALUE)
                .addDims(values.length)
                .setRawData(ByteString.copyFrom(raw.flip()))
                .build();
    }

    private String constant(TensorProto tensor) {
        return constants.computeIfAbsent(tensor, t -> {
            String name = unique("constant" + constants.size());
            graph.addInitializer(t.toBuilder().setName(name));
            return name;
        });
    }

    /** Gives a value another name wherever it stands. */
    void rename(String from, String to) {
        for (int i = 0; i < graph.getNodeCount(); i++) {
            NodeProto node = graph.getNode(i);
            if (!node.getInputList().contains(from) && !node.getOutputList().contains(from)) continue;
            NodeProto.Builder renamed = node.toBuilder();
            for (int k = 0; k < node.getInputCount(); k++) {
                if (node.getInput(k).equals(from)) renamed.setInput(k, to);
            }
            for (int k = 0; k < node.getOutputCount(); k++) {
                if (node.getOutput(k).equals(from)) renamed.setOutput(k, to);
            }
            graph.setNode(i, renamed);
        }
    }

    /** The tensor as a message over its own memory, which must live until the message has been written. */
    static TensorProto proto(String name, Tensor tensor) {
        return TensorProto.newBuilder()
                .setName(name)
                .setDataType(ElementType.of(tensor.dataType()).number())
                .addAllDims(list(tensor.shape().dims()))
                .setRawData(UnsafeByteOperations.unsafeWrap(tensor.segment().asByteBuffer()))
                .build();
    }

    /**
     * Declares what the graph takes.
     *
     * @param batch the name of the first axis if its extent is left open; else null
     */
    void input(String name, long[] dims, String batch) {
        names.add(name);
        graph.addInput(info(name, dims, batch));
    }

    void output(String name, long[] dims, String batch) {
        graph.addOutput(info(name, dims, batch));
    }

    private static ValueInfoProto info(String name, long[] dims, String batch) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (int i = 0; i < dims.length; i++) {
            TensorShapeProto.Dimension.Builder dim = TensorShapeProto.Dimension.newBuilder();
            shape.addDim(i == 0 && batch != null ? dim.setDimParam(batch) : dim.setDimValue(dims[i]));
        }
        TypeProto.Tensor type = TypeProto.Tensor.newBuilder()
                .setElemType(TensorProto.DataType.FLOAT_VALUE)
                .setShape(shape)
                .build();
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder().setTensorType(type))
                .build();
    }

    ModelProto build(String name, Map<String, String> metadata) {
        ModelProto.Builder model = ModelProto.newBuilder()
                .setIrVersion(IR_VERSION)
                .setProducerName("ondine")
                .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OnnxExport.OPSET))
                .setGraph(graph.setName(name));
        metadata.forEach((k, v) -> model.addMetadataProps(
                StringStringEntryProto.newBuilder().setKey(k).setValue(v)));
        return model.build();
    }

    static List<Long> list(long[] values) {
        List<Long> list = new ArrayList<>(values.length);
        for (long v : values) list.add(v);
        return list;
    }
}
