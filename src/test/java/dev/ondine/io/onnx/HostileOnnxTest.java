package dev.ondine.io.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.graph.ModelException;
import dev.ondine.io.NpyFile;
import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.io.onnx.proto.StringStringEntryProto;
import dev.ondine.io.onnx.proto.TensorProto;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Damaged and malicious files: refused with a message, in bounded time and memory. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class HostileOnnxTest {
    @TempDir
    Path folder;

    private String refusal(TinyModel model) throws IOException {
        return refusal(model.write(folder));
    }

    /** The message with which a file is refused, when it is opened or when its graph is built. */
    private static String refusal(Path file) {
        Exception e = assertThrows(Exception.class, () -> {
            try (OnnxNetwork network = OnnxNetwork.open(file)) {
                network.graph(Map.of("x", Shape.of(2, 3, 4)));
            }
        });
        assertTrue(e instanceof OnnxException || e instanceof ModelException, e.toString());
        assertTrue(e.getMessage().contains(file.getFileName().toString()), e.getMessage());
        return e.getMessage();
    }

    private static void contains(String part, String message) {
        assertTrue(message.contains(part), message);
    }

    private static TinyModel x() {
        return new TinyModel(13).input("x", 2, 3, 4);
    }

    @Test
    void cyclesAndMissingValues() throws IOException {
        contains(
                "a cycle",
                refusal(x().node("Add", "x b -> a").node("Relu", "a -> b").node("Relu", "b -> y")));
        contains("'gone'", refusal(x().node("Add", "x gone -> y")));
        contains("two nodes", refusal(x().node("Relu", "x -> y").node("Tanh", "x -> y")));
        contains("is an output", refusal(x().node("Relu", "x -> z")));
    }

    @Test
    void allThatIsNotSupportedAtOnce() throws IOException {
        String message =
                refusal(x().node("Loop", "x -> a").node("Relu", "a -> b").node("NonMaxSuppression", "b -> y"));
        contains("'the Loop 0' (Loop)", message);
        contains("'the NonMaxSuppression 2' (NonMaxSuppression)", message);
    }

    /** Their operators are known, and their settings are not: it shows when the graph is built. What reads their results is not named. */
    @Test
    void allNodesWhoseSettingsAreNotSupportedAtOnce() throws IOException {
        String message = refusal(x().node("Relu", "x -> r")
                .node("Resize", "r - - r -> a", "antialias", 1)
                .node("Tanh", "a -> b")
                .node("Pad", "r -> c", "pads", TinyModel.ints(1, 1, 1, 1, 1, 1), "mode", "wrap")
                .node("Add", "b c -> y"));
        contains("'the Resize 1' (Resize): antialias", message);
        contains("'the Pad 3' (Pad): the mode 'wrap'", message);
        assertTrue(!message.contains("Tanh") && !message.contains("(Add)"), message);
    }

    /** Nodes that could be computed at once, would their operands be there. */
    @Test
    void operandsLeftOut() throws IOException {
        String message = refusal(x().scalar("two", 2)
                .node("Constant", "-> c", "value_int", 3)
                .node("Shape", "- -> a")
                .node("Reshape", "- two -> b")
                .node("Mul", "two - -> d")
                .node("Where", "two two - -> e")
                .node("Concat", "- two -> f", "axis", 0)
                .node("Range", "two two - -> g")
                .node("Relu", "- -> h")
                .node("Sum", "x a b c d e f g h -> y"));
        contains("(Shape): it has no first operand", message);
        contains("(Reshape): it has no first operand", message);
        contains("(Mul): it has no second operand", message);
        contains("(Where): it has no third operand", message);
        contains("(Concat): it has no first operand", message);
        contains("(Range): it has no delta", message);
        contains("(Relu): ", message);
        assertTrue(!message.contains("Constant"), message);
    }

    /** No node at all: the output is a constant of the file. */
    @Test
    void outputsThatNothingComputes() throws IOException {
        contains("'y' is an output, and neither an input, an initializer nor a node", refusal(x().weight("z", 2, 3)));
        contains("the output 'y': a tensor without elements", refusal(x().longs("y")));
        for (TinyModel model : List.of(
                x().longs("y", 3, 4, 5),
                x().scalar("y", 5),
                x().floats("y", new float[] {3, 4}, 2, 1),
                x().weight("y", 2, 3))) {
            try (OnnxNetwork network = OnnxNetwork.open(model.write(folder))) {
                assertEquals(
                        Set.of("y"),
                        network.graph(Map.of("x", Shape.of(2, 3, 4)))
                                .graph()
                                .outputs()
                                .keySet());
            }
        }
    }

    /** What whole numbers would come to as floating-point ones is not what ONNX says, as for a division. */
    @Test
    void arithmeticOfWholeNumbersOfTheData() throws IOException {
        Path file = new TinyModel(13)
                .wholes("x", 9, 2, 3, 4)
                .scalar("two", 2)
                .node("Div", "x two -> d")
                .node("Cast", "d -> y", "to", 1)
                .write(folder);
        contains("'the Div 0' (Div): it computes with whole numbers", refusal(file));
    }

    @Test
    void shapesThatOverflowOrAreEnormous() throws IOException {
        TensorProto huge = TensorProto.newBuilder()
                .setName("w")
                .setDataType(1)
                .addDims(1L << 40)
                .addDims(1L << 40)
                .build();
        contains("2^63", refusal(x().tensor(huge).node("Add", "x w -> y")));
        TensorProto terabyte = TensorProto.newBuilder()
                .setName("w")
                .setDataType(1)
                .addDims(1L << 38)
                .build();
        contains("elements", refusal(x().tensor(terabyte).node("Add", "x w -> y")));
        contains(
                "more than",
                refusal(x().longs("s", 1L << 31, 1L << 20)
                        .node("ConstantOfShape", "s -> c")
                        .node("Add", "x c -> y")));
        contains(
                "more than",
                refusal(x().longs("s", 1L << 40)
                        .longs("o", 1)
                        .node("Expand", "o s -> c")
                        .node("Add", "x c -> y")));
        contains("Resize", refusal(x().longs("s", 2, 3, 1L << 50).node("Resize", "x - - s -> y")));
        contains("Pad", refusal(x().longs("p", 0, 0, 1L << 40, 0, 0, 0).node("Pad", "x p -> y")));
        contains("Reshape", refusal(x().longs("s", 1L << 62, 4).node("Reshape", "x s -> y")));
        contains(
                "negative",
                refusal(x().longs("s", -5).node("ConstantOfShape", "s -> c").node("Add", "x c -> y")));
    }

    @Test
    void externalDataOutsideOfTheFolder() throws IOException {
        Path inner = Files.createDirectory(folder.resolve("model"));
        Files.write(folder.resolve("secret"), new byte[96]);
        for (String location : List.of("../secret", folder.resolve("secret").toString(), "", "a\0b")) {
            contains("data lie in", refusal(external(location, "96", "0").write(inner)));
        }
        Files.createSymbolicLink(inner.resolve("link"), folder.resolve("secret"));
        contains("a link to outside", refusal(external("link", "96", "0").write(inner)));
        Files.write(inner.resolve("short"), new byte[50]);
        contains("beyond the end", refusal(external("short", "96", "0").write(inner)));
        contains(
                "beyond the end",
                refusal(external("short", "96", "9223372036854775807").write(inner)));
        contains(
                "of external data",
                refusal(external("short", "1099511627776", "0").write(inner)));
        contains("the offset", refusal(external("short", "96", "-1").write(inner)));
    }

    private static TinyModel external(String location, String length, String offset) {
        TensorProto.Builder t = TensorProto.newBuilder()
                .setName("w")
                .setDataType(1)
                .addAllDims(List.of(2L, 3L, 4L))
                .setDataLocation(TensorProto.DataLocation.EXTERNAL);
        Map.of("location", location, "length", length, "offset", offset)
                .forEach((k, v) -> t.addExternalData(
                        StringStringEntryProto.newBuilder().setKey(k).setValue(v)));
        return x().tensor(t.build()).node("Add", "x w -> y");
    }

    @Test
    void whatIsNoOnnxFile() throws IOException {
        Path file = folder.resolve("some.onnx");
        for (byte[] bytes : List.of(
                new byte[0],
                new byte[100],
                "hello, this is text".getBytes(java.nio.charset.StandardCharsets.UTF_8),
                new byte[] {58, -1, -1, -1, -1, -1, -1, -1, -1, 127})) {
            Files.write(file, bytes);
            refusal(file);
        }
        // A graph that claims a terabyte.
        Files.write(
                file, new byte[] {0x3a, (byte) 0x80, (byte) 0x80, (byte) 0x80, (byte) 0x80, (byte) 0x80, 0x20, 1, 2});
        contains("claims", refusal(file));
    }

    /** Two bytes of a file would become an object of a hundred: a file of 80 MB of them would take gigabytes. */
    @Test
    void manyEmptyNodes() throws IOException {
        Path file = folder.resolve("nodes.onnx");
        int n = 40_000_000;
        byte[] nodes = new byte[2 * n];
        for (int i = 0; i < n; i++) nodes[2 * i] = 0x0a;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(0x3a);
        for (int rest = nodes.length; ; rest >>>= 7) {
            out.write(rest > 127 ? rest & 127 | 128 : rest);
            if (rest <= 127) break;
        }
        out.write(nodes);
        Files.write(file, out.toByteArray());
        contains("structure", refusal(file));
    }

    /** More than the 2 GB at which protocol buffers end, most of it a hole: it is mapped, never read. */
    @Test
    void filesOfMoreThanTwoGigabytes() throws IOException {
        Path file = folder.resolve("large.onnx");
        byte[] model = x().longs("s", 0, -1).node("Reshape", "x s -> y").proto().toByteArray();
        long size = (1L << 30) + (1L << 29);
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.write(model);
            byte[] header = {0x08, 1, 0x10, 1, 0x42, 1, 'u'};
            byte[] dims = varint(size / 4);
            for (int i = 0; i < 2; i++) {
                // Fields of the graph, given again: initializers that nobody reads.
                byte[] name = header.clone();
                name[6] = (byte) ('u' + i);
                byte[] head =
                        join(new byte[] {0x08}, dims, Arrays.copyOfRange(name, 2, 7), new byte[] {0x4a}, varint(size));
                byte[] tensor = join(new byte[] {0x2a}, varint(head.length + size), head);
                out.write(join(new byte[] {0x3a}, varint(tensor.length + size), tensor));
                out.setLength(out.length() + size);
                out.seek(out.length());
            }
        }
        assertTrue(Files.size(file) > 3L << 30);
        try (OnnxNetwork network = OnnxNetwork.open(file)) {
            assertEquals(
                    Shape.of(2, 12),
                    network.graph(Map.of("x", Shape.of(2, 3, 4)))
                            .graph()
                            .outputs()
                            .get("y")
                            .shape());
        }
    }

    /** Weights beyond the 4 GB of a file beside, most of it a hole. */
    @Test
    void externalDataOfMoreThanFourGigabytes() throws IOException {
        long offset = (1L << 32) + 4096;
        ByteBuffer values = ByteBuffer.allocate(96).order(ByteOrder.LITTLE_ENDIAN);
        float[] expected = new float[24];
        for (int i = 0; i < 24; i++) {
            expected[i] = i - 3.5f;
            values.putFloat(expected[i]);
        }
        try (RandomAccessFile out =
                new RandomAccessFile(folder.resolve("weights").toFile(), "rw")) {
            out.seek(offset);
            out.write(values.array());
        }
        TinyModel model = external("weights", "96", Long.toString(offset));
        assertArrayEquals(
                expected,
                model.run(model.write(folder), "reference", Map.of("x", new float[24]))
                        .get("y")
                        .values());
    }

    private static byte[] varint(long value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        long rest = value;
        while (rest > 127) {
            out.write((int) (rest & 127 | 128));
            rest >>>= 7;
        }
        out.write((int) rest);
        return out.toByteArray();
    }

    private static byte[] join(byte[]... parts) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) out.write(part);
        return out.toByteArray();
    }

    /** Valid files, changed at random: each is read or refused, no more. {@link ReadersFuzzTest} looks deeper. */
    @Test
    void mutatedFiles() throws IOException {
        byte[] onnx = x().longs("s", 0, -1)
                .weight("w", 12, 5)
                .weight("b", 5)
                .node("Reshape", "x s -> r")
                .node("Gemm", "r w b -> g")
                .node("Softmax", "g -> y")
                .proto()
                .toByteArray();
        Path npy = folder.resolve("a.npy");
        Path safetensors = folder.resolve("a.safetensors");
        try (Tensor tensor = Tensor.of(new float[24], 2, 3, 4)) {
            NpyFile.write(npy, tensor);
            SafeTensorsWriter.write(safetensors, Map.of("k", "v"), List.of(new SafeTensorsWriter.Entry("t", tensor)));
        }
        List<byte[]> seeds = List.of(onnx, Files.readAllBytes(npy), Files.readAllBytes(safetensors));
        long end = System.nanoTime() + 5_000_000_000L;
        int refused = 0;
        int runs = 0;
        for (long seed = 0; System.nanoTime() < end || runs < 300; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            int kind = (int) (seed % 3);
            Path file = folder.resolve("mutant" + kind);
            Files.write(file, mutate(seeds.get(kind), random));
            runs++;
            try {
                read(kind, file);
            } catch (IOException | ModelException e) {
                refused++;
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + " gets past the checks of reader " + kind, e);
            }
        }
        assertTrue(refused > runs / 4, refused + " of " + runs + " were refused: the mutations do something");
    }

    private static void read(int kind, Path file) throws IOException {
        switch (kind) {
            case 0 -> {
                try (OnnxNetwork network = OnnxNetwork.open(file)) {
                    if (network.inputs().equals(List.of("x"))) network.graph(Map.of("x", Shape.of(2, 3, 4)));
                }
            }
            case 1 -> NpyFile.read(file).close();
            default -> {
                try (SafeTensorsFile tensors = SafeTensors.open(file)) {
                    for (String name : tensors.names()) tensors.read(name).close();
                }
            }
        }
    }

    private static byte[] mutate(byte[] valid, SplittableRandom random) {
        byte[] bytes = valid.clone();
        for (int n = 1 + random.nextInt(4); n > 0; n--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(5)) {
                case 0 -> bytes[at] = (byte) random.nextInt(256);
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0xff : 0);
                case 3 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
                default -> {
                    int length = Math.min(random.nextInt(1, 16), bytes.length - at);
                    byte[] longer = Arrays.copyOf(bytes, bytes.length + length);
                    System.arraycopy(bytes, at, longer, at + length, bytes.length - at);
                    bytes = longer;
                }
            }
        }
        return bytes;
    }
}
