package dev.ondine.nn;

import dev.ondine.backend.StatisticsLayout;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * What a model has learned: weights, running statistics and counters, by name, row-major and off-heap.
 *
 * <p>While a trainer is at work its own copy, in the layout that the processor likes, is ahead of this one; whoever asks here gets the
 * newest numbers, because the trainer is asked first. Whoever changes a tensor obtained here says so with {@link #touch},
 * before the trainer's next step. Reading and stepping on different threads take turns.
 */
public final class Parameters implements AutoCloseable {
    private final List<ParameterSpec> specs;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final Arena arena = Arena.ofShared();
    /** The float32 that are not learned, running statistics, in one block: where each begins, in floats. */
    private final Map<String, Long> offsets = new HashMap<>();

    private final MemorySegment buffers;
    private long floats;
    private Runnable owner;
    private boolean stale;
    private long version = 1;
    private long edits = 1;

    Parameters(Collection<ParameterSpec> specs, long seed) {
        List<ParameterSpec> list = List.copyOf(specs);
        try {
            for (ParameterSpec spec : list) {
                if (!isBuffer(spec)) continue;
                offsets.put(spec.name(), floats);
                floats += StatisticsLayout.padded(spec.shape().elements());
            }
            buffers = arena.allocate(floats * Float.BYTES, Tensor.ALIGNMENT);
            for (ParameterSpec spec : list) tensors.put(spec.name(), initial(spec, seed));
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
        this.specs = list;
    }

    private static boolean isBuffer(ParameterSpec spec) {
        return !spec.learned() && spec.dataType() == DataType.FLOAT32;
    }

    private Tensor initial(ParameterSpec spec, long seed) {
        Tensor tensor = isBuffer(spec)
                ? Tensor.view(slice(spec), spec.dataType(), spec.shape())
                : Tensor.allocate(arena, spec.dataType(), spec.shape());
        if (spec.dataType() == DataType.FLOAT32) {
            // Seeded by name, so that a parameter begins the same whatever stands around it.
            SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + nameHash(spec.name()));
            spec.initializer().fill(tensor.segment(), spec.shape(), random);
        }
        return tensor;
    }

    private MemorySegment slice(ParameterSpec spec) {
        return buffers.asSlice(
                offsets.get(spec.name()) * Float.BYTES, spec.shape().elements() * Float.BYTES);
    }

    private static long nameHash(String name) {
        long hash = 0xCBF29CE484222325L;
        for (int i = 0; i < name.length(); i++) hash = (hash ^ name.charAt(i)) * 0x100000001B3L;
        return hash;
    }

    /** Every name, in the order of the layers. */
    public List<ParameterSpec> specs() {
        return specs;
    }

    /** How many numbers are learned. */
    public long learned() {
        return specs.stream()
                .filter(ParameterSpec::learned)
                .mapToLong(s -> s.shape().elements())
                .sum();
    }

    /**
     * The tensor of this name, with its newest numbers; it lives as long as the model.
     *
     * @throws IllegalArgumentException if there is none; says which name is nearest
     */
    public synchronized Tensor get(String name) {
        refresh();
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException("the model has no parameter '" + name + "'; the nearest is '"
                    + Names.nearest(name, tensors.keySet()) + "'");
        }
        return tensor;
    }

    /** Says that tensors were changed, so that trainers and predictors take them over before their next run. */
    public synchronized void touch() {
        if (stale) {
            throw new IllegalStateException(
                    "a trainer has made a step since these tensors were read, and its numbers would be lost:"
                            + " get them anew, change them, and say so before the next step");
        }
        version++;
        edits++;
    }

    /** A number that grows with every {@link #touch}: how a trainer learns that somebody else changed the parameters. */
    public synchronized long edits() {
        return edits;
    }

    /** A number that grows whenever the parameters have changed. */
    public synchronized long version() {
        refresh();
        return version;
    }

    /**
     * Lets a trainer keep a newer copy. Only one does at a time; the one before writes its numbers back first.
     *
     * @param writeBack copies the newer numbers into the tensors here
     */
    public synchronized void lend(Runnable writeBack) {
        refresh();
        owner = writeBack;
    }

    /** Ends {@link #lend}: writes back what is newer. Does nothing if another has taken over since. */
    public synchronized void giveBack(Runnable writeBack) {
        if (!Objects.equals(owner, writeBack)) return;
        refresh();
        owner = null;
    }

    /**
     * Says that the borrower's copy is newer from now on.
     *
     * @throws IllegalStateException if the parameters are not lent to this borrower any more
     */
    public synchronized void outdate(Runnable writeBack) {
        requireLent(writeBack);
        stale = true;
    }

    /** @throws IllegalStateException if the parameters are not lent to this borrower any more */
    public synchronized void requireLent(Runnable writeBack) {
        if (!arena.scope().isAlive()) throw new IllegalStateException("the model is closed");
        if (!Objects.equals(owner, writeBack)) {
            throw new IllegalStateException(
                    "another trainer has taken over this model; one model has one trainer at a time");
        }
    }

    /** The tensor of a name as it is, without asking the borrower: for the borrower itself. */
    public synchronized Tensor raw(String name) {
        return tensors.get(name);
    }

    /**
     * Everything of float32 that is not learned (running means and variances) in one block, in the order of the layers, each beginning on
     * a multiple of {@link StatisticsLayout#ALIGNMENT} floats, with zeros between: for one pass over all of them.
     */
    public MemorySegment buffers() {
        return buffers;
    }

    /** Where a tensor begins in {@link #buffers}, in floats; −1 if it does not lie there. */
    public long bufferOffset(String name) {
        return offsets.getOrDefault(name, -1L);
    }

    private void refresh() {
        if (!stale) return;
        owner.run();
        stale = false;
        version++;
    }

    @Override
    public synchronized void close() {
        if (arena.scope().isAlive()) arena.close();
    }
}
