package dev.ondine.io.onnx;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.ondine.io.onnx.proto.StringStringEntryProto;
import dev.ondine.io.onnx.proto.TensorProto;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads tensors of ONNX files: raw data and external data stay where they are, mapped; anything else is converted to raw data. */
final class TensorReader {
    private static final int FLOAT_DATA = 4;
    private static final int RAW_DATA = 9;

    /** The most axes of a tensor: PyTorch's limit, and far beyond oneDNN's. */
    private static final int MAX_RANK = 64;

    private final Path file;
    private final Arena arena;
    private final Budget budget;
    private final boolean structure;
    private final Map<String, MemorySegment> externals = new HashMap<>();

    /** @param arena of the mapped files */
    TensorReader(Path file, Arena arena, Budget budget) {
        this(file, arena, budget, false);
    }

    /** @param structure whether this is a {@link NetworkStructure}, whose external data are not read */
    TensorReader(Path file, Arena arena, Budget budget, boolean structure) {
        this.file = file;
        this.arena = arena;
        this.budget = budget;
        this.structure = structure;
    }

    /** A tensor from its encoded message. */
    Constant read(MemorySegment message) throws IOException {
        WireReader fields = new WireReader(file + ": a tensor", message);
        ByteArrayOutputStream rest = new ByteArrayOutputStream();
        MemorySegment raw = null;
        MemorySegment floats = null;
        while (fields.next()) {
            if (fields.type() == WireReader.BYTES && fields.field() == RAW_DATA && raw == null) {
                raw = fields.contents();
            } else if (fields.type() == WireReader.BYTES && fields.field() == FLOAT_DATA && floats == null) {
                // Packed, they are what raw data are.
                floats = fields.contents();
            } else {
                budget.take(fields.whole().byteSize());
                rest.writeBytes(fields.whole().toArray(JAVA_BYTE));
            }
        }
        try {
            TensorProto proto = TensorProto.parseFrom(rest.toByteArray());
            if (floats != null && proto.getFloatDataCount() > 0) {
                throw new OnnxException(file + ": tensor " + Quoted.of(proto.getName()) + " gives its data in pieces");
            }
            return read(proto, raw != null ? raw : floats);
        } catch (InvalidProtocolBufferException e) {
            throw new OnnxException(file + ": a tensor is damaged: " + e.getMessage(), e);
        }
    }

    /** A tensor that stands in a node. */
    Constant read(TensorProto proto) throws IOException {
        return read(
                proto,
                proto.hasRawData() ? MemorySegment.ofArray(proto.getRawData().toByteArray()) : null);
    }

    private Constant read(TensorProto proto, MemorySegment raw) throws IOException {
        String what = file + ": tensor " + Quoted.of(proto.getName());
        ElementType type = ElementType.numbered(proto.getDataType())
                .filter(t -> t.isFloat() || t.isWhole())
                .orElseThrow(() -> new OnnxException(
                        what + " has elements of type " + typeName(proto.getDataType()) + ", which are not read"));
        if (proto.getDimsCount() > MAX_RANK) throw new OnnxException(what + " has " + proto.getDimsCount() + " axes");
        long[] dims = proto.getDimsList().stream().mapToLong(d -> d).toArray();
        long bytes = bytes(what, type, dims);
        if (proto.hasSegment()) throw new OnnxException(what + " is one of several segments, which are not read");
        if (proto.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
            if (structure && type.isFloat() && isElsewhere(proto)) return Constant.absent(proto.getName(), type, dims);
            return new Constant(proto.getName(), type, dims, external(what, proto, bytes), false);
        }
        MemorySegment data = raw != null ? raw : typed(what, type, proto, bytes);
        if (data.byteSize() != bytes) {
            throw new OnnxException(what + " of " + type + " " + proto.getDimsList() + " takes " + bytes
                    + " bytes, and the file has " + data.byteSize());
        }
        return new Constant(proto.getName(), type, dims, data, false);
    }

    private static boolean isElsewhere(TensorProto proto) {
        return proto.getExternalDataCount() == 1
                && proto.getExternalData(0).getValue().equals(NetworkStructure.ELSEWHERE);
    }

    private static long bytes(String what, ElementType type, long[] dims) throws OnnxException {
        try {
            long bytes = type.bytes();
            for (long d : dims) {
                if (d < 0) throw new OnnxException(what + " has the extent " + d);
                bytes = Math.multiplyExact(bytes, d);
            }
            return bytes;
        } catch (ArithmeticException e) {
            throw new OnnxException(what + " has more than 2^63 bytes", e);
        }
    }

    private static String typeName(int number) {
        TensorProto.DataType known = TensorProto.DataType.forNumber(number);
        return known == null ? "number " + number : known.name();
    }

    /** The elements from the message's list for their type, as raw data. */
    private static MemorySegment typed(String what, ElementType type, TensorProto proto, long bytes)
            throws OnnxException {
        List<? extends Number> list = switch (type) {
            case FLOAT -> proto.getFloatDataList();
            case DOUBLE -> proto.getDoubleDataList();
            case INT64 -> proto.getInt64DataList();
            case UINT64, UINT32 -> proto.getUint64DataList();
            default -> proto.getInt32DataList();
        };
        if ((long) list.size() * type.bytes() != bytes) {
            throw new OnnxException(what + " of " + type + " " + proto.getDimsList() + " takes " + bytes / type.bytes()
                    + " elements, and the file has " + list.size());
        }
        ByteBuffer raw = ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
        for (Number n : list) {
            switch (type) {
                case FLOAT -> raw.putFloat(n.floatValue());
                case DOUBLE -> raw.putDouble(n.doubleValue());
                case INT64, UINT64 -> raw.putLong(n.longValue());
                case INT32, UINT32 -> raw.putInt(n.intValue());
                case INT16, UINT16, FLOAT16, BFLOAT16 -> raw.putShort(n.shortValue());
                default -> raw.put(n.byteValue());
            }
        }
        return MemorySegment.ofArray(raw.array());
    }

    private MemorySegment external(String what, TensorProto proto, long bytes) throws IOException {
        Map<String, String> entries = new HashMap<>();
        for (StringStringEntryProto e : proto.getExternalDataList()) entries.put(e.getKey(), e.getValue());
        String location = entries.getOrDefault("location", "");
        if (structure) throw new OnnxException(what + ": its data lie in " + Quoted.of(location) + ": refused");
        MemorySegment data = externals.get(location);
        if (data == null) {
            data = map(what, location);
            externals.put(location, data);
        }
        long offset = number(what, entries, "offset", 0);
        long length = number(what, entries, "length", bytes);
        if (length != bytes) {
            throw new OnnxException(what + " of " + bytes + " bytes has " + length + " of external data");
        }
        if (offset > data.byteSize() || length > data.byteSize() - offset) {
            throw new OnnxException(what + ": its data, " + length + " bytes from " + offset
                    + ", lie beyond the end of " + Quoted.of(location) + ", which has " + data.byteSize());
        }
        return data.asSlice(offset, length);
    }

    private static long number(String what, Map<String, String> entries, String key, long missing)
            throws OnnxException {
        String text = entries.get(key);
        if (text == null) return missing;
        try {
            long n = Long.parseLong(text);
            if (n >= 0) return n;
        } catch (NumberFormatException _) {
            // Said below.
        }
        throw new OnnxException(what + ": the " + key + " of its external data is " + Quoted.of(text));
    }

    /** A file in the model's folder or below, and nowhere else, whatever symbolic links say. */
    private MemorySegment map(String what, String location) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        try {
            Path relative = Path.of(location);
            Path path = folder.resolve(relative).normalize();
            if (location.isEmpty() || relative.isAbsolute() || !path.startsWith(folder.normalize())) {
                throw new OnnxException(
                        what + ": its data lie in " + Quoted.of(location) + ", outside the model's folder: refused");
            }
            if (!Files.isRegularFile(path)) {
                throw new OnnxException(
                        what + ": its data lie in " + Quoted.of(location) + ", and there is no such file");
            }
            if (!path.toRealPath().startsWith(folder.toRealPath())) {
                throw new OnnxException(what + ": its data lie in " + Quoted.of(location)
                        + ", a link to outside the model's folder: refused");
            }
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
                return channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
            }
        } catch (InvalidPathException e) {
            throw new OnnxException(what + ": its data lie in " + Quoted.of(location) + ", which is no path", e);
        }
    }
}
