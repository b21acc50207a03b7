package dev.ondine.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.ondine.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Writes files in the safetensors format, atomically: see {@link AtomicFile}. */
public final class SafeTensorsWriter {
    /** The data begin at a multiple of this many bytes, so that the first tensors can be mapped as they are. */
    private static final int ALIGNMENT = 64;

    private SafeTensorsWriter() {}

    /** A tensor and the name that it gets in the file. */
    public record Entry(String name, Tensor tensor) {}

    /**
     * Writes a file. Tensors are stored by descending size of their elements, otherwise in the order given: so each is
     * aligned for its type, as the format allows no gaps between them.
     *
     * @param metadata free text by key, may be empty
     * @throws java.nio.file.FileSystemException if the file cannot be written: path, reason and what to do about it; an
     *     earlier file of that name is unchanged then
     * @throws IllegalArgumentException if a name is empty, reserved or given twice, or the header would be too long to
     *     be read
     * @throws IllegalStateException if a tensor was closed
     */
    public static void write(Path path, Map<String, String> metadata, Collection<Entry> entries) throws IOException {
        SafeTensors.requireLittleEndian();
        List<Entry> ordered = ordered(path, entries);
        byte[] header = header(path, metadata, ordered);
        AtomicFile.write(path, channel -> writeTo(channel, header, ordered));
    }

    private static List<Entry> ordered(Path path, Collection<Entry> entries) {
        Set<String> names = new HashSet<>();
        for (Entry e : entries) {
            if (e.name().isEmpty() || e.name().equals(SafeTensors.METADATA)) {
                throw new IllegalArgumentException(path + ": a tensor cannot have the name " + Text.quoted(e.name()));
            }
            if (!names.add(e.name())) {
                throw new IllegalArgumentException(
                        path + ": there are two tensors of the name " + Text.quoted(e.name()));
            }
        }
        List<Entry> ordered = new ArrayList<>(entries);
        ordered.sort(Comparator.comparingInt((Entry e) -> e.tensor().dataType().bytes())
                .reversed());
        return ordered;
    }

    private static byte[] header(Path path, Map<String, String> metadata, List<Entry> entries) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(SafeTensors.METADATA);
                for (Map.Entry<String, String> m : metadata.entrySet()) json.writeStringField(m.getKey(), m.getValue());
                json.writeEndObject();
            }
            long offset = 0;
            for (Entry e : entries) {
                long end = Math.addExact(offset, e.tensor().bytes());
                json.writeObjectFieldStart(e.name());
                json.writeStringField(
                        "dtype", StoredType.of(e.tensor().dataType()).name());
                writeNumbers(json, "shape", e.tensor().shape().dims());
                writeNumbers(json, "data_offsets", offset, end);
                json.writeEndObject();
                offset = end;
            }
            json.writeEndObject();
        }
        while ((8 + out.size()) % ALIGNMENT != 0) out.write(' ');
        if (out.size() > SafeTensors.MAX_HEADER
                || Math.max(entries.size(), metadata.size()) > SafeTensors.MAX_TENSORS) {
            throw new IllegalArgumentException(path + ": a header of " + out.size() + " bytes for " + entries.size()
                    + " tensors is more than readers accept; write several files");
        }
        return out.toByteArray();
    }

    private static void writeNumbers(JsonGenerator json, String field, long... numbers) throws IOException {
        json.writeArrayFieldStart(field);
        for (long n : numbers) json.writeNumber(n);
        json.writeEndArray();
    }

    private static void writeTo(FileChannel channel, byte[] header, List<Entry> entries) throws IOException {
        ByteBuffer start = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
        start.putLong(header.length).put(header).flip();
        writeFully(channel, start);
        for (Entry e : entries) {
            MemorySegment data = e.tensor().segment();
            for (long done = 0; done < data.byteSize(); done += SafeTensorsFile.CHUNK) {
                long n = Math.min(SafeTensorsFile.CHUNK, data.byteSize() - done);
                writeFully(channel, data.asSlice(done, n).asByteBuffer());
            }
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) channel.write(bytes);
    }
}
