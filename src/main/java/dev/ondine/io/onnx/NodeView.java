package dev.ondine.io.onnx;

import dev.ondine.io.onnx.proto.AttributeProto;
import dev.ondine.io.onnx.proto.NodeProto;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A node of an ONNX graph with its attributes by name. */
final class NodeView {
    private final NodeProto proto;
    private final Map<String, AttributeProto> attributes = new HashMap<>();

    NodeView(NodeProto proto) {
        this.proto = proto;
        for (AttributeProto a : proto.getAttributeList()) attributes.put(a.getName(), a);
    }

    String type() {
        return proto.getOpType();
    }

    List<String> inputs() {
        return proto.getInputList();
    }

    List<String> outputs() {
        return proto.getOutputList();
    }

    /** Its name, or that of its first output, which most exporters make of the layer's. */
    String name() {
        if (!proto.getName().isEmpty()) return proto.getName();
        return proto.getOutputCount() > 0 ? proto.getOutput(0) : "";
    }

    /** {@code 'layer1.0' (Conv)}, for messages. */
    @Override
    public String toString() {
        String domain = isStandard() ? "" : proto.getDomain() + ".";
        return Quoted.of(name()) + " (" + Quoted.of(domain + type()).replace("'", "") + ")";
    }

    boolean isStandard() {
        return proto.getDomain().isEmpty() || proto.getDomain().equals("ai.onnx");
    }

    boolean has(String name) {
        return attributes.containsKey(name);
    }

    long whole(String name, long missing) {
        AttributeProto a = attributes.get(name);
        return a == null ? missing : a.getI();
    }

    boolean flag(String name) {
        return whole(name, 0) != 0;
    }

    float number(String name, double missing) {
        AttributeProto a = attributes.get(name);
        return a == null ? (float) missing : a.getF();
    }

    String text(String name, String missing) {
        AttributeProto a = attributes.get(name);
        return a == null ? missing : a.getS().toStringUtf8();
    }

    /** A list of whole numbers; null if it is not there. */
    long[] wholes(String name) {
        AttributeProto a = attributes.get(name);
        return a == null ? null : a.getIntsList().stream().mapToLong(i -> i).toArray();
    }

    /** A list of numbers; null if it is not there. */
    float[] numbers(String name) {
        AttributeProto a = attributes.get(name);
        if (a == null) return null;
        float[] values = new float[a.getFloatsCount()];
        for (int i = 0; i < values.length; i++) values[i] = a.getFloats(i);
        return values;
    }

    AttributeProto attribute(String name) {
        return attributes.get(name);
    }
}
