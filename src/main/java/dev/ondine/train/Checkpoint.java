package dev.ondine.train;

import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.io.onnx.OnnxNetwork;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A model's parameters and running statistics in a safetensors file, under PyTorch's names, so that
 * {@code model.load_state_dict(safetensors.torch.load_file(path))} takes it; and an optimizer's state in a second file.
 *
 * <p>Files are written beside their place and moved there when they are whole: an earlier checkpoint is never lost.
 */
public final class Checkpoint {
    private static final String STEPS = "ondine.steps";
    private static final String NETWORK = "ondine.onnx";

    private Checkpoint() {}

    /**
     * Writes a model. Of a network from an ONNX file its structure is kept, too, so that {@link SavedModel} does not need that file.
     *
     * @param metadata what else to keep in the file, as text
     * @throws IOException naming the file, if it cannot be written; what was there before is still there
     */
    public static void save(Path file, Model model, Map<String, String> metadata) throws IOException {
        List<SafeTensorsWriter.Entry> entries = new ArrayList<>();
        for (ParameterSpec spec : model.parameters().specs()) {
            entries.add(
                    new SafeTensorsWriter.Entry(spec.name(), model.parameters().get(spec.name())));
        }
        Map<String, String> text = new LinkedHashMap<>(metadata);
        if (model.network() instanceof OnnxNetwork network) {
            byte[] structure = network.structure(model.sampleShape());
            text.put(NETWORK, Base64.getEncoder().encodeToString(structure));
        }
        SafeTensorsWriter.write(file, text, entries);
    }

    /**
     * The network that a checkpoint holds, if it is one from an ONNX file; its parameters are zeros.
     *
     * @param file for messages
     * @param metadata the file's
     * @throws IOException if it is damaged
     */
    static Optional<OnnxNetwork> network(Path file, Map<String, String> metadata) throws IOException {
        String text = metadata.get(NETWORK);
        if (text == null) return Optional.empty();
        byte[] structure;
        try {
            structure = Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": its network is damaged: " + e.getMessage(), e);
        }
        return Optional.of(OnnxNetwork.ofStructure(file, structure));
    }

    /** The text that was kept with a model. */
    public static Map<String, String> metadata(Path file) throws IOException {
        try (SafeTensorsFile tensors = SafeTensors.open(file)) {
            return Map.copyOf(tensors.metadata());
        }
    }

    /**
     * Reads a model's parameters, from a file of {@link #save} or one that was saved from PyTorch: the state of a network of the zoo has
     * torchvision's names. Nothing is changed unless all fit. Floating-point types are converted; {@code num_batches_tracked} may be
     * missing; a prefix that PyTorch's wrappers put before every name ({@code module.}, {@code _orig_mod.}, {@code model.}) is
     * passed over. The file is mapped while it is read, not copied.
     *
     * @throws IOException naming the file and every tensor that is missing, unexpected or of another shape, with the nearest name
     */
    public static void load(Path file, Model model) throws IOException {
        load(file, model, _ -> true);
    }

    /**
     * As {@link #load(Path, Model)}, of some parameters only: a network with another last layer takes all but those of that. The
     * others keep what they have, and may be in the file or not, of whatever shape.
     *
     * @param wanted by name: {@code name -> !name.startsWith("fc.")}
     */
    public static void load(Path file, Model model, Predicate<String> wanted) throws IOException {
        try (SafeTensorsFile tensors = SafeTensors.open(file)) {
            load(new StoredTensors(tensors), tensors.path(), model, wanted);
        }
    }

    static void load(StoredTensors tensors, Path file, Model model, Predicate<String> wanted) throws IOException {
        List<ParameterSpec> specs = model.parameters().specs();
        tensors.requireFits(specs, wanted);
        synchronized (model.parameters()) {
            try {
                for (ParameterSpec spec : specs) {
                    if (!wanted.test(spec.name()) || !tensors.contains(spec.name())) continue;
                    copy(tensors.tensor(spec.name()), model.parameters().get(spec.name()));
                }
            } catch (InternalError e) {
                // What the JVM makes of a mapped page that is no more.
                throw new IOException(file + " was cut while it was read", e);
            } finally {
                model.parameters().touch();
            }
        }
    }

    private static void copy(Tensor stored, Tensor own) {
        if (stored.dataType() == own.dataType()) {
            own.copyFrom(stored);
        } else if (own.dataType() == DataType.INT64) {
            for (long i = 0; i < own.elements(); i++) own.setLongAt(i, stored.getLongAt(i));
        } else {
            try (Tensor converted = stored.convertTo(own.dataType())) {
                own.copyFrom(converted);
            }
        }
    }

    /** Writes the state of a trainer's optimizer. */
    public static void saveOptimizer(Path file, Trainer trainer) throws IOException {
        List<SafeTensorsWriter.Entry> entries = new ArrayList<>();
        try (Arena memory = Arena.ofShared()) {
            trainer.optimizerState(memory)
                    .forEach((name, tensor) -> entries.add(new SafeTensorsWriter.Entry(name, tensor)));
            SafeTensorsWriter.write(file, Map.of(STEPS, Long.toString(trainer.steps())), entries);
        }
    }

    /**
     * Lets a trainer go on from an optimizer's state.
     *
     * @param batchSize the size of the batches to come
     */
    public static void loadOptimizer(Path file, Trainer trainer, int batchSize) throws IOException {
        try (SafeTensorsFile tensors = SafeTensors.open(file)) {
            long steps;
            try {
                steps = Long.parseLong(tensors.metadata().getOrDefault(STEPS, ""));
            } catch (NumberFormatException e) {
                throw new IOException(
                        file + " does not say how many steps were done: it is no optimizer state of Ondine", e);
            }
            Map<String, Tensor> named = new LinkedHashMap<>();
            try {
                for (String name : tensors.names()) named.put(name, tensors.read(name));
                trainer.restore(named, steps, batchSize);
            } catch (IllegalArgumentException e) {
                throw new IOException(file + ": " + e.getMessage(), e);
            } finally {
                named.values().forEach(Tensor::close);
            }
        }
    }
}
