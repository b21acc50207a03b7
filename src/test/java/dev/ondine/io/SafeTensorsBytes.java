package dev.ondine.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Safetensors files byte by byte, right or wrong. */
final class SafeTensorsBytes {
    private SafeTensorsBytes() {}

    /** A file of this header, with its true length before it, and this data. */
    static byte[] file(byte[] header, byte... data) {
        return file(header.length, header, data);
    }

    static byte[] file(String header, byte... data) {
        return file(header.getBytes(StandardCharsets.UTF_8), data);
    }

    static byte[] file(long headerLength, byte[] header, byte... data) {
        return ByteBuffer.allocate(8 + header.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(headerLength)
                .put(header)
                .put(data)
                .array();
    }

    /** The header's entry of one tensor. */
    static String tensor(String name, String type, String shape, String offsets) {
        return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}".formatted(name, type, shape, offsets);
    }

    static Path write(Path folder, byte[] bytes) throws IOException {
        return Files.write(folder.resolve("case.safetensors"), bytes);
    }
}
