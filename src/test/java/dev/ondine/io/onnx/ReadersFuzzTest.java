package dev.ondine.io.onnx;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.io.NpyFile;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * The readers of files under Jazzer, which changes valid files so that more and more of a reader's code is reached. All at the same
 * time, a minute each in CI; {@code mvn -Pfuzz test} takes longer. A reader fails by any other exception than the documented ones, by
 * more than {@value #MEMORY} MB of memory whatever lengths a file claims, and by more than {@value #SECONDS} seconds for one file.
 */
class ReadersFuzzTest {
    private static final int MEMORY = 1200;
    private static final int SECONDS = 20;
    private static final Pattern RUNS = Pattern.compile("stat::number_of_executed_units: *(\\d+)");

    @TempDir
    Path folder;

    /** A reader, and valid files of its kind. */
    private record Reader(Class<?> target, List<byte[]> seeds) {}

    @Test
    void anyBytesAreReadOrRefused() throws Exception {
        List<String> classPath =
                Arrays.asList(System.getProperty("java.class.path").split(File.pathSeparator));
        assumeTrue(
                classPath.stream().anyMatch(entry -> new File(entry).getName().matches("jazzer-\\d.*\\.jar")),
                "Maven puts Jazzer on the class path");
        List<Reader> readers = List.of(
                new Reader(ReaderTargets.Networks.class, networks()),
                new Reader(ReaderTargets.TensorFiles.class, tensorFiles()),
                new Reader(ReaderTargets.Arrays.class, arrays()),
                new Reader(ReaderTargets.Checkpoints.class, checkpoints()));
        List<Process> processes = new ArrayList<>();
        try {
            for (Reader reader : readers) processes.add(start(reader));
            for (Process process : processes) process.waitFor();
        } finally {
            for (Process process : processes) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
        }
        List<Executable> checks = new ArrayList<>();
        for (int i = 0; i < readers.size(); i++) {
            Reader reader = readers.get(i);
            int code = processes.get(i).exitValue();
            checks.add(() -> check(reader, code));
        }
        assertAll(checks);
    }

    private Path home(Reader reader) {
        return folder.resolve(reader.target.getSimpleName());
    }

    private Process start(Reader reader) throws IOException {
        Path home = Files.createDirectory(home(reader));
        Path seeds = Files.createDirectory(home.resolve("seeds"));
        for (int i = 0; i < reader.seeds.size(); i++) Files.write(seeds.resolve("seed" + i), reader.seeds.get(i));
        List<String> command = List.of(
                // The peak that a process is said to have begins at that of the one that it was started from, and tests
                // before this
                // one may have taken more than what is allowed here. A shell in between has none; "exit" keeps it from
                // being replaced.
                "/bin/sh",
                "-c",
                "\"$0\" \"$@\"; exit $?",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx384m",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-Djava.io.tmpdir=" + home,
                "-cp",
                System.getProperty("java.class.path"),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + reader.target.getName(),
                "--instrumentation_includes=dev.ondine.**",
                "--reproducer_path=" + home,
                "-artifact_prefix=" + home + File.separator,
                "-max_total_time=" + Integer.getInteger("ondine.fuzz.seconds", 60),
                // The same files every time, as far as there is time for them; 0 takes others.
                "-seed=" + Integer.getInteger("ondine.fuzz.seed", 1),
                "-max_len=65536",
                "-timeout=" + SECONDS,
                "-rss_limit_mb=" + MEMORY,
                "-print_final_stats=1",
                Files.createDirectory(home.resolve("corpus")).toString(),
                seeds.toString());
        return new ProcessBuilder(command)
                .directory(home.toFile())
                .redirectErrorStream(true)
                .redirectOutput(home.resolve("log").toFile())
                .start();
    }

    private void check(Reader reader, int code) throws IOException {
        String log = Files.readString(home(reader).resolve("log"));
        // The end has the exception and the file, in base64.
        assertEquals(0, code, reader.target + ": " + log.substring(Math.max(0, log.length() - 6000)));
        Matcher runs = RUNS.matcher(log);
        assertTrue(runs.find(), log);
        assertTrue(
                Long.parseLong(runs.group(1)) > 10L * reader.seeds.size(), "more was read than what was given: " + log);
    }

    /** All operators that are read, and networks of PyTorch's. */
    private static List<byte[]> networks() throws Exception {
        List<byte[]> seeds = new ArrayList<>();
        Stream.of(
                        OnnxWindowsTest.convolutions(),
                        OnnxWindowsTest.transposedConvolutions(),
                        OnnxWindowsTest.maxima(),
                        OnnxWindowsTest.means(),
                        OnnxNormalizationsTest.normalizations(),
                        OnnxNormalizationsTest.softmax(),
                        OnnxFunctionsTest.ofOneNumberWithSettings(),
                        OnnxFunctionsTest.powers(),
                        OnnxFunctionsTest.sums(),
                        OnnxFunctionsTest.products(),
                        OnnxStructureTest.parts(),
                        OnnxStructureTest.shapes(),
                        OnnxStructureTest.padding(),
                        OnnxStructureTest.constants(),
                        OnnxStructureTest.wholeNumbers(),
                        OnnxResizeTest.forms())
                .flatMap(s -> s)
                .forEach(a -> seeds.add(((TinyModel) a.get()[1]).proto().toByteArray()));
        for (Path file : PyTorchOnnxTest.files()) if (Files.size(file) < 12_000) seeds.add(Files.readAllBytes(file));
        return seeds;
    }

    private static List<Tensor> tensors() {
        return List.of(
                Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3),
                Tensor.of(new int[] {1, 2}, 2, 1),
                Tensor.ofLongs(new long[] {7}),
                Tensor.ofDoubles(new double[] {0.5, 1}, 1, 2, 1),
                Tensor.allocate(DataType.FLOAT16, Shape.of(3)));
    }

    private List<byte[]> tensorFiles() throws IOException {
        List<byte[]> seeds = new ArrayList<>();
        for (Tensor t : tensors()) {
            Path file = folder.resolve("t.pb");
            OnnxTensorFile.write(file, "t", t);
            seeds.add(Files.readAllBytes(file));
            t.close();
        }
        return seeds;
    }

    private List<byte[]> arrays() throws IOException {
        List<byte[]> seeds = new ArrayList<>();
        for (Tensor t : tensors()) {
            Path file = folder.resolve("t.npy");
            NpyFile.write(file, t);
            seeds.add(Files.readAllBytes(file));
            t.close();
        }
        return seeds;
    }

    private List<byte[]> checkpoints() throws IOException {
        List<byte[]> seeds = new ArrayList<>();
        List<SafeTensorsWriter.Entry> entries = new ArrayList<>();
        for (Tensor t : tensors()) entries.add(new SafeTensorsWriter.Entry("t" + entries.size(), t));
        Path file = folder.resolve("t.safetensors");
        for (int i = 0; i <= entries.size(); i++) {
            SafeTensorsWriter.write(file, i % 2 == 0 ? Map.of("k", "v") : Map.of(), entries.subList(0, i));
            seeds.add(Files.readAllBytes(file));
        }
        for (SafeTensorsWriter.Entry e : entries) e.tensor().close();
        return seeds;
    }
}
