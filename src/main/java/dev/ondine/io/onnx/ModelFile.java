package dev.ondine.io.onnx;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.ondine.io.onnx.proto.GraphProto;
import dev.ondine.io.onnx.proto.ModelProto;
import dev.ondine.io.onnx.proto.NodeProto;
import dev.ondine.io.onnx.proto.OperatorSetIdProto;
import dev.ondine.io.onnx.proto.StringStringEntryProto;
import dev.ondine.io.onnx.proto.TensorShapeProto;
import dev.ondine.io.onnx.proto.TypeProto;
import dev.ondine.io.onnx.proto.ValueInfoProto;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An ONNX file, mapped: its nodes and what it says of inputs and outputs as messages, its tensors where they are. Nothing that it says
 * has been checked but that it is well-formed.
 *
 * @param opset the version of ONNX's operators
 */
record ModelFile(
        Path path,
        int opset,
        List<NodeProto> nodes,
        Map<String, Constant> initializers,
        List<Port> inputs,
        List<Port> outputs,
        Map<String, String> metadata) {
    private static final int GRAPH = 7;
    private static final int INITIALIZER = 5;
    private static final int SPARSE_INITIALIZER = 15;

    /**
     * What goes into a network or comes out.
     *
     * @param dims the extent of each axis, -1 where it is open; null if the file does not say
     */
    record Port(String name, ElementType type, long[] dims) {}

    /**
     * @param arena in whose life the file is mapped
     * @throws OnnxException if it is not an ONNX file that can be read
     */
    static ModelFile read(Path path, Arena arena) throws IOException {
        if (!Files.exists(path)) throw new NoSuchFileException(path.toString(), null, "there is no such file");
        if (!Files.isRegularFile(path)) {
            // Opening a pipe would wait for somebody to write to it.
            throw new FileSystemException(path.toString(), null, "is a folder or a device, not an ONNX file");
        }
        MemorySegment file;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            if (channel.size() == 0) throw new OnnxException(path + ": not an ONNX file: it is empty");
            file = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
        }
        Budget budget = new Budget(path);
        return read(path, file, budget, new TensorReader(path, arena, budget));
    }

    /**
     * The {@link NetworkStructure} in a checkpoint.
     *
     * @throws OnnxException if it is damaged
     */
    static ModelFile readStructure(Path checkpoint, MemorySegment structure) throws IOException {
        Budget budget = new Budget(checkpoint);
        return read(checkpoint, structure, budget, new TensorReader(checkpoint, null, budget, true));
    }

    private static ModelFile read(Path path, MemorySegment file, Budget budget, TensorReader tensors)
            throws IOException {
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        ByteArrayOutputStream graph = new ByteArrayOutputStream();
        Map<String, Constant> initializers = new LinkedHashMap<>();
        boolean found = false;
        WireReader fields = new WireReader(path + ": the model", file);
        while (fields.next()) {
            if (fields.field() != GRAPH || fields.type() != WireReader.BYTES) {
                keep(fields, model, budget);
                continue;
            }
            found = true;
            WireReader parts = new WireReader(path + ": the graph", fields.contents());
            while (parts.next()) {
                if (parts.field() == INITIALIZER && parts.type() == WireReader.BYTES) {
                    Constant c = tensors.read(parts.contents());
                    if (c.name().isEmpty()) throw new OnnxException(path + ": an initializer has no name");
                    budget.take(64);
                    if (initializers.put(c.name(), c) != null) {
                        throw new OnnxException(path + ": two initializers are called " + Quoted.of(c.name()));
                    }
                } else if (parts.field() == SPARSE_INITIALIZER) {
                    throw new OnnxException(path + ": sparse initializers are not read");
                } else {
                    keep(parts, graph, budget);
                }
            }
        }
        if (!found) throw new OnnxException(path + ": not an ONNX file: it holds no graph");
        try {
            return of(
                    path,
                    ModelProto.parseFrom(model.toByteArray()),
                    GraphProto.parseFrom(graph.toByteArray()),
                    initializers);
        } catch (InvalidProtocolBufferException e) {
            throw new OnnxException(path + ": damaged or not an ONNX file: " + e.getMessage(), e);
        }
    }

    private static void keep(WireReader fields, ByteArrayOutputStream into, Budget budget) throws OnnxException {
        budget.take(fields.whole().byteSize());
        into.writeBytes(fields.whole().toArray(JAVA_BYTE));
    }

    private static ModelFile of(Path path, ModelProto model, GraphProto graph, Map<String, Constant> initializers)
            throws OnnxException {
        long opset = 0;
        for (OperatorSetIdProto set : model.getOpsetImportList()) {
            if (set.getDomain().isEmpty() || set.getDomain().equals("ai.onnx")) opset = set.getVersion();
        }
        if (opset < 6 || opset > 1000) {
            throw new OnnxException(path + ": made for version " + opset
                    + " of ONNX's operators; versions from 6 on are read: convert it with onnx.version_converter");
        }
        List<Port> inputs = new ArrayList<>();
        // Until 2019 initializers had to be inputs, too.
        for (ValueInfoProto v : graph.getInputList()) {
            if (!initializers.containsKey(v.getName())) inputs.add(port(path, v));
        }
        List<Port> outputs = new ArrayList<>();
        for (ValueInfoProto v : graph.getOutputList()) outputs.add(port(path, v));
        if (outputs.isEmpty()) throw new OnnxException(path + ": the graph has no outputs");
        Map<String, String> metadata = new LinkedHashMap<>();
        for (StringStringEntryProto e : model.getMetadataPropsList()) metadata.put(e.getKey(), e.getValue());
        return new ModelFile(path, (int) opset, graph.getNodeList(), initializers, inputs, outputs, metadata);
    }

    private static Port port(Path path, ValueInfoProto v) throws OnnxException {
        TypeProto.Tensor type = v.getType().getTensorType();
        if (v.getType().hasSequenceType()
                || v.getType().hasMapType()
                || v.getType().hasOptionalType()) {
            throw new OnnxException(path + ": " + Quoted.of(v.getName()) + " is no tensor; only tensors are read");
        }
        ElementType element = ElementType.numbered(type.getElemType()).orElse(ElementType.FLOAT);
        if (!type.hasShape()) return new Port(v.getName(), element, null);
        long[] dims = new long[type.getShape().getDimCount()];
        for (int i = 0; i < dims.length; i++) {
            TensorShapeProto.Dimension d = type.getShape().getDim(i);
            dims[i] = d.hasDimValue() && d.getDimValue() > 0 ? d.getDimValue() : -1;
        }
        return new Port(v.getName(), element, dims);
    }
}
