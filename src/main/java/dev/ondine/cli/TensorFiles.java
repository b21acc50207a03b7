package dev.ondine.cli;

import dev.ondine.io.NpyFile;
import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.io.onnx.OnnxTensorFile;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tensors in files, of the format that the name's ending tells. */
final class TensorFiles {
    private static final String NUMPY = ".npy";
    private static final String ONNX = ".pb";
    private static final String SAFETENSORS = ".safetensors";

    private TensorFiles() {}

    static void requireKnown(Command command, String option, Path file) {
        String name = file.toString();
        if (!name.endsWith(NUMPY) && !name.endsWith(ONNX) && !name.endsWith(SAFETENSORS)) {
            throw command.wrong(option, file + " ends neither in .npy nor in .pb nor in .safetensors");
        }
    }

    /** The tensors of a file by name; the only one of a NumPy array has none. */
    static Map<String, Tensor> read(Path file) throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        if (file.toString().endsWith(NUMPY)) {
            tensors.put("", NpyFile.read(file));
        } else if (file.toString().endsWith(ONNX)) {
            OnnxTensorFile.Named named = OnnxTensorFile.read(file);
            tensors.put(named.name(), named.tensor());
        } else {
            try (SafeTensorsFile stored = SafeTensors.open(file)) {
                for (String name : stored.names()) tensors.put(name, stored.read(name));
            } catch (IOException | RuntimeException | Error e) {
                tensors.values().forEach(Tensor::close);
                throw e;
            }
        }
        return tensors;
    }

    /** Writes tensors and tells into which files: a file holds one, if it is not of safetensors. */
    static List<Path> write(Path file, Map<String, Tensor> tensors) throws IOException {
        String name = file.getFileName().toString();
        if (name.endsWith(SAFETENSORS)) {
            List<SafeTensorsWriter.Entry> entries = new ArrayList<>();
            tensors.forEach((n, t) -> entries.add(new SafeTensorsWriter.Entry(n, t)));
            SafeTensorsWriter.write(file, Map.of(), entries);
            return List.of(file);
        }
        List<Path> files = new ArrayList<>();
        for (var entry : tensors.entrySet()) {
            int dot = name.lastIndexOf('.');
            String plain = entry.getKey().replaceAll("[^A-Za-z0-9_.-]", "_");
            Path one = tensors.size() == 1
                    ? file
                    : file.resolveSibling(name.substring(0, dot) + "-" + plain + name.substring(dot));
            if (name.endsWith(NUMPY)) NpyFile.write(one, entry.getValue());
            else OnnxTensorFile.write(one, entry.getKey(), entry.getValue());
            files.add(one);
        }
        return files;
    }
}
