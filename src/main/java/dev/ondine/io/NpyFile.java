package dev.ondine.io;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Arrays in NumPy's format (.npy, versions 1 to 3): float64, float32, float16, int64, int32 and uint8, little-endian, in C's order. Files are
 * not trusted: the header is read as what NumPy writes, never evaluated, and must agree with the length of the file.
 */
public final class NpyFile {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int LONGEST_HEADER = 1 << 16;
    private static final int MOST_AXES = 64;
    private static final int CHUNK = 16 << 20;

    private static final Map<String, DataType> TYPES = Map.of(
            "<f4", DataType.FLOAT32,
            "<f8", DataType.FLOAT64,
            "<f2", DataType.FLOAT16,
            "<i8", DataType.INT64,
            "<i4", DataType.INT32,
            "|u1", DataType.UINT8);

    private static final Pattern DESCR = Pattern.compile("'descr':\\s*'([^']{1,16})'");
    private static final Pattern ORDER = Pattern.compile("'fortran_order':\\s*(True|False)");
    private static final Pattern SHAPE = Pattern.compile("'shape':\\s*\\(([0-9, L]*)\\)");

    private NpyFile() {}

    /**
     * Reads an array; the caller closes it.
     *
     * @throws IOException naming the file, if it is damaged or holds what is not supported
     */
    public static Tensor read(Path path) throws IOException {
        if (!Files.exists(path)) throw new NoSuchFileException(path.toString(), null, "there is no such file");
        if (!Files.isRegularFile(path)) {
            throw new FileSystemException(path.toString(), null, "is a folder or a device, not a file");
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer start = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
            while (start.hasRemaining() && channel.read(start) >= 0) {
                // Until it is full or the file ends.
            }
            start.flip();
            byte[] magic = new byte[Math.min(MAGIC.length, start.remaining())];
            start.get(magic);
            if (!Arrays.equals(magic, MAGIC) || start.remaining() < 6) {
                throw new IOException(path + ": not a NumPy array: it does not begin as one");
            }
            int version = start.get();
            start.get();
            if (version < 1 || version > 3) throw new IOException(path + ": version " + version + " is not read");
            long length =
                    version == 1 ? Short.toUnsignedLong(start.getShort()) : Integer.toUnsignedLong(start.getInt());
            int prefix = version == 1 ? 10 : 12;
            if (length > LONGEST_HEADER || length > channel.size() - prefix) {
                throw new IOException(path + ": truncated or damaged: it claims a header of " + length + " bytes");
            }
            return read(path, channel, header(channel, prefix, (int) length), prefix + length);
        }
    }

    private static String header(FileChannel channel, long at, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining() && channel.read(bytes, at + bytes.position()) >= 0) {
            // Until it is full; a file that was cut meanwhile leaves zeros, which no header has.
        }
        return new String(bytes.array(), StandardCharsets.UTF_8);
    }

    private static Tensor read(Path path, FileChannel channel, String header, long offset) throws IOException {
        String descr = match(path, DESCR, header, "descr");
        DataType type = TYPES.get(descr);
        if (type == null) {
            throw new IOException(path + ": elements of type " + Text.quoted(descr)
                    + " are not read; f4, f8, f2, i8, i4" + " and u1, little-endian, are: convert it with astype");
        }
        Shape shape = shape(path, match(path, SHAPE, header, "shape"));
        boolean columns = match(path, ORDER, header, "fortran_order").equals("True");
        if (columns && shape.rank() > 1) {
            throw new IOException(path + ": it is in Fortran's order; write numpy.ascontiguousarray of it");
        }
        long bytes;
        try {
            bytes = Math.multiplyExact(shape.elements(), (long) type.bytes());
        } catch (ArithmeticException e) {
            throw new IOException(path + ": the shape " + shape + " has more than 2^63 bytes", e);
        }
        if (bytes != channel.size() - offset) {
            throw new IOException(path + ": truncated or damaged: " + shape + " takes " + bytes + " bytes, and "
                    + (channel.size() - offset) + " follow the header");
        }
        Tensor tensor = Tensor.allocate(type, shape);
        try {
            for (long done = 0; done < bytes; ) {
                ByteBuffer part = tensor.segment()
                        .asSlice(done, Math.min(CHUNK, bytes - done))
                        .asByteBuffer();
                int n = channel.read(part, offset + done);
                if (n < 0) throw new IOException(path + ": it was cut while it was read");
                done += n;
            }
            return tensor;
        } catch (IOException | RuntimeException | Error e) {
            tensor.close();
            throw e;
        }
    }

    private static String match(Path path, Pattern pattern, String header, String what) throws IOException {
        Matcher matcher = pattern.matcher(header);
        if (!matcher.find()) throw new IOException(path + ": the header gives no " + what + " that is read");
        return matcher.group(1);
    }

    private static Shape shape(Path path, String text) throws IOException {
        String[] parts = text.replace("L", "").replace(" ", "").split(",", MOST_AXES + 2);
        if (parts.length > MOST_AXES) throw new IOException(path + ": it has more than " + MOST_AXES + " axes");
        try {
            long[] dims = Arrays.stream(parts)
                    .filter(p -> !p.isEmpty())
                    .mapToLong(Long::parseLong)
                    .toArray();
            return Shape.of(dims);
        } catch (IllegalArgumentException e) {
            throw new IOException(path + ": the shape (" + text + ") is not read: " + e.getMessage(), e);
        }
    }

    /**
     * Writes an array, beside its place first: see {@link AtomicFile}.
     *
     * @throws IllegalArgumentException for bfloat16, which NumPy does not have
     */
    public static void write(Path path, Tensor tensor) throws IOException {
        String descr = TYPES.entrySet().stream()
                .filter(e -> e.getValue() == tensor.dataType())
                .map(Map.Entry::getKey)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("NumPy has no " + tensor.dataType() + ": convert it"));
        String dims =
                Arrays.stream(tensor.shape().dims()).mapToObj(Long::toString).collect(Collectors.joining(", "));
        String header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + dims
                + (tensor.shape().rank() == 1 ? "," : "") + "), }";
        // The data begin at a multiple of 64 bytes.
        int padding = 64 - (10 + header.length() + 1) % 64;
        byte[] text = (header + " ".repeat(padding % 64) + "\n").getBytes(StandardCharsets.US_ASCII);
        ByteBuffer start = ByteBuffer.allocate(10 + text.length).order(ByteOrder.LITTLE_ENDIAN);
        start.put(MAGIC)
                .put((byte) 1)
                .put((byte) 0)
                .putShort((short) text.length)
                .put(text)
                .flip();
        AtomicFile.write(path, channel -> {
            while (start.hasRemaining()) channel.write(start);
            for (long done = 0; done < tensor.bytes(); done += CHUNK) {
                ByteBuffer part = tensor.segment()
                        .asSlice(done, Math.min(CHUNK, tensor.bytes() - done))
                        .asByteBuffer();
                while (part.hasRemaining()) channel.write(part);
            }
        });
    }
}
