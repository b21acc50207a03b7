package dev.ondine.onednn.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Loading oneDNN as a user's process does it: each case in a fresh one. */
class LibraryLoadingTest {
    private static final NativePlatform PLATFORM = NativePlatform.current();

    @TempDir
    Path folder;

    private record Result(int exitCode, String output) {}

    private Path cache() {
        return folder.resolve("cache");
    }

    private Path cachedLibrary() {
        return cache().resolve("onednn-" + PLATFORM.library().sha256().substring(0, 16))
                .resolve(PLATFORM.library().name());
    }

    private Process start(Path log, String classPath, Map<String, String> environment, String... jvmArguments)
            throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Xmx256m", "-cp", classPath));
        command.addAll(List.of(jvmArguments));
        command.add(LoadProbe.class.getName());
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment()
                .keySet()
                .removeAll(List.of(
                        "ONDINE_CACHE", "ONDINE_DNNL_PATH", "JAVA_TOOL_OPTIONS", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"));
        builder.environment().putAll(environment);
        return builder.start();
    }

    private static Result await(Process process, Path log) throws IOException, InterruptedException {
        if (!process.waitFor(60, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("still running after a minute: " + Files.readString(log));
        }
        return new Result(process.exitValue(), Files.readString(log));
    }

    private static String classPath() {
        return System.getProperty("java.class.path");
    }

    private Result run(Map<String, String> environment, String... jvmArguments)
            throws IOException, InterruptedException {
        Path log = folder.resolve("log");
        return await(start(log, classPath(), environment, jvmArguments), log);
    }

    private Result runWithCache(String... jvmArguments) throws IOException, InterruptedException {
        return run(Map.of("ONDINE_CACHE", cache().toString()), jvmArguments);
    }

    private static void assertLoaded(Result result, LibraryLocation.Source source) {
        assertEquals(0, result.exitCode, result.output);
        assertTrue(result.output.contains(source + " "), result.output);
    }

    private static void assertUnavailable(Result result, String... parts) {
        assertEquals(LoadProbe.UNAVAILABLE, result.exitCode, result.output);
        for (String part : parts) assertTrue(result.output.contains(part), () -> "'" + part + "' in: " + result.output);
        assertFalse(result.output.contains("but "), result.output);
        assertEquals(
                1,
                result.output.lines().filter(l -> l.startsWith("unavailable")).count());
    }

    @Test
    void extractsOnceAndLeavesNothingElse() throws IOException, InterruptedException {
        assertLoaded(runWithCache(), LibraryLocation.Source.CACHE);
        Object first =
                Files.readAttributes(cachedLibrary(), BasicFileAttributes.class).fileKey();

        Result second = runWithCache();

        assertLoaded(second, LibraryLocation.Source.CACHE);
        assertTrue(second.output.contains(cachedLibrary().toString()), second.output);
        assertEquals(
                first,
                Files.readAttributes(cachedLibrary(), BasicFileAttributes.class).fileKey(),
                "not extracted again");
        assertEquals(1, second.output.lines().count(), () -> "one line only: " + second.output);
        assertOnlyTheLibrariesIn(cachedLibrary().getParent());
    }

    private static void assertOnlyTheLibrariesIn(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<String> names =
                    files.map(f -> f.getFileName().toString()).sorted().toList();
            List<String> wanted = PLATFORM.openMp() == null
                    ? List.of(PLATFORM.library().name())
                    : Stream.of(PLATFORM.library().name(), PLATFORM.openMp().name())
                            .sorted()
                            .toList();
            assertEquals(wanted, names);
        }
    }

    @Test
    void processesThatStartTogetherShareACache() throws IOException, InterruptedException {
        List<Process> processes = new ArrayList<>();
        List<Path> logs = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            logs.add(folder.resolve("log" + i));
            processes.add(start(logs.get(i), classPath(), Map.of(), "-Dondine.cache=" + cache()));
        }
        for (int i = 0; i < 3; i++) assertLoaded(await(processes.get(i), logs.get(i)), LibraryLocation.Source.CACHE);
        assertOnlyTheLibrariesIn(cachedLibrary().getParent());
    }

    @Test
    void truncatedLibraryIsExtractedAgain() throws IOException, InterruptedException {
        assertLoaded(runWithCache(), LibraryLocation.Source.CACHE);
        try (var channel = Files.newByteChannel(cachedLibrary(), StandardOpenOption.WRITE)) {
            channel.truncate(PLATFORM.library().size() / 2);
        }

        assertLoaded(runWithCache(), LibraryLocation.Source.CACHE);

        assertEquals(PLATFORM.library().size(), Files.size(cachedLibrary()));
    }

    /** A cache below a regular file: nobody can write there, not even root. */
    @Test
    void unwritableCacheFallsBackToATemporaryFolderWithOneWarning() throws IOException, InterruptedException {
        Path file = Files.createFile(folder.resolve("file"));
        Path temporary = Files.createDirectory(folder.resolve("temporary"));

        Result result = run(Map.of(), "-Dondine.cache=" + file.resolve("cache"), "-Djava.io.tmpdir=" + temporary);

        assertLoaded(result, LibraryLocation.Source.TEMPORARY);
        assertTrue(result.output.contains("cannot keep oneDNN in " + file), result.output);
        assertTrue(result.output.contains("-Dondine.cache=DIR"), result.output);
        assertEquals(
                1,
                Pattern.compile("cannot keep oneDNN")
                        .matcher(result.output)
                        .results()
                        .count());
        try (Stream<Path> left = Files.list(temporary)) {
            assertEquals(
                    List.of(),
                    left.filter(p -> p.getFileName().toString().startsWith("ondine"))
                            .toList());
        }
    }

    @Test
    void noFolderAtAllIsOneMessage() throws IOException, InterruptedException {
        Path file = Files.createFile(folder.resolve("file"));

        Result result =
                run(Map.of(), "-Dondine.cache=" + file.resolve("cache"), "-Djava.io.tmpdir=" + file.resolve("tmp"));

        assertUnavailable(
                result, file.resolve("cache").toString(), file.resolve("tmp").toString(), "-Dondine.cache=DIR");
    }

    @Test
    void missingArtifactIsNamed() throws IOException, InterruptedException {
        String without = Stream.of(classPath().split(File.pathSeparator))
                .filter(entry -> !Path.of(entry).getFileName().toString().startsWith("dnnl-"))
                .collect(Collectors.joining(File.pathSeparator));
        Path log = folder.resolve("log");

        Result result = await(start(log, without, Map.of("ONDINE_CACHE", cache().toString())), log);

        assertUnavailable(result, NativePlatform.ARTIFACT, PLATFORM.classifier(), "-Dondine.dnnl.path");
    }

    @Test
    void anotherBuildIsTakenByPropertyOrVariableByFileOrFolder() throws IOException, InterruptedException {
        assertLoaded(runWithCache(), LibraryLocation.Source.CACHE);
        String library = cachedLibrary().toString();
        String parent = cachedLibrary().getParent().toString();

        for (Result result : List.of(
                run(Map.of(), "-Dondine.dnnl.path=" + library),
                run(Map.of(), "-Dondine.dnnl.path=" + parent),
                run(Map.of("ONDINE_DNNL_PATH", library)),
                run(Map.of("ONDINE_DNNL_PATH", "nowhere"), "-Dondine.dnnl.path=" + parent))) {
            assertLoaded(result, LibraryLocation.Source.OVERRIDE);
            assertTrue(result.output.contains(library), result.output);
        }
    }

    @Test
    void wrongOverridesAreNamed() throws IOException, InterruptedException {
        Path nowhere = folder.resolve("nowhere");
        assertUnavailable(run(Map.of(), "-Dondine.dnnl.path=" + nowhere), nowhere.toString(), "does not exist");

        Path empty = Files.createDirectory(folder.resolve("empty"));
        assertUnavailable(
                run(Map.of("ONDINE_DNNL_PATH", empty.toString())),
                "ONDINE_DNNL_PATH=" + empty,
                PLATFORM.library().name());

        Path text = Files.write(folder.resolve("libdnnl.so"), "not a library".getBytes(StandardCharsets.UTF_8));
        assertUnavailable(run(Map.of(), "-Dondine.dnnl.path=" + text), "cannot load " + text);
    }

    /** One that Java has not loaded for itself: it loads none twice. */
    @Test
    void libraryThatIsNotOneDnnIsNamed() throws IOException, InterruptedException {
        Path other = Path.of(System.getProperty("java.home"), "lib", System.mapLibraryName("attach"));
        if (!Files.exists(other))
            other = Path.of(System.getProperty("java.home"), "bin", System.mapLibraryName("attach"));

        assertUnavailable(run(Map.of(), "-Dondine.dnnl.path=" + other), other.toString(), "is not oneDNN");
    }

    @Test
    void gnuThreadsSleepSoonUnlessTheUserSaysOtherwise() throws IOException, InterruptedException {
        assumeTrue(isGnu(), "not GNU's OpenMP");

        String unset = displayed(Map.of());
        // libgomp's name for it, and how many turns.
        assertTrue(unset.contains("GOMP_SPINCOUNT = '" + OpenMpWait.SPINS + "'"), unset);
        assertTrue(displayed(Map.of("GOMP_SPINCOUNT", "77")).contains("GOMP_SPINCOUNT = '77'"));
        assertFalse(
                displayed(Map.of("OMP_WAIT_POLICY", "active")).contains("GOMP_SPINCOUNT = '" + OpenMpWait.SPINS + "'"));
    }

    private static boolean isGnu() {
        return PLATFORM.openMp() != null && PLATFORM.openMp().name().startsWith("libgomp");
    }

    /** What libgomp says of its settings when it is loaded. */
    private String displayed(Map<String, String> settings) throws IOException, InterruptedException {
        Map<String, String> environment = new HashMap<>(settings);
        environment.put("OMP_DISPLAY_ENV", "verbose");
        Result result = run(environment);
        assertEquals(0, result.exitCode, result.output);
        return result.output;
    }

    @Test
    void defaultThreadsAreTheProcessorsThatTheProcessMayUse() throws IOException, InterruptedException {
        Path taskset = Path.of("/usr/bin/taskset");
        assumeTrue(Files.isExecutable(taskset), "no taskset here");
        Path log = folder.resolve("log");
        ProcessBuilder builder = new ProcessBuilder(
                        taskset.toString(),
                        "-c",
                        firstProcessor(),
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        classPath(),
                        LoadProbe.class.getName())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());

        Result result = await(builder.start(), log);

        assertEquals(0, result.exitCode, result.output);
        assertTrue(result.output.contains(" with 1 threads, default 1,"), result.output);
    }

    /** One that this process may use: not always processor 0. */
    private static String firstProcessor() throws IOException {
        try (Stream<String> status = Files.lines(Path.of("/proc/self/status"))) {
            String list = status.filter(l -> l.startsWith("Cpus_allowed_list:"))
                    .findFirst()
                    .orElseThrow();
            return list.substring(list.indexOf(':') + 1).strip().split("[,-]")[0];
        }
    }
}
