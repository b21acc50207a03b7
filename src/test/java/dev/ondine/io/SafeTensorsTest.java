package dev.ondine.io;

import static dev.ondine.io.SafeTensorsBytes.file;
import static dev.ondine.io.SafeTensorsBytes.tensor;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.io.SafeTensorsWriter.Entry;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafeTensorsTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource
    void everyTypeComesBackBitForBit(DataType type) throws IOException {
        Path path = folder.resolve("all.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            List<Entry> entries = new ArrayList<>();
            for (long[] dims : new long[][] {{}, {1}, {13}, {3, 1, 7}, {2, 17, 3, 5}}) {
                entries.add(new Entry("t" + dims.length + Arrays.toString(dims), random(arena, type, Shape.of(dims))));
            }
            SafeTensorsWriter.write(path, Map.of(), entries);
            try (SafeTensorsFile file = SafeTensors.open(path)) {
                assertEquals(entries.stream().map(Entry::name).toList(), file.names());
                for (Entry e : entries) {
                    try (Tensor read = file.read(e.name())) {
                        assertSame(e.tensor(), read);
                        assertEquals(0, read.segment().address() % Tensor.ALIGNMENT);
                    }
                    assertSame(e.tensor(), file.tensor(e.name()));
                }
            }
        }
    }

    /** The format known by hand: bytes that other programs write, and bytes that they must be able to read. */
    @Test
    void theBytesAreThoseOfTheFormat() throws IOException {
        Path path = folder.resolve("bytes.safetensors");
        try (Tensor counter = Tensor.allocate(DataType.UINT8, Shape.of(3));
                Tensor weight = Tensor.of(new float[] {1, -2}, 2, 1)) {
            counter.copyFrom(new int[] {1, 2, 255});
            Map<String, String> metadata = new LinkedHashMap<>();
            metadata.put("format", "pt");
            metadata.put("note", "line\n\"é€\"");
            SafeTensorsWriter.write(
                    path, metadata, List.of(new Entry("counter", counter), new Entry("weight", weight)));
        }
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[(int) bytes.getLong()];
        bytes.get(header);
        assertEquals(0, bytes.position() % 64, "the data begin aligned");
        // Wider elements first: so everything is aligned although there are no gaps.
        assertEquals(
                "{\"__metadata__\":{\"format\":\"pt\",\"note\":\"line\\n\\\"é€\\\"\"},"
                        + tensor("weight", "F32", "[2,1]", "[0,8]") + "," + tensor("counter", "U8", "[3]", "[8,11]")
                        + "}",
                new String(header, StandardCharsets.UTF_8).stripTrailing());
        assertEquals(1f, bytes.getFloat());
        assertEquals(-2f, bytes.getFloat());
        assertEquals(11, bytes.position() - header.length - 8 + bytes.remaining());
        assertEquals(1, bytes.get());
        assertEquals(2, bytes.get());
        assertEquals((byte) 255, bytes.get());
        try (SafeTensorsFile file = SafeTensors.open(path)) {
            assertEquals(List.of("format", "note"), List.copyOf(file.metadata().keySet()));
            assertEquals("line\n\"é€\"", file.metadata().get("note"));
            assertEquals(
                    new TensorInfo("counter", StoredType.U8, Shape.of(3), header.length + 16L, header.length + 19L),
                    file.info("counter"));
            assertEquals(DataType.UINT8, file.info("counter").dataType().orElseThrow());
            assertEquals(3, file.info("counter").bytes());
        }
    }

    @Test
    void mixedTypesAreAlignedForMapping() throws IOException {
        Path path = folder.resolve("mixed.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            List<Entry> entries = new ArrayList<>();
            for (DataType type : DataType.values()) {
                for (int n : new int[] {1, 3, 13})
                    entries.add(new Entry(type + "." + n, random(arena, type, Shape.of(n))));
            }
            SafeTensorsWriter.write(path, Map.of("k", "😀"), entries);
            try (SafeTensorsFile file = SafeTensors.open(path)) {
                assertEquals(Map.of("k", "😀"), file.metadata());
                long previous = 0;
                for (String name : file.names()) {
                    TensorInfo info = file.info(name);
                    assertEquals(0, info.begin() % info.dataType().orElseThrow().bytes(), name);
                    assertTrue(
                            info.begin() > previous,
                            "the header is in the order of the data, as the format recommends");
                    previous = info.begin();
                }
                for (Entry e : entries) assertSame(e.tensor(), file.tensor(e.name()));
            }
        }
    }

    @Test
    void dataThatAreNotAlignedAreReadAllTheSame() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(13).order(ByteOrder.LITTLE_ENDIAN);
        data.put((byte) 9).putFloat(1.5f).putLong(-3);
        Path path = SafeTensorsBytes.write(
                folder,
                file(
                        "{" + tensor("b", "U8", "[1]", "[0,1]") + "," + tensor("n", "I64", "[]", "[5,13]") + ","
                                + tensor("w", "F32", "[1]", "[1,5]") + "}",
                        data.array()));
        try (SafeTensorsFile file = SafeTensors.open(path)) {
            assertEquals(List.of("b", "n", "w"), file.names());
            assertNotEquals(0, file.info("w").begin() % 4 + file.info("n").begin() % 8, "else this tests nothing");
            Tensor w = file.tensor("w");
            assertEquals(1.5f, w.getFloat(0));
            assertEquals(-3, file.tensor("n").getLong());
            assertEquals(9, file.tensor("b").getInt(0));
            assertEquals(w.segment().address(), file.tensor("w").segment().address(), "copied once");
            assertThrows(UnsupportedOperationException.class, () -> w.setFloat(1, 0));
            try (Tensor own = file.read("w")) {
                own.setFloat(2, 0);
                assertEquals(2, own.getFloat(0));
            }
            assertEquals(1.5f, file.tensor("w").getFloat(0));
        }
    }

    @Test
    void tensorsOfAFileEndWithIt() throws IOException {
        Path path = SafeTensorsBytes.write(folder, file("{" + tensor("w", "F32", "[1]", "[0,4]") + "}", new byte[4]));
        SafeTensorsFile file = SafeTensors.open(path);
        Tensor mapped = file.tensor("w");
        Tensor own = file.read("w");
        assertThrows(UnsupportedOperationException.class, () -> mapped.setFloat(1, 0));
        mapped.close();
        assertEquals(0, mapped.getFloat(0));
        file.close();
        file.close();
        assertThrows(IllegalStateException.class, () -> mapped.getFloat(0));
        assertTrue(assertThrows(IllegalStateException.class, () -> file.read("w"))
                .getMessage()
                .contains(path.toString()));
        assertThrows(IllegalStateException.class, () -> file.tensor("w"));
        assertEquals(List.of("w"), file.names());
        assertEquals(0, own.getFloat(0));
        own.close();
    }

    @Test
    void typesThatAreNotReadAreListed() throws IOException {
        Path path = SafeTensorsBytes.write(
                folder,
                file(
                        "{" + tensor("a", "I16", "[2]", "[0,4]") + ","
                                + tensor("b", "F8_E4M3", "[1]", "[4,5]") + "," + tensor("c", "BOOL", "[1]", "[5,6]")
                                + ","
                                + tensor("d", "F4", "[4]", "[6,8]") + "," + tensor("e", "C64", "[1]", "[8,16]") + "}",
                        new byte[16]));
        try (SafeTensorsFile file = SafeTensors.open(path)) {
            assertEquals(List.of("a", "b", "c", "d", "e"), file.names());
            for (String name : file.names()) {
                assertTrue(file.info(name).dataType().isEmpty());
                String type = file.info(name).type().toString();
                for (String message : List.of(
                        assertThrows(SafeTensorsException.class, () -> file.tensor(name))
                                .getMessage(),
                        assertThrows(SafeTensorsException.class, () -> file.read(name))
                                .getMessage())) {
                    assertTrue(
                            message.contains(path.toString())
                                    && message.contains("\"" + name + "\"")
                                    && message.contains(type),
                            message);
                }
            }
        }
    }

    @Test
    void anUnknownNameIsAnswersWithTheNamesThereAre() throws IOException {
        Path path = SafeTensorsBytes.write(
                folder, file("{" + tensor("conv.weight", "U8", "[1]", "[0,1]") + "}", new byte[1]));
        try (SafeTensorsFile file = SafeTensors.open(path)) {
            assertTrue(file.contains("conv.weight"));
            assertFalse(file.contains("conv.wait"));
            String message = assertThrows(IllegalArgumentException.class, () -> file.tensor("conv.wait"))
                    .getMessage();
            assertTrue(message.contains(path.toString())
                    && message.contains("conv.wait")
                    && message.contains("conv.weight"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{}   ", "{\"__metadata__\":{}}", "{\n\t}\r\n"})
    void aFileWithoutTensorsIsRight(String header) throws IOException {
        try (SafeTensorsFile file = SafeTensors.open(SafeTensorsBytes.write(folder, file(header)))) {
            assertEquals(List.of(), file.names());
            assertEquals(Map.of(), file.metadata());
        }
    }

    /** Offsets beyond what an int holds, in a sparse file. */
    @Test
    void placesBeyondTwoGigabytesAreRight() throws IOException {
        long big = (1L << 31) + 4096;
        String header = "{" + tensor("big", "U8", "[" + big + "]", "[0," + big + "]") + ","
                + tensor("w", "F32", "[2]", "[" + big + "," + (big + 8) + "]") + "}";
        byte[] start = file(header + " ".repeat(64 - (header.length() + 8) % 64));
        Path path = folder.resolve("big.safetensors");
        try (FileChannel channel = FileChannel.open(
                path, StandardOpenOption.CREATE_NEW, StandardOpenOption.SPARSE, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(start));
            channel.write(
                    ByteBuffer.allocate(9)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .put((byte) 5)
                            .putFloat(1.5f)
                            .putFloat(-2)
                            .flip(),
                    start.length + big - 1);
        }
        try (SafeTensorsFile file = SafeTensors.open(path);
                Tensor w = file.read("w")) {
            assertArrayEquals(new float[] {1.5f, -2}, w.toFloatArray());
            assertArrayEquals(new float[] {1.5f, -2}, file.tensor("w").toFloatArray());
            assertEquals(5, file.tensor("big").getInt(big - 1));
            assertEquals(start.length + big, file.info("w").begin());
        }
    }

    @Test
    void aTensorOfSeveralChunksIsWrittenAndReadWhole() throws IOException {
        Path path = folder.resolve("chunks.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            Tensor large = random(arena, DataType.UINT8, Shape.of(2L * SafeTensorsFile.CHUNK + 12345));
            SafeTensorsWriter.write(path, Map.of(), List.of(new Entry("large", large)));
            try (SafeTensorsFile file = SafeTensors.open(path);
                    Tensor read = file.read("large")) {
                assertSame(large, read);
            }
        }
    }

    static void assertSame(Tensor expected, Tensor actual) {
        assertEquals(expected.dataType(), actual.dataType());
        assertEquals(expected.shape(), actual.shape());
        assertEquals(-1, expected.segment().mismatch(actual.segment()));
    }

    private static Tensor random(Arena arena, DataType type, Shape shape) {
        Tensor t = Tensor.allocate(arena, type, shape);
        byte[] bytes = new byte[(int) t.bytes()];
        new SplittableRandom(shape.hashCode()).nextBytes(bytes);
        t.segment().copyFrom(MemorySegment.ofArray(bytes));
        return t;
    }
}
