package dev.ondine.io.onnx;

import dev.ondine.graph.ModelException;
import dev.ondine.io.NpyFile;
import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What Jazzer calls, a class for each reader of files: any bytes are read, or refused with one of the documented exceptions. */
public final class ReaderTargets {
    private ReaderTargets() {}

    /** Where the bytes lie while they are read; a mapping that outlived its reader would crash the next one. */
    private static final Path FILE = file();

    private static Path file() {
        try {
            Path file = Files.createTempFile("fuzzed", ".bin");
            file.toFile().deleteOnExit();
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Networks, and the graphs that are built of them. */
    public static final class Networks {
        /** Larger inputs take time only. */
        private static final long MOST = 1 << 16;

        private Networks() {}

        public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
            try (OnnxNetwork network = OnnxNetwork.open(Files.write(FILE, bytes))) {
                Map<String, Shape> shapes = new LinkedHashMap<>();
                long elements = 1;
                for (String name : network.inputs()) {
                    long[] dims = network.dims(name);
                    if (dims == null) dims = new long[] {2, 3, 4};
                    for (int i = 0; i < dims.length; i++) {
                        if (dims[i] < 0) dims[i] = 2;
                        elements = Math.min(MOST + 1, Math.multiplyExact(elements, Math.min(MOST + 1, dims[i])));
                    }
                    if (elements > MOST) return;
                    shapes.put(name, Shape.of(dims));
                }
                network.graph(shapes);
                Model.specs(network.withClasses(3), network.sampleShape());
            } catch (IOException | ModelException _) {
                // Refused.
            }
        }
    }

    /** Single tensors in ONNX's format. */
    public static final class TensorFiles {
        private TensorFiles() {}

        public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
            try {
                OnnxTensorFile.read(Files.write(FILE, bytes)).tensor().close();
            } catch (IOException _) {
                // Refused.
            }
        }
    }

    /** NumPy's arrays. */
    public static final class Arrays {
        private Arrays() {}

        public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
            try {
                NpyFile.read(Files.write(FILE, bytes)).close();
            } catch (IOException _) {
                // Refused.
            }
        }
    }

    /** Safetensors. */
    public static final class Checkpoints {
        private Checkpoints() {}

        public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
            try (SafeTensorsFile tensors = SafeTensors.open(Files.write(FILE, bytes))) {
                for (String name : tensors.names()) {
                    if (tensors.info(name).dataType().isPresent())
                        tensors.read(name).close();
                }
            } catch (IOException _) {
                // Refused.
            }
        }
    }
}
