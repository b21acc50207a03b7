package dev.ondine.train;

import dev.ondine.io.SafeTensorsFile;
import dev.ondine.io.TensorInfo;
import dev.ondine.nn.Names;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * The tensors of a checkpoint by the names of a model. Wrappers that PyTorch puts around a model while it is trained leave their own name
 * before every tensor's; it is passed over.
 */
final class StoredTensors {
    /** Of DataParallel, torch.compile, and the modules of Lightning. */
    private static final List<String> WRAPPERS = List.of("module.", "_orig_mod.", "model.");

    /** More problems than these are counted only: somebody took the wrong file. */
    private static final int MOST_LISTED = 200;

    /** Names beyond these are not compared: a file may claim millions, of any length. */
    private static final int MOST_CANDIDATES = 5000;

    private static final int LONGEST_COMPARED = 200;

    private final SafeTensorsFile file;
    private final String prefix;

    StoredTensors(SafeTensorsFile file) {
        this.file = file;
        this.prefix = prefix(file.names());
    }

    private static String prefix(List<String> names) {
        String prefix = "";
        for (boolean found = !names.isEmpty(); found; ) {
            found = false;
            for (String wrapper : WRAPPERS) {
                String longer = prefix + wrapper;
                if (!names.stream().allMatch(name -> name.startsWith(longer))) continue;
                prefix = longer;
                found = true;
                break;
            }
        }
        return prefix;
    }

    boolean contains(String name) {
        return file.contains(name) || file.contains(prefix + name);
    }

    TensorInfo info(String name) {
        return file.info(stored(name));
    }

    /** What a tensor is called in the file: as in the model, be it that a layer of it is called as a wrapper. */
    private String stored(String name) {
        return file.contains(name) ? name : prefix + name;
    }

    /** The tensor as it lies in the mapped file. */
    Tensor tensor(String name) throws IOException {
        return file.tensor(stored(name));
    }

    /**
     * Holds the tensors against what a model wants.
     *
     * @param wanted the names that are looked at, in the file as in the model
     * @throws IOException naming every tensor that is missing, unexpected or of another shape
     */
    void requireFits(List<ParameterSpec> model, Predicate<String> wanted) throws IOException {
        Map<String, ParameterSpec> specs = new LinkedHashMap<>();
        for (ParameterSpec spec : model) if (wanted.test(spec.name())) specs.put(spec.name(), spec);
        List<String> missing = new ArrayList<>();
        for (String name : specs.keySet()) {
            // A counter that only the cumulative average reads; older files lack it.
            if (!contains(name) && !name.endsWith("num_batches_tracked")) missing.add(name);
        }
        List<String> unexpected = file.names().stream()
                .map(name -> specs.containsKey(name) ? name : name.substring(prefix.length()))
                .filter(wanted.and(name -> !specs.containsKey(name)))
                .toList();
        List<String> problems = new ArrayList<>();
        for (ParameterSpec spec : specs.values()) if (contains(spec.name())) check(spec, problems);
        // What is missing here is as a rule there under another name.
        List<String> stored = unexpected.isEmpty() ? file.names() : unexpected;
        List<String> named = missing.isEmpty() ? List.copyOf(specs.keySet()) : missing;
        for (String name : missing) if (problems.size() < MOST_LISTED) problems.add("missing " + nearest(name, stored));
        for (String name : unexpected) {
            if (problems.size() < 2 * MOST_LISTED) problems.add("unexpected " + nearest(name, named));
        }
        if (problems.isEmpty()) return;
        throw new IOException(file.path() + " does not fit the model: " + missing.size() + " names are missing and "
                + unexpected.size() + " unexpected\n  " + String.join("\n  ", problems)
                + (missing.size() > MOST_LISTED || unexpected.size() > MOST_LISTED ? "\n  and more" : ""));
    }

    private static String nearest(String name, List<String> candidates) {
        if (name.length() > LONGEST_COMPARED) return name.substring(0, LONGEST_COMPARED) + "...";
        List<String> compared = candidates.stream()
                .limit(MOST_CANDIDATES)
                .filter(c -> c.length() <= LONGEST_COMPARED)
                .toList();
        return compared.isEmpty() ? name : name + " (nearest: " + Names.nearest(name, compared) + ")";
    }

    private void check(ParameterSpec spec, List<String> problems) {
        TensorInfo info = info(spec.name());
        boolean readable = info.dataType().isPresent()
                && info.dataType().get().isFloat() == spec.dataType().isFloat();
        if ((!info.shape().equals(spec.shape()) || !readable) && problems.size() < MOST_LISTED) {
            problems.add(spec.name() + " is " + info.type() + " " + info.shape() + " but the model has "
                    + spec.dataType() + " " + spec.shape());
        }
    }
}
