package dev.ondine.bench.crossing;

import dev.ondine.bench.Json;
import dev.ondine.onednn.api.OneDnn;
import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/** {@code native/src/sequence_program.c}: built against the very oneDNN that Java has loaded, and run. */
final class NativeProgram {
    private static final String HEADERS = "include/oneapi/dnnl/";

    /** The artifact's folders; one of them is on the class path. */
    private static final List<String> PLATFORMS =
            List.of("linux-x86_64", "linux-arm64", "macosx-arm64", "macosx-x86_64");

    private final Path executable;

    private NativeProgram(Path executable) {
        this.executable = executable;
    }

    /**
     * Builds the program. The headers come out of the jar that the library came out of.
     *
     * @param root of the work tree
     * @throws IOException if there are no headers or no compiler; says which
     */
    static NativeProgram build(Path root) throws IOException, InterruptedException {
        Path include = root.resolve("bench/target/dnnl/include");
        extractHeaders(include);
        ProcessBuilder builder =
                new ProcessBuilder(root.resolve("build-native.sh").toString()).redirectErrorStream(true);
        builder.environment().put("ONDINE_DNNL_INCLUDE", include.toString());
        builder.environment()
                .put("ONDINE_DNNL_LIBRARY", OneDnn.location().path().toString());
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        Path executable = root.resolve("native/build/ondine_sequence");
        if (process.waitFor() != 0 || !Files.isExecutable(executable)) {
            throw new IOException("the C program could not be built: " + output.strip());
        }
        return new NativeProgram(executable);
    }

    private static void extractHeaders(Path include) throws IOException {
        URL header = PLATFORMS.stream()
                .map(p -> NativeProgram.class.getResource("/org/bytedeco/dnnl/" + p + "/" + HEADERS + "dnnl.h"))
                .filter(Objects::nonNull)
                .findFirst()
                .orElseThrow(() -> new IOException("oneDNN's headers are not on the class path"));
        JarURLConnection connection = (JarURLConnection) header.openConnection();
        String prefix = connection.getEntryName().replaceFirst("dnnl\\.h$", "");
        Path folder = include.resolve("oneapi/dnnl");
        Files.createDirectories(folder);
        // The connection's jar is shared with the class loader, which closes it.
        JarFile jar = connection.getJarFile();
        for (JarEntry entry : Collections.list(jar.entries())) {
            String name = entry.getName();
            if (!name.startsWith(prefix) || !name.endsWith(".h")) continue;
            try (InputStream in = jar.getInputStream(entry)) {
                Files.copy(in, folder.resolve(name.substring(prefix.length())), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    /** One process of the program. */
    Map<?, ?> run(Extent extent, int threads, double warmUpSeconds, double seconds)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(executable.toString()));
        for (Object o : List.of(extent.batch(), extent.channels(), extent.size(), threads, warmUpSeconds, seconds)) {
            command.add(o.toString());
        }
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        if (process.waitFor() != 0) throw new IOException(command + ": " + output);
        return Json.map(Json.parse(output));
    }
}
