package dev.ondine.train;

import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All that a run needs to go on from a step, in one safetensors file: {@code model.*}, parameters, running statistics and counters;
 * {@code optimizer.*}; {@code average.*}; and, as its metadata, the position, what the epoch came to so far, what was best, what the listeners
 * remember, and the recipe, which the run that goes on must have in common.
 *
 * <p>Random numbers need no state of their own: the order of samples and their augmentation are functions of (seed, epoch, sample), and
 * dropout is one of (seed, step).
 */
final class FitState {
    private static final String VERSION = "2";
    private static final String FORMAT = "ondine.state";
    private static final String MODEL = "model.";
    private static final String OPTIMIZER = "optimizer.";
    private static final String AVERAGE = "average.";
    private static final String RECIPE = "recipe.";
    private static final String LISTENER = "listener.";

    private FitState() {}

    static void save(Path file, FitProgress progress, Checkpoints checkpoints, List<? extends Fit.Listener> listeners)
            throws IOException {
        Trainer trainer = progress.trainer();
        Map<String, String> text = new LinkedHashMap<>();
        text.put(FORMAT, VERSION);
        text.put("steps", Long.toString(trainer.steps()));
        text.put("epoch", Integer.toString(progress.epoch()));
        text.put("step", Integer.toString(progress.step()));
        // As text that reads back to the same bits.
        text.put("loss_sum", Double.toString(progress.lossSum()));
        text.put("skipped", Integer.toString(progress.skipped()));
        text.put("skipped_in_all", Long.toString(trainer.skippedSteps()));
        trainer.lastSkipped().ifPresent(why -> text.put("last_skipped", why));
        text.put("correct", Long.toString(progress.correct()));
        text.put("learning_rate", Double.toString(progress.learningRate()));
        text.put("seconds", Double.toString(progress.seconds()));
        text.put("best", checkpoints.bestAsText());
        text.put("best_epoch", Integer.toString(checkpoints.bestEpoch()));
        text.put("schedule", trainer.schedule().toString());
        progress.fit().recipe().forEach((name, value) -> text.put(RECIPE + name, value));
        names(listeners)
                .forEach((name, listener) ->
                        listener.state().forEach((key, value) -> text.put(LISTENER + name + "." + key, value)));
        List<SafeTensorsWriter.Entry> entries = new ArrayList<>();
        Parameters parameters = trainer.model().parameters();
        for (ParameterSpec spec : parameters.specs()) {
            entries.add(new SafeTensorsWriter.Entry(MODEL + spec.name(), parameters.get(spec.name())));
        }
        Optional<Model> averaged = trainer.averaged();
        if (averaged.isPresent()) {
            text.put("averaged", Long.toString(trainer.average().taken()));
            Parameters averages = averaged.get().parameters();
            for (ParameterSpec spec : averages.specs()) {
                entries.add(new SafeTensorsWriter.Entry(AVERAGE + spec.name(), averages.get(spec.name())));
            }
        }
        try (Arena memory = Arena.ofShared()) {
            trainer.optimizerState(memory)
                    .forEach((name, tensor) -> entries.add(new SafeTensorsWriter.Entry(OPTIMIZER + name, tensor)));
            SafeTensorsWriter.write(file, text, entries);
        }
    }

    /** @throws IOException naming the file, if it is damaged or of another run; then nothing can be said of the model's parameters */
    static void restore(
            Path file, FitProgress progress, Checkpoints checkpoints, List<? extends Fit.Listener> listeners)
            throws IOException {
        try (SafeTensorsFile tensors = SafeTensors.open(file)) {
            Map<String, String> text = tensors.metadata();
            if (!VERSION.equals(text.get(FORMAT))) {
                throw new IOException(file + " is not the state of a run, or of another version of Ondine");
            }
            requireRecipe(file, text, progress.fit().recipe());
            try {
                Trainer trainer = progress.trainer();
                Map<String, Tensor> optimizer = new LinkedHashMap<>();
                try {
                    model(tensors, trainer.model().parameters());
                    for (String name : tensors.names()) {
                        if (name.startsWith(OPTIMIZER)) {
                            optimizer.put(name.substring(OPTIMIZER.length()), tensors.read(name));
                        }
                    }
                    trainer.restore(
                            optimizer, number(text, "steps"), progress.batch().size());
                } finally {
                    optimizer.values().forEach(Tensor::close);
                }
                if (text.containsKey("averaged")) {
                    trainer.average().restore(name -> read(tensors, AVERAGE + name), number(text, "averaged"));
                }
                progress.at(
                        (int) number(text, "epoch"),
                        (int) number(text, "step"),
                        Double.parseDouble(entry(text, "loss_sum")),
                        number(text, "correct"),
                        Double.parseDouble(entry(text, "learning_rate")),
                        Double.parseDouble(entry(text, "seconds")));
                progress.skipped((int) number(text, "skipped"));
                trainer.skippedBefore(
                        Long.parseLong(text.getOrDefault("skipped_in_all", "0")), text.get("last_skipped"));
                checkpoints.restore(entry(text, "best"), (int) number(text, "best_epoch"));
                progress.scheduleBefore(entry(text, "schedule"));
            } catch (IllegalArgumentException e) {
                throw new IOException(file + ": " + e.getMessage(), e);
            }
            names(listeners).forEach((name, listener) -> restore(listener, LISTENER + name + ".", text));
        }
    }

    private static void model(SafeTensorsFile tensors, Parameters parameters) throws IOException {
        synchronized (parameters) {
            for (ParameterSpec spec : parameters.specs()) {
                if (!tensors.contains(MODEL + spec.name())) {
                    throw new IllegalArgumentException("it lacks " + spec.name() + ": it is of another model");
                }
                try (Tensor stored = tensors.read(MODEL + spec.name())) {
                    parameters.get(spec.name()).copyFrom(stored);
                }
            }
            parameters.touch();
        }
    }

    private static Tensor read(SafeTensorsFile tensors, String name) {
        try {
            return tensors.read(name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void requireRecipe(Path file, Map<String, String> text, Map<String, String> recipe)
            throws IOException {
        for (Map.Entry<String, String> wanted : recipe.entrySet()) {
            String was = text.get(RECIPE + wanted.getKey());
            if (!wanted.getValue().equals(was)) {
                throw new IOException(file + " is of a run with " + wanted.getKey() + " " + was + ", not "
                        + wanted.getValue() + ": resume it with what it began with");
            }
        }
    }

    /** Listeners by class, and by their order if there are several of one. */
    private static Map<String, Fit.Listener> names(List<? extends Fit.Listener> listeners) {
        Map<String, Fit.Listener> named = new LinkedHashMap<>();
        Map<String, Integer> seen = new HashMap<>();
        for (Fit.Listener listener : listeners) {
            String name = listener.getClass().getName();
            int before = seen.merge(name, 1, Integer::sum) - 1;
            named.put(before == 0 ? name : name + "#" + before, listener);
        }
        return named;
    }

    private static void restore(Fit.Listener listener, String prefix, Map<String, String> text) {
        Map<String, String> own = new LinkedHashMap<>();
        text.forEach((key, value) -> {
            if (key.startsWith(prefix)) own.put(key.substring(prefix.length()), value);
        });
        if (!own.isEmpty()) listener.restore(own);
    }

    private static long number(Map<String, String> text, String key) {
        return Long.parseLong(entry(text, key));
    }

    private static String entry(Map<String, String> text, String key) {
        String value = text.get(key);
        if (value == null) throw new IllegalArgumentException("its entry '" + key + "' is missing");
        return value;
    }
}
