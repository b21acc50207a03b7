package dev.ondine.train;

import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.io.onnx.OnnxNetwork;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A model from a file, and what the file says of it: a checkpoint of {@code ondine train} or {@link Checkpoint#save}, a safetensors file
 * with PyTorch's names, or an ONNX file. Which it is, its content tells.
 *
 * <p>Close it when nobody uses the model any more.
 */
public final class SavedModel implements AutoCloseable {
    /** How a file is opened: what it does not say itself. */
    public static final class Opener {
        private final Path file;
        private String name;
        private Layer network;
        private Shape sample;
        private int classes;

        private Opener(Path file) {
            this.file = file;
        }

        /**
         * Which network of the zoo a checkpoint holds, if it does not say it: one saved from PyTorch, say.
         *
         * @param name one of {@link Models#names}
         */
        public Opener model(String name) {
            this.name = name;
            return this;
        }

        /** The network that a checkpoint holds, if that is none of the zoo. */
        public Opener network(Layer network) {
            this.network = network;
            return this;
        }

        /** The shape of one sample. Default: what the file says, or what the network of the zoo was published for. */
        public Opener sample(Shape sample) {
            this.sample = sample;
            return this;
        }

        /**
         * How many classes the network of {@link #model} tells apart. Default: as many as the last layer in the file.
         */
        public Opener classes(int classes) {
            if (classes < 1) throw new IllegalArgumentException("at least one class is told apart, not " + classes);
            this.classes = classes;
            return this;
        }

        /**
         * Opens the file.
         *
         * @throws IOException naming the file, if it cannot be read, is neither a safetensors nor an ONNX file, does not say which
         *     network it holds though nobody else did, says something else than was given, or does not fit the network
         * @throws IllegalArgumentException for an unknown name of a network, or samples that the network cannot take
         */
        public SavedModel open() throws IOException {
            return isOnnx(file) ? onnx() : checkpoint();
        }

        private SavedModel checkpoint() throws IOException {
            try (SafeTensorsFile opened = SafeTensors.open(file)) {
                Optional<ModelCard> card = ModelCard.read(file, opened.metadata());
                StoredTensors tensors = new StoredTensors(opened);
                Optional<OnnxNetwork> imported = Checkpoint.network(file, opened.metadata());
                Optional<String> stored =
                        card.flatMap(ModelCard::model).or(() -> imported.map(_ -> "a network from ONNX"));
                if (stored.isPresent() && (name != null || network != null)) {
                    throw new IOException(
                            file + " says that it holds " + stored.get() + "; do not name another network");
                }
                if (stored.isEmpty() && name == null && network == null)
                    throw new IOException(unknown(card.isPresent()));
                String named = stored.orElse(name);
                Shape shape =
                        sample != null ? sample : card.map(ModelCard::sample).orElse(null);
                if (network != null && shape == null) {
                    throw new IllegalArgumentException(file + " does not say which shape samples have: give it");
                }
                Layer layer;
                List<ParameterSpec> specs;
                try {
                    ModelEntry entry = network != null ? null : entry(named, imported);
                    if (shape == null) shape = entry.sample();
                    layer = network != null
                            ? network
                            : entry.create(
                                    shape,
                                    imported.isPresent() && card.isEmpty()
                                            ? entry.classes()
                                            : classes(card, entry, shape, tensors));
                    specs = Model.specs(layer, shape);
                } catch (IllegalArgumentException | ArithmeticException e) {
                    if (stored.isEmpty()) throw e;
                    throw new IOException(file + " says that it holds what is not possible here: " + e.getMessage(), e);
                }
                // Before anything of the sizes that a file claims is allocated.
                tensors.requireFits(specs, _ -> true);
                Model model = Model.of(layer, shape, 0);
                try {
                    Checkpoint.load(tensors, file, model, _ -> true);
                    return new SavedModel(
                            named != null
                                    ? named
                                    : card.map(ModelCard::modelName).orElse("network"),
                            model,
                            card,
                            imported.orElse(null));
                } catch (IOException | RuntimeException | Error e) {
                    model.close();
                    throw e;
                }
            }
        }

        private static ModelEntry entry(String named, Optional<OnnxNetwork> imported) {
            return imported.map(onnx -> Models.imported(named, onnx)).orElseGet(() -> Models.get(named));
        }

        private String unknown(boolean own) {
            return own
                    ? file + " holds a network of somebody's own: give that network"
                    : file + " does not say which model it holds: ondine train did not write it. Name it: "
                            + String.join(", ", Models.names());
        }

        private int classes(Optional<ModelCard> card, ModelEntry entry, Shape shape, StoredTensors tensors) {
            if (card.flatMap(ModelCard::model).isPresent())
                return card.get().classes().size();
            if (classes > 0 || entry.task() == ModelEntry.Task.RECONSTRUCTION) return Math.max(1, classes);
            // As many as the last layer has in the file.
            List<ParameterSpec> specs = Model.specs(entry.create(shape, entry.classes()), shape);
            for (ParameterSpec spec : specs.reversed()) {
                if (!spec.name().endsWith("weight") || spec.shape().rank() < 2) continue;
                if (!tensors.contains(spec.name())) break;
                Shape found = tensors.info(spec.name()).shape();
                boolean alike = found.rank() == spec.shape().rank()
                        && found.dim(0) > 0
                        && found.dim(0) <= Integer.MAX_VALUE
                        && found.tail().equals(spec.shape().tail());
                return alike ? (int) found.dim(0) : entry.classes();
            }
            return entry.classes();
        }

        private SavedModel onnx() throws IOException {
            if (name != null || network != null || classes > 0) {
                throw new IllegalArgumentException(file + " is an ONNX file, which holds its network: name no other");
            }
            OnnxNetwork opened = OnnxNetwork.open(file);
            try {
                Optional<ModelCard> card = ModelCard.read(file, opened.metadata());
                Shape shape = sample != null ? sample : opened.sampleShape();
                Model model = Model.of(opened, shape, 0);
                return new SavedModel(card.map(ModelCard::modelName).orElse("ONNX"), model, card, opened);
            } catch (IOException | RuntimeException | Error e) {
                opened.close();
                throw e;
            }
        }
    }

    private final String name;
    private final Model model;
    private final Optional<ModelCard> card;
    private final OnnxNetwork onnx;

    /** @param onnx what the network is read from while it is built; null for one of a checkpoint */
    private SavedModel(String name, Model model, Optional<ModelCard> card, OnnxNetwork onnx) {
        this.name = name;
        this.model = model;
        this.card = card;
        this.onnx = onnx;
    }

    /** How a file is opened that does not say everything itself. */
    public static Opener file(Path file) {
        return new Opener(file);
    }

    /**
     * Opens a file that says which network it holds.
     *
     * @throws IOException as {@link Opener#open}
     */
    public static SavedModel open(Path file) throws IOException {
        return file(file).open();
    }

    /**
     * What a file says about its model, without the model; nothing if it was not written by Ondine.
     *
     * @throws IOException naming the file, if it cannot be read, or what it says makes no sense
     */
    public static Optional<ModelCard> describe(Path file) throws IOException {
        if (!isOnnx(file)) return ModelCard.read(file);
        try (OnnxNetwork network = OnnxNetwork.open(file)) {
            return ModelCard.read(file, network.metadata());
        }
    }

    /**
     * Whether a file is an ONNX file; else it is a safetensors file.
     *
     * @throws IOException naming the file, if it cannot be read or is neither
     */
    public static boolean isOnnx(Path file) throws IOException {
        if (file.toString().endsWith(".safetensors")) return false;
        byte[] start;
        try (InputStream in = Files.newInputStream(file)) {
            start = in.readNBytes(9);
        }
        if (start.length == 0) throw new EOFException(file + " is empty");
        // A safetensors file begins with the length of its header, a number of 8 bytes, and the header with a brace.
        if (start.length == 9 && start[8] == '{') {
            long header = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getLong();
            if (header > 0 && header <= Files.size(file) - 8) return false;
        }
        // An ONNX file begins with the version of its format, the field of number 1.
        if (file.toString().endsWith(".onnx") || start[0] == 8) return true;
        throw new IOException(file + " is neither a safetensors nor an ONNX file");
    }

    /** What the network is called: its name in the zoo if it is one of that. */
    public String name() {
        return name;
    }

    /** The model, with the file's numbers. */
    public Model model() {
        return model;
    }

    /** What the file says about it; nothing if it was not written by Ondine. */
    public Optional<ModelCard> card() {
        return card;
    }

    @Override
    public void close() {
        model.close();
        if (onnx != null) onnx.close();
    }
}
