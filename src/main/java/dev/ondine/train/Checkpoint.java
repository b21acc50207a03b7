package dev.ondine.train;

import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.io.TensorInfo;
import dev.ondine.nn.Model;
import dev.ondine.nn.Names;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model's parameters and running statistics in a safetensors file, under PyTorch's names, so that
 * {@code model.load_state_dict(safetensors.torch.load_file(path))} takes it; and an optimizer's state in a second file.
 *
 * <p>Files are written beside their place and moved there when they are whole: an earlier checkpoint is never lost.
 */
public final class Checkpoint {
    private static final String STEPS = "ondine.steps";

    private Checkpoint() {}

    /**
     * Writes a model.
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
        SafeTensorsWriter.write(file, metadata, entries);
    }

    /** The text that was kept with a model. */
    public static Map<String, String> metadata(Path file) throws IOException {
        try (SafeTensorsFile tensors = SafeTensors.open(file)) {
            return Map.copyOf(tensors.metadata());
        }
    }

    /**
     * Reads a model's parameters. Nothing is changed unless all fit. Float types are converted; {@code num_batches_tracked} may be missing.
     *
     * @throws IOException naming the file and every tensor that is missing, unexpected or of another shape
     */
    public static void load(Path file, Model model) throws IOException {
        try (SafeTensorsFile tensors = SafeTensors.open(file)) {
            load(tensors, model);
        }
    }

    static void load(SafeTensorsFile tensors, Model model) throws IOException {
        List<ParameterSpec> specs = model.parameters().specs();
        requireFits(tensors, specs);
        Map<String, Tensor> stored = new LinkedHashMap<>();
        try {
            for (ParameterSpec spec : specs) {
                if (tensors.contains(spec.name())) stored.put(spec.name(), tensors.read(spec.name()));
            }
            synchronized (model.parameters()) {
                stored.forEach((name, tensor) -> copy(tensor, model.parameters().get(name)));
                model.parameters().touch();
            }
        } finally {
            stored.values().forEach(Tensor::close);
        }
    }

    /** @throws IOException naming every tensor that is missing, unexpected or of another shape than a model wants it */
    static void requireFits(SafeTensorsFile tensors, List<ParameterSpec> wanted) throws IOException {
        List<String> problems = new ArrayList<>();
        Map<String, ParameterSpec> specs = new LinkedHashMap<>();
        for (ParameterSpec spec : wanted) specs.put(spec.name(), spec);
        for (ParameterSpec spec : wanted) check(tensors, spec, problems);
        for (String name : tensors.names()) {
            if (!specs.containsKey(name)) {
                problems.add("unexpected " + name + " (nearest: " + Names.nearest(name, specs.keySet()) + ")");
            }
        }
        if (!problems.isEmpty()) {
            throw new IOException(tensors.path() + " does not fit the model:\n  " + String.join("\n  ", problems));
        }
    }

    private static void check(SafeTensorsFile tensors, ParameterSpec spec, List<String> problems) {
        if (!tensors.contains(spec.name())) {
            // A counter that only the cumulative average reads; older files lack it.
            if (!spec.name().endsWith("num_batches_tracked")) {
                problems.add(
                        "missing " + spec.name() + " (nearest: " + Names.nearest(spec.name(), tensors.names()) + ")");
            }
            return;
        }
        TensorInfo info = tensors.info(spec.name());
        boolean readable = info.dataType().isPresent()
                && info.dataType().get().isFloat() == spec.dataType().isFloat();
        if (!info.shape().equals(spec.shape()) || !readable) {
            problems.add(spec.name() + " is " + info.type() + " " + info.shape() + " but the model has "
                    + spec.dataType() + " " + spec.shape());
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
