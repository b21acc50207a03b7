package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.io.NpyFile;
import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.io.onnx.OnnxTensorFile;
import dev.ondine.io.onnx.proto.GraphProto;
import dev.ondine.io.onnx.proto.ModelProto;
import dev.ondine.io.onnx.proto.NodeProto;
import dev.ondine.io.onnx.proto.OperatorSetIdProto;
import dev.ondine.io.onnx.proto.TensorProto;
import dev.ondine.io.onnx.proto.TensorShapeProto;
import dev.ondine.io.onnx.proto.TypeProto;
import dev.ondine.io.onnx.proto.ValueInfoProto;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code run} and {@code show} on small ONNX files: what they read, write and refuse. */
class OnnxCommandsTest {
    private static final float[] A = {1, -2, 3, 0.5f, -0.25f, 8};
    private static final float[] B = {4, 0.125f, -6};
    private static final float[] SUM = {5, -1.875f, -3, 4.5f, -0.125f, 2};
    private static final float[] POSITIVE = {5, 0, 0, 4.5f, 0, 2};

    @TempDir
    Path folder;

    private Path model;

    /** sum = a + b of shapes (n, 3) and (3), positive = max(sum, 0). */
    @BeforeEach
    void write() throws IOException {
        model = write(
                "model.onnx",
                GraphProto.newBuilder()
                        .addInput(value("a", TensorProto.DataType.FLOAT_VALUE, -1, 3))
                        .addInput(value("b", TensorProto.DataType.FLOAT_VALUE, 3))
                        .addNode(node("Add", List.of("a", "b"), "sum"))
                        .addNode(node("Relu", List.of("sum"), "positive"))
                        .addOutput(value("sum", TensorProto.DataType.FLOAT_VALUE, -1, 3))
                        .addOutput(value("positive", TensorProto.DataType.FLOAT_VALUE, -1, 3)));
    }

    private Path write(String name, GraphProto.Builder graph) throws IOException {
        ModelProto proto = ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
                .setGraph(graph.setName("test"))
                .build();
        return Files.write(folder.resolve(name), proto.toByteArray());
    }

    private static NodeProto.Builder node(String type, List<String> inputs, String output) {
        return NodeProto.newBuilder()
                .setOpType(type)
                .setName("the " + type)
                .addAllInput(inputs)
                .addOutput(output);
    }

    /** @param dims -1 for one that is open */
    private static ValueInfoProto value(String name, int type, long... dims) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (long d : dims) {
            TensorShapeProto.Dimension.Builder dim = TensorShapeProto.Dimension.newBuilder();
            shape.addDim(d < 0 ? dim.setDimParam("n") : dim.setDimValue(d));
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(
                                TypeProto.Tensor.newBuilder().setElemType(type).setShape(shape)))
                .build();
    }

    private Path npy(String name, float[] values, long... dims) throws IOException {
        Path file = folder.resolve(name);
        try (Tensor t = Tensor.of(values, dims)) {
            NpyFile.write(file, t);
        }
        return file;
    }

    private Path pb(String file, String name, float[] values, long... dims) throws IOException {
        Path path = folder.resolve(file);
        try (Tensor t = Tensor.of(values, dims)) {
            OnnxTensorFile.write(path, name, t);
        }
        return path;
    }

    private static Ondine.Outcome succeeds(Object... arguments) {
        Ondine.Outcome run = Ondine.run(arguments);
        assertEquals(0, run.code(), run.err());
        assertEquals("", run.err());
        return run;
    }

    /** Refused with a message that has this in it, not as a fault of Ondine's. */
    private static void fails(int code, String part, Object... arguments) {
        Ondine.Outcome run = Ondine.run(arguments);
        assertEquals(code, run.code(), run.out() + run.err());
        assertTrue(run.err().contains(part), run.err());
        assertFalse(run.err().contains("fault of Ondine"), run.err());
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "onednn"})
    void numpyArraysInTheOrderOfTheInputs(String backend) throws IOException {
        Path out = folder.resolve("out.npy");
        Path a = npy("first.npy", A, 2, 3);
        Path b = npy("second.npy", B, 3);
        Ondine.Outcome run = succeeds("run", model, "--input", a, "--input", b, "--output", out, "--backend", backend);
        assertTrue(run.out().contains("a (2, 3)") && run.out().contains("positive (2, 3)"), run.out());
        // Two outputs: a file each.
        assertFalse(Files.exists(out));
        for (var expected : Map.of("sum", SUM, "positive", POSITIVE).entrySet()) {
            try (Tensor t = NpyFile.read(folder.resolve("out-" + expected.getKey() + ".npy"))) {
                assertEquals(Shape.of(2, 3), t.shape());
                assertArrayEquals(expected.getValue(), t.toFloatArray());
            }
        }
    }

    @Test
    void onnxTensorFilesByTheNamesInside() throws IOException {
        Path b = pb("0.pb", "b", B, 3);
        Path a = pb("1.pb", "a", A, 2, 3);
        succeeds("run", model, "--input", b, "--input", a, "--output", folder.resolve("out.pb"));
        OnnxTensorFile.Named sum = OnnxTensorFile.read(folder.resolve("out-sum.pb"));
        try (Tensor t = sum.tensor()) {
            assertEquals("sum", sum.name());
            assertArrayEquals(SUM, t.toFloatArray());
        }
    }

    @Test
    void safetensorsWithSeveralTensors() throws IOException {
        Path in = folder.resolve("in.safetensors");
        try (Tensor a = Tensor.of(A, 2, 3);
                Tensor b = Tensor.of(B, 3);
                Tensor half = b.convertTo(DataType.FLOAT16)) {
            SafeTensorsWriter.write(
                    in, Map.of(), List.of(new SafeTensorsWriter.Entry("b", half), new SafeTensorsWriter.Entry("a", a)));
        }
        Path out = folder.resolve("out.safetensors");
        succeeds("run", model, "--input", in, "--output", out);
        try (SafeTensorsFile tensors = SafeTensors.open(out);
                Tensor sum = tensors.read("sum");
                Tensor positive = tensors.read("positive")) {
            assertArrayEquals(SUM, sum.toFloatArray());
            assertArrayEquals(POSITIVE, positive.toFloatArray());
        }
    }

    @Test
    void namesGivenToFiles() throws IOException {
        Path a = npy("a=1.npy", A, 2, 3);
        Path b = npy("b.npy", B, 3);
        Path out = folder.resolve("out.safetensors");
        succeeds("run", model, "--input", "b=" + b, "--input", "a=" + a, "--output", out);
        try (SafeTensorsFile tensors = SafeTensors.open(out);
                Tensor sum = tensors.read("sum")) {
            assertArrayEquals(SUM, sum.toFloatArray());
        }
    }

    @Test
    void wholeNumbers() throws IOException {
        Path tokens = write(
                "tokens.onnx",
                GraphProto.newBuilder()
                        .addInput(value("t", TensorProto.DataType.INT64_VALUE, 3))
                        .addInitializer(TensorProto.newBuilder()
                                .setName("table")
                                .setDataType(TensorProto.DataType.FLOAT_VALUE)
                                .addDims(3)
                                .addDims(2)
                                .addAllFloatData(List.of(1f, 2f, 3f, 4f, 5f, 6f)))
                        .addNode(node("Gather", List.of("table", "t"), "y"))
                        .addOutput(value("y", TensorProto.DataType.FLOAT_VALUE, 3, 2)));
        Path in = folder.resolve("t.npy");
        Path out = folder.resolve("y.npy");
        try (Tensor t = Tensor.allocate(DataType.INT64, Shape.of(3))) {
            t.setLongAt(0, 2);
            t.setLongAt(2, -2);
            NpyFile.write(in, t);
            succeeds("run", tokens, "--input", in, "--output", out);
            try (Tensor y = NpyFile.read(out)) {
                assertArrayEquals(new float[] {5, 6, 1, 2, 3, 4}, y.toFloatArray());
            }
            fails(
                    2,
                    "whole numbers",
                    "run",
                    tokens,
                    "--input",
                    in,
                    "--output",
                    folder.resolve("z.npy"),
                    "--dtype",
                    "bf16");
            t.setLongAt(0, (1 << 24) + 1);
            NpyFile.write(in, t);
            fails(2, "16777217", "run", tokens, "--input", in, "--output", folder.resolve("z.npy"));
        }
    }

    @Test
    void runRefusesWrongFiles() throws IOException {
        Path a = npy("a.npy", A, 2, 3);
        Path b = npy("b.npy", B, 3);
        Path out = folder.resolve("out.npy");
        fails(2, "the input 'b'", "run", model, "--input", a, "--output", out);
        fails(
                2,
                "more than the inputs [a, b]",
                "run",
                model,
                "--input",
                a,
                "--input",
                b,
                "--input",
                a,
                "--output",
                out);
        fails(2, "neither in .npy nor", "run", model, "--input", model, "--output", out);
        fails(2, "neither in .npy nor", "run", model, "--input", a, "--output", folder.resolve("out.txt"));
        Path missing = folder.resolve("missing.npy");
        fails(1, "missing.npy: there is no such file", "run", model, "--input", missing, "--input", b, "--output", out);
        fails(1, "missing.pb", "run", model, "--input", folder.resolve("missing.pb"), "--output", out);
        fails(
                1,
                "missing.onnx: there is no such file",
                "run",
                folder.resolve("missing.onnx"),
                "--input",
                a,
                "--output",
                out);
        Path text = Files.writeString(folder.resolve("text.npy"), "no array");
        fails(1, "text.npy: not a NumPy array", "run", model, "--input", text, "--input", b, "--output", out);
        // Four columns and three cannot be added.
        Path wide = npy("wide.npy", new float[4], 1, 4);
        fails(1, "node 'the Add' (Add)", "run", model, "--input", wide, "--input", b, "--output", out);
        Files.writeString(out, "mine");
        fails(2, "--force", "run", model, "--input", a, "--input", b, "--output", out);
        assertEquals("mine", Files.readString(out));
    }

    @Test
    void whatIsNotSupportedIsNamed() throws IOException {
        Path strange = write(
                "strange.onnx",
                GraphProto.newBuilder()
                        .addInput(value("x", TensorProto.DataType.FLOAT_VALUE, 2, 3))
                        .addNode(node("Loop", List.of("x"), "l"))
                        .addNode(node("NonZero", List.of("l"), "y"))
                        .addOutput(value("y", TensorProto.DataType.FLOAT_VALUE, 2, 3)));
        for (String command : new String[] {"show", "run"}) {
            Object[] arguments = command.equals("show")
                    ? new Object[] {command, strange}
                    : new Object[] {
                        command, strange, "--input", npy("x.npy", A, 2, 3), "--output", folder.resolve("y.npy")
                    };
            fails(1, "'the Loop' (Loop), 'the NonZero' (NonZero)", arguments);
        }
    }

    @Test
    void showListsWhatANetworkIsMadeOf() throws IOException {
        Path network = write(
                "network.onnx",
                GraphProto.newBuilder()
                        .addInput(value("x", TensorProto.DataType.FLOAT_VALUE, -1, 3))
                        .addInitializer(TensorProto.newBuilder()
                                .setName("w")
                                .setDataType(TensorProto.DataType.FLOAT_VALUE)
                                .addDims(3)
                                .addDims(5)
                                .addAllFloatData(java.util.Collections.nCopies(15, 0.5f)))
                        .addNode(node("MatMul", List.of("x", "w"), "h"))
                        .addNode(node("Relu", List.of("h"), "y"))
                        .addOutput(value("y", TensorProto.DataType.FLOAT_VALUE, -1, 5)));
        Ondine.Outcome run = succeeds("show", network, "--batch", 4);
        assertTrue(run.out().contains("the MatMul") && run.out().contains("the Relu"), run.out());
        assertTrue(run.out().contains("(4, 5)"), run.out());
        assertTrue(run.out().lines().anyMatch(l -> l.matches("Parameters +15")), run.out());
        fails(2, "--batch", "show", network, "--batch", 0);
        fails(1, "there is no such file", "show", folder.resolve("missing.onnx"));
        fails(1, "truncated.onnx", "show", truncated(network));
    }

    private Path truncated(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        return Files.write(folder.resolve("truncated.onnx"), java.util.Arrays.copyOf(bytes, bytes.length / 2));
    }

    /** An embedder's console stays empty: Java warns of what reads memory by sun.misc.Unsafe, and will refuse it. */
    @Test
    void nothingNeedsWhatJavaWarnsOf() throws IOException, InterruptedException {
        ProcessBuilder process = Ondine.process(folder, "show", model);
        process.command().add(1, "--sun-misc-unsafe-memory-access=deny");
        // Where the class path may be relative to.
        process.directory(new java.io.File("").getAbsoluteFile());
        int code = process.start().waitFor();
        assertEquals("", Files.readString(folder.resolve("err")));
        assertEquals(0, code);
    }

    @Test
    void showAsksForShapesThatTheFileLeavesOpen() throws IOException {
        Path open = write(
                "open.onnx",
                GraphProto.newBuilder()
                        .addInput(value("x", TensorProto.DataType.FLOAT_VALUE, -1, 3, -1))
                        .addNode(node("Relu", List.of("x"), "y"))
                        .addOutput(value("y", TensorProto.DataType.FLOAT_VALUE, -1, 3, -1)));
        fails(2, "'x'", "show", open);
        fails(2, "1x3x224x224", "show", open, "--shape", "2x3xmany");
        Ondine.Outcome run = succeeds("show", open, "--shape", "2x3x7");
        assertTrue(run.out().contains("(2, 3, 7)"), run.out());
    }
}
