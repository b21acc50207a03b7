package dev.ondine.io;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Opens files in the safetensors format: 8 bytes little-endian length of a header, the header (a JSON object that gives
 * each tensor's type, shape and place), the data. See <a href="https://github.com/huggingface/safetensors">its
 * specification</a>.
 *
 * <p>Files are not trusted. Everything that the header says is checked against the format and the size of the file
 * before any data are read, in time and memory bounded by {@value #MAX_HEADER} bytes of header and
 * {@value #MAX_TENSORS} tensors.
 */
public final class SafeTensors {
    /** The longest header that is read, in bytes: the limit of the format's reference implementation. */
    public static final int MAX_HEADER = 100_000_000;

    /** The most tensors, and the most metadata entries, that a file may have. */
    public static final int MAX_TENSORS = 1 << 18;

    /** The key of the header's entry that is not a tensor. */
    static final String METADATA = "__metadata__";

    private SafeTensors() {}

    /**
     * Opens a file and checks its header. The data are mapped, not read; the file must not be changed while it is open.
     *
     * @throws SafeTensorsException if the file is not well-formed, naming file, tensor and place
     * @throws NoSuchFileException if there is no such file
     * @throws IOException if it cannot be read
     */
    public static SafeTensorsFile open(Path path) throws IOException {
        requireLittleEndian();
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            // Opening a pipe would wait for somebody to write to it.
            throw new FileSystemException(path.toString(), null, "is a folder or a device, not a safetensors file");
        }
        FileChannel channel;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
        } catch (NoSuchFileException e) {
            NoSuchFileException named = new NoSuchFileException(path.toString(), null, "there is no such file");
            named.initCause(e);
            throw named;
        }
        Arena arena = Arena.ofShared();
        try {
            MemorySegment file = map(path, channel, arena);
            SafeTensorsHeader header = HeaderParser.parse(path, file, headerLength(path, file));
            return new SafeTensorsFile(path, channel, arena, file, header);
        } catch (Throwable e) {
            arena.close();
            channel.close();
            throw e;
        }
    }

    private static MemorySegment map(Path path, FileChannel channel, Arena arena) throws IOException {
        long size = channel.size();
        if (size < 8) {
            throw new SafeTensorsException(path + ": not a safetensors file: it has " + size
                    + " bytes, and the length of the header alone takes 8");
        }
        return channel.map(MapMode.READ_ONLY, 0, size, arena);
    }

    private static long headerLength(Path path, MemorySegment file) throws SafeTensorsException {
        long length = file.get(JAVA_LONG_UNALIGNED, 0);
        if (Long.compareUnsigned(length, MAX_HEADER) > 0) {
            throw new SafeTensorsException(path + ": not a safetensors file: the header length at offset 0 is "
                    + Long.toUnsignedString(length) + ", more than the " + MAX_HEADER + " bytes allowed");
        }
        if (length > file.byteSize() - 8) {
            throw new SafeTensorsException(
                    path + ": truncated or not a safetensors file: the header length at offset 0 is " + length
                            + ", but only " + (file.byteSize() - 8) + " bytes follow");
        }
        return length;
    }

    /** The data of the format are little-endian, and tensors have the machine's order. */
    static void requireLittleEndian() {
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new UnsupportedOperationException(
                    "safetensors files are read and written on little-endian machines only; this one is big-endian");
        }
    }
}
