package dev.ondine.io.onnx;

import dev.ondine.io.AtomicFile;
import dev.ondine.io.onnx.proto.TensorProto;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Files of one tensor in ONNX's format (.pb), as its test data are kept. */
public final class OnnxTensorFile {
    private OnnxTensorFile() {}

    /** A tensor, and the name that the file gives it; empty if none. The caller closes the tensor. */
    public record Named(String name, Tensor tensor) {}

    /** @throws IOException naming the file, if it is damaged or holds what is not supported */
    public static Named read(Path path) throws IOException {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new FileSystemException(path.toString(), null, "is a folder or a device, not a tensor file");
        }
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            if (channel.size() == 0) throw new OnnxException(path + ": not a tensor file: it is empty");
            MemorySegment file = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
            Constant c = new TensorReader(path, arena, new Budget(path)).read(file);
            DataType type = c.type()
                    .dataType()
                    .orElseThrow(() -> new OnnxException(path + ": elements of type " + c.type() + " are not read"));
            if (c.elements() == 0) throw new OnnxException(path + ": the tensor has no elements");
            Tensor tensor = Tensor.allocate(type, c.shape());
            tensor.segment().copyFrom(c.raw());
            return new Named(c.name(), tensor);
        }
    }

    /** Writes a tensor, beside its place first. */
    public static void write(Path path, String name, Tensor tensor) throws IOException {
        TensorProto proto = ModelBuilder.proto(name, tensor);
        AtomicFile.write(path, channel -> {
            ByteBuffer bytes = ByteBuffer.wrap(proto.toByteArray());
            while (bytes.hasRemaining()) channel.write(bytes);
        });
    }
}
