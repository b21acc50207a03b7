package dev.ondine.io.onnx;

import com.google.protobuf.CodedOutputStream;
import dev.ondine.graph.Fold;
import dev.ondine.graph.Graph;
import dev.ondine.io.AtomicFile;
import dev.ondine.io.onnx.proto.GraphProto;
import dev.ondine.io.onnx.proto.ModelProto;
import dev.ondine.io.onnx.proto.StringStringEntryProto;
import dev.ondine.io.onnx.proto.TensorProto;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes models as ONNX files, as they run in evaluation: with the running statistics, without dropout. The input is called
 * {@value Model#INPUT}, the output {@value Model#OUTPUT}; parameters have the model's names.
 */
public final class OnnxExport {
    /** The version of ONNX's operators that files are written for; any runtime since 2023 has it. */
    public static final int OPSET = 18;

    /** Messages of protocol buffers end at 2 GB; parameters that would take the file there get a file of their own. */
    private static final long LARGEST = Integer.MAX_VALUE - (64 << 20);

    /** In a file of parameters each begins at a multiple of this many bytes, so that it can be mapped. */
    private static final int ALIGNMENT = 4096;

    /**
     * How a model is written.
     *
     * @param batch samples that the network takes at a time; 0 leaves it open
     * @param fold whether batch normalization is folded into the convolution or linear layer before it; else it is kept
     * @param metadata what else to keep in the file, as text
     */
    public record Options(long batch, boolean fold, Map<String, String> metadata) {
        /** Any batch, batch normalization kept. */
        public static final Options DEFAULT = new Options(0, false, Map.of());

        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Options {
            if (batch < 0) throw new IllegalArgumentException("a batch has at least one sample, not " + batch);
            metadata = Map.copyOf(metadata);
        }
    }

    private OnnxExport() {}

    /**
     * Writes a model. Parameters of 2 GB and more go to a second file beside, called as {@code file} with {@code .data} behind.
     *
     * @throws dev.ondine.graph.ModelException naming the layer, if ONNX has nothing for one of its operations, or if the batch is to be
     *     left open and the network only works for a given one
     * @throws IOException naming the file, if it cannot be written; what was there before is still there
     */
    public static void write(Path file, Model model, Options options) throws IOException {
        write(file, model, options, LARGEST);
    }

    /** @param largest the bytes of parameters from which on they get a file of their own */
    static void write(Path file, Model model, Options options, long largest) throws IOException {
        ModelProto proto = model(model, options);
        long bytes = proto.getGraph().getInitializerList().stream()
                .mapToLong(t -> t.getRawData().size())
                .sum();
        if (bytes >= largest) proto = withExternalData(file, proto);
        ModelProto whole = proto;
        AtomicFile.write(file, channel -> {
            // Not closed: the channel is the caller's.
            OutputStream stream = Channels.newOutputStream(channel);
            CodedOutputStream out = CodedOutputStream.newInstance(stream, 1 << 16);
            whole.writeTo(out);
            out.flush();
        });
    }

    private static ModelProto model(Model model, Options options) {
        Graph graph = graph(model, options, options.batch() > 0 ? options.batch() : 5);
        // What differs for another batch depends on it.
        Graph other = options.batch() > 0 ? graph : graph(model, options, 7);
        return new GraphExport(graph, other, name -> model.parameters().get(name), momenta(model))
                .build(options.metadata());
    }

    /** The weight of the new value in each running average by the path of its layer; NaN for the plain average of all batches. */
    private static Map<String, Float> momenta(Model model) {
        Map<String, Float> momenta = new HashMap<>();
        // Two samples, so that there is something to average over whatever the shape.
        for (Graph.Statistic s : Model.graph(model.network(), model.sampleShape(), Mode.TRAINING, 2)
                .statistics()) {
            momenta.put(s.path(), s.momentum());
        }
        return momenta;
    }

    private static Graph graph(Model model, Options options, long batch) {
        Graph graph = Model.graph(model.network(), model.sampleShape(), Mode.EVALUATION, batch);
        return options.fold() ? Fold.apply(graph) : graph;
    }

    /** Moves the contents of all tensors but the smallest to a file beside. */
    private static ModelProto withExternalData(Path file, ModelProto proto) throws IOException {
        Path data = file.resolveSibling(file.getFileName() + ".data");
        GraphProto.Builder graph = proto.getGraph().toBuilder().clearInitializer();
        List<TensorProto> moved = new ArrayList<>();
        long offset = 0;
        for (TensorProto t : proto.getGraph().getInitializerList()) {
            long size = t.getRawData().size();
            if (size < ALIGNMENT) {
                graph.addInitializer(t);
                continue;
            }
            moved.add(t);
            graph.addInitializer(t.toBuilder()
                    .clearRawData()
                    .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                    .addExternalData(entry("location", data.getFileName().toString()))
                    .addExternalData(entry("offset", Long.toString(offset)))
                    .addExternalData(entry("length", Long.toString(size))));
            offset = Math.ceilDiv(offset + size, ALIGNMENT) * ALIGNMENT;
        }
        AtomicFile.write(data, channel -> writeData(channel, moved));
        return proto.toBuilder().setGraph(graph).build();
    }

    private static void writeData(FileChannel channel, List<TensorProto> tensors) throws IOException {
        for (TensorProto t : tensors) {
            for (ByteBuffer part : t.getRawData().asReadOnlyByteBufferList()) {
                while (part.hasRemaining()) channel.write(part);
            }
            // A gap of zeros.
            channel.position(Math.ceilDiv(channel.position(), ALIGNMENT) * ALIGNMENT);
        }
    }

    private static StringStringEntryProto entry(String key, String value) {
        return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
    }
}
