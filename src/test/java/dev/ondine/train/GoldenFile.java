package dev.ondine.train;

import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** One case computed by PyTorch: its tensors and, as text, the operation and its attributes. */
record GoldenFile(String name, Map<String, String> meta, Map<String, Tensor> tensors) {
    /** The cases in {@code -Dondine.golden.dir}, or those among the test resources; and those that only Ondine's tests have. */
    static List<GoldenFile> all() {
        return Stream.of(all(folder()), in("/golden-more"))
                .flatMap(List::stream)
                .toList();
    }

    /** The cases in a folder of the test resources. */
    static List<GoldenFile> in(String resources) {
        return all(resource(resources));
    }

    private static List<GoldenFile> all(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.toString().endsWith(".safetensors"))
                    .sorted()
                    .map(GoldenFile::read)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static GoldenFile named(String name) {
        return read(folder().resolve(name + ".safetensors"));
    }

    /** A case of Ondine's own, which the script beside it made with PyTorch. */
    static GoldenFile ofNorms(String name) {
        try {
            return read(Path.of(GoldenFile.class.getResource("/norms").toURI()).resolve(name + ".safetensors"));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path folder() {
        String given = System.getProperty("ondine.golden.dir");
        return given != null ? Path.of(given) : resource("/golden");
    }

    private static Path resource(String name) {
        try {
            return Path.of(GoldenFile.class.getResource(name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static GoldenFile read(Path file) {
        try (SafeTensorsFile stored = SafeTensors.open(file)) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (String name : stored.names()) tensors.put(name, stored.read(name));
            String name = file.getFileName().toString().replace(".safetensors", "");
            return new GoldenFile(name, Map.copyOf(stored.metadata()), tensors);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Tensor get(String tensor) {
        Tensor t = tensors.get(tensor);
        if (t == null) throw new IllegalArgumentException(name + " has no tensor " + tensor);
        return t;
    }

    boolean has(String tensor) {
        return tensors.containsKey(tensor);
    }

    String text(String key) {
        return meta.get(key);
    }

    int integer(String key, int missing) {
        return meta.containsKey(key) ? Integer.parseInt(meta.get(key)) : missing;
    }

    double number(String key, double missing) {
        return meta.containsKey(key) ? Double.parseDouble(meta.get(key)) : missing;
    }

    /** Numbers with blanks between them. */
    int[] integers(String key) {
        return Stream.of(text(key).split(" ")).mapToInt(Integer::parseInt).toArray();
    }

    boolean flag(String key) {
        return "True".equals(meta.get(key));
    }

    @Override
    public String toString() {
        return name;
    }
}
