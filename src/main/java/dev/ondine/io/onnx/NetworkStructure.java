package dev.ondine.io.onnx;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import com.google.protobuf.ByteString;
import dev.ondine.io.onnx.proto.GraphProto;
import dev.ondine.io.onnx.proto.ModelProto;
import dev.ondine.io.onnx.proto.OperatorSetIdProto;
import dev.ondine.io.onnx.proto.StringStringEntryProto;
import dev.ondine.io.onnx.proto.TensorProto;
import dev.ondine.io.onnx.proto.TensorShapeProto;
import dev.ondine.io.onnx.proto.TypeProto;
import dev.ondine.io.onnx.proto.ValueInfoProto;
import java.util.Set;

/**
 * An ONNX file without the elements of its larger floating-point tensors, for a checkpoint that holds these as parameters. Where
 * they would be stands {@link #ELSEWHERE}, in the way of external data.
 */
final class NetworkStructure {
    /** What external data are called whose place is the checkpoint. */
    static final String ELSEWHERE = "ondine.checkpoint";

    /** Bytes up to which a tensor is kept: what is no parameter, limits and factors, is as small as that. */
    private static final int SMALL = 256;

    private NetworkStructure() {}

    /** @param kept names of tensors that are to be whole */
    static ModelProto of(ModelFile file, Set<String> kept) {
        GraphProto.Builder graph = GraphProto.newBuilder().setName("structure").addAllNode(file.nodes());
        for (Constant c : file.initializers().values()) graph.addInitializer(initializer(c, kept.contains(c.name())));
        for (ModelFile.Port port : file.inputs()) graph.addInput(info(port));
        for (ModelFile.Port port : file.outputs()) graph.addOutput(info(port));
        return ModelProto.newBuilder()
                .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(file.opset()))
                .setGraph(graph)
                .build();
    }

    private static TensorProto initializer(Constant c, boolean kept) {
        TensorProto.Builder t = TensorProto.newBuilder()
                .setName(c.name())
                .setDataType(c.type().number())
                .addAllDims(ModelBuilder.list(c.dims()));
        boolean whole = !c.isAbsent() && (kept || !c.isFloat() || c.raw().byteSize() <= SMALL);
        return whole
                ? t.setRawData(ByteString.copyFrom(c.raw().toArray(JAVA_BYTE))).build()
                : t.setDataLocation(TensorProto.DataLocation.EXTERNAL)
                        .addExternalData(StringStringEntryProto.newBuilder()
                                .setKey("location")
                                .setValue(ELSEWHERE))
                        .build();
    }

    private static ValueInfoProto info(ModelFile.Port port) {
        TypeProto.Tensor.Builder type =
                TypeProto.Tensor.newBuilder().setElemType(port.type().number());
        if (port.dims() != null) {
            TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
            for (long d : port.dims()) {
                TensorShapeProto.Dimension.Builder dim = TensorShapeProto.Dimension.newBuilder();
                shape.addDim(d < 0 ? dim : dim.setDimValue(d));
            }
            type.setShape(shape);
        }
        return ValueInfoProto.newBuilder()
                .setName(port.name())
                .setType(TypeProto.newBuilder().setTensorType(type))
                .build();
    }
}
