package dev.ondine.packaging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** The jar as Maven made it, and what lies beside it. */
final class Packaged {
    /** The system property that names the jar; Maven sets it, because it makes the jar before the tests. */
    static final String PROPERTY = "ondine.test.jar";

    private Packaged() {}

    /** What a process came to. */
    record Outcome(int code, String out, String err) {
        /** Fails unless the process ended well and had nothing to say besides what it prints. */
        Outcome clean() {
            assertEquals(0, code, err);
            assertEquals("", err);
            return this;
        }
    }

    static Path jar() {
        Path jar = Path.of(System.getProperty(PROPERTY));
        assertTrue(Files.isRegularFile(jar), jar + " is missing");
        return jar;
    }

    /** The jars in lib/, beside the jar. */
    static List<Path> libraries() {
        try (Stream<Path> files = Files.list(jar().resolveSibling("lib"))) {
            return files.filter(file -> file.toString().endsWith(".jar"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String path(List<Path> files) {
        return files.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
    }

    /** Compiles every source below a folder, without a warning. */
    static void compile(Path sources, Path classes, List<String> options) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(sources)) {
            files = all.filter(file -> file.toString().endsWith(".java")).toList();
        }
        List<String> all = new ArrayList<>(List.of("-Xlint:all", "-Werror", "-proc:none", "-d", classes.toString()));
        all.addAll(options);
        StringWriter messages = new StringWriter();
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, null)) {
            boolean compiled = compiler.getTask(
                            messages, manager, null, all, null, manager.getJavaFileObjectsFromPaths(files))
                    .call();
            assertTrue(compiled, messages.toString());
        }
    }

    /** Runs Java in a folder. */
    static Outcome java(Path folder, List<String> arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(arguments);
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        ProcessBuilder process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        // What a launcher or a user has set for all of Java would be told on the console.
        process.environment().keySet().removeAll(List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"));
        int code = process.start().waitFor();
        return new Outcome(code, Files.readString(out), Files.readString(err));
    }
}
