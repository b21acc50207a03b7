package dev.ondine.io;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** An open safetensors file, made by {@link SafeTensors#open}. Usable from every thread until it is closed. */
public final class SafeTensorsFile implements AutoCloseable {
    /** How much is read or written by one call: small enough for a ByteBuffer, large enough that calls cost nothing. */
    static final int CHUNK = 16 << 20;

    private final Path path;
    private final FileChannel channel;
    private final Arena arena;
    private final MemorySegment file;
    private final SafeTensorsHeader header;
    private final Map<String, Tensor> alignedCopies = new ConcurrentHashMap<>();

    SafeTensorsFile(Path path, FileChannel channel, Arena arena, MemorySegment file, SafeTensorsHeader header) {
        this.path = path;
        this.channel = channel;
        this.arena = arena;
        this.file = file;
        this.header = header;
    }

    /** The path that the file was opened by. */
    public Path path() {
        return path;
    }

    /** The header's {@code __metadata__}, in file order; empty if there is none. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /** The names of all tensors, in the order of the header. */
    public List<String> names() {
        return List.copyOf(header.tensors().keySet());
    }

    /** Whether there is a tensor of this name. */
    public boolean contains(String name) {
        return header.tensors().containsKey(name);
    }

    /**
     * What the header says of a tensor.
     *
     * @throws IllegalArgumentException if there is no tensor of this name
     */
    public TensorInfo info(String name) {
        TensorInfo info = header.tensors().get(name);
        if (info == null) {
            throw new IllegalArgumentException(path + ": there is no tensor " + Text.quoted(name) + "; " + listed());
        }
        return info;
    }

    /**
     * A read-only tensor over the mapped file; it lives until the file is closed, closing it does nothing. Data that
     * are not aligned for their type are copied, once, to memory that lives as long.
     *
     * @throws IllegalArgumentException if there is no tensor of this name
     * @throws SafeTensorsException if it is of a type that cannot be read
     * @throws IOException if reading fails, or the file has become shorter since it was opened
     */
    public Tensor tensor(String name) throws IOException {
        requireOpen();
        TensorInfo info = info(name);
        DataType type = dataType(info);
        MemorySegment data = file.asSlice(info.begin(), info.bytes());
        if (data.address() % type.bytes() == 0) return Tensor.view(data, type, info.shape());
        Tensor copy = alignedCopies.get(name);
        if (copy == null) {
            copy = Tensor.allocate(arena, type, info.shape());
            fill(copy, info);
            Tensor other = alignedCopies.putIfAbsent(name, copy);
            if (other != null) copy = other;
        }
        return Tensor.view(copy.segment().asReadOnly(), type, info.shape());
    }

    /**
     * A copy of a tensor that owns its memory: writable, 64-byte aligned, independent of the file. The caller closes
     * it.
     *
     * @throws IllegalArgumentException if there is no tensor of this name
     * @throws SafeTensorsException if it is of a type that cannot be read
     * @throws IOException if reading fails, or the file has become shorter since it was opened
     */
    public Tensor read(String name) throws IOException {
        requireOpen();
        TensorInfo info = info(name);
        Tensor copy = Tensor.allocate(dataType(info), info.shape());
        try {
            fill(copy, info);
            return copy;
        } catch (Throwable e) {
            copy.close();
            throw e;
        }
    }

    /**
     * Unmaps the file: tensors made by {@link #tensor} end. Names, metadata and infos stay. Closing twice is harmless.
     */
    @Override
    public void close() throws IOException {
        if (arena.scope().isAlive()) arena.close();
        channel.close();
    }

    @Override
    public String toString() {
        return path + ": " + header.tensors().size() + " tensors";
    }

    /**
     * Reads through the channel: where a mapping would fault if somebody cut the file meanwhile, this ends with an
     * exception.
     */
    private void fill(Tensor into, TensorInfo info) throws IOException {
        MemorySegment memory = into.segment();
        for (long done = 0; done < memory.byteSize(); ) {
            ByteBuffer part = memory.asSlice(done, Math.min(CHUNK, memory.byteSize() - done))
                    .asByteBuffer();
            int n = channel.read(part, info.begin() + done);
            if (n < 0) {
                throw new IOException(path + ": tensor " + Text.quoted(info.name()) + ": the file ends at offset "
                        + (info.begin() + done) + "; it was cut while it was open");
            }
            done += n;
        }
    }

    private DataType dataType(TensorInfo info) throws SafeTensorsException {
        return info.dataType()
                .orElseThrow(() -> new SafeTensorsException(path + ": tensor " + Text.quoted(info.name())
                        + " at offset " + info.begin() + " has elements of type " + info.type()
                        + ", which are not read; F64, F32, F16, BF16, I64, I32 and U8 are: convert the file"));
    }

    private String listed() {
        List<String> names = names();
        if (names.isEmpty()) return "the file has no tensors";
        int shown = Math.min(names.size(), 8);
        String text = String.join(
                ", ", names.subList(0, shown).stream().map(Text::quoted).toList());
        return "it has " + text + (names.size() > shown ? " and " + (names.size() - shown) + " more" : "");
    }

    private void requireOpen() {
        if (!arena.scope().isAlive())
            throw new IllegalStateException(path + " was closed; open it again to read from it");
    }
}
