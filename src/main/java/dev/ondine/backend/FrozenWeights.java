package dev.ondine.backend;

import dev.ondine.graph.Value;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A model's parameters and buffers as plans for inference want them ({@link PlanOptions#frozen}): folded, packed into the layouts of
 * the kernels, and shared. The first plan packs what it reads; a further one, for another batch size or for another thread, takes
 * what is there and packs only what it wants otherwise.
 *
 * <p>The values are read from the source while a plan is compiled, and never afterwards. Plans may be compiled from several threads;
 * they take turns. Close this after the plans.
 */
public final class FrozenWeights implements AutoCloseable {
    /** oneDNN's wish; a cache line. */
    private static final long ALIGNMENT = 64;

    private final Function<String, Tensor> source;
    private final Arena arena = Arena.ofShared();
    private final Map<String, MemorySegment> packed = new HashMap<>();
    /** What the plan that is being compiled has added. */
    private final List<String> fresh = new ArrayList<>();

    private long bytes;
    private int plans;
    private boolean closed;

    /**
     * @param source gives the tensor of a parameter's or buffer's name, row-major; asked while plans are compiled
     */
    public FrozenWeights(Function<String, Tensor> source) {
        this.source = source;
    }

    /**
     * Compiles a plan that uses this: what it packs must be whole before another plan finds it. For backends.
     *
     * @throws IllegalStateException if this is closed
     */
    public synchronized <P extends Plan> P compiling(Supplier<P> compile) {
        requireOpen();
        fresh.clear();
        try {
            P plan = compile.get();
            plans++;
            return plan;
        } catch (RuntimeException | Error e) {
            // They may not have been filled.
            packed.keySet().removeAll(fresh);
            throw e;
        }
    }

    /** Says that a plan made by {@link #compiling} was closed. For backends. */
    public synchronized void released() {
        plans--;
    }

    /**
     * The row-major memory of a parameter or buffer of a graph, to be read only while the plan is compiled. For backends.
     *
     * @throws IllegalArgumentException if the source's tensor is of another type or shape
     */
    public Tensor source(Value v) {
        Tensor tensor = source.apply(v.name());
        if (tensor.dataType() != v.type().dataType() || !tensor.shape().equals(v.shape())) {
            throw new IllegalArgumentException(
                    "'" + v.name() + "' is " + tensor + ", but the network wants " + v.type());
        }
        return tensor;
    }

    /**
     * Memory of the packed form that {@code key} names. For backends.
     *
     * @param key says what it holds and in which layout, completely: equal keys, equal contents
     * @return whether it is there already, and the memory
     */
    public Packed packed(String key, long size) {
        requireOpen();
        MemorySegment known = packed.get(key);
        if (known != null) return new Packed(true, known);
        MemorySegment memory =
                arena.allocate(Math.max(size, ALIGNMENT), ALIGNMENT).asSlice(0, size);
        bytes += size;
        packed.put(key, memory);
        fresh.add(key);
        return new Packed(false, memory);
    }

    /**
     * A place for a packed form.
     *
     * @param filled whether another plan has put it there
     */
    public record Packed(boolean filled, MemorySegment memory) {}

    /** Copies everything into a plan that keeps parameters of its own. For backends that have no packed forms. */
    public <P extends Plan> P load(P plan) {
        try {
            List<Value> parameters = plan.graph().parameters();
            for (int i = 0; i < parameters.size(); i++) {
                plan.pack(i, source(parameters.get(i)).segment(), plan.weights());
            }
            for (Value buffer : plan.graph().buffers())
                plan.buffer(buffer.name()).copyFrom(source(buffer));
            plan.prepare();
            return plan;
        } catch (RuntimeException | Error e) {
            plan.close();
            throw e;
        }
    }

    /** The bytes of all packed forms. */
    public synchronized long bytes() {
        return bytes;
    }

    /** How many different packed forms there are. */
    public synchronized int count() {
        return packed.size();
    }

    private void requireOpen() {
        if (closed) throw new IllegalStateException("these frozen weights are closed");
    }

    /** @throws IllegalStateException if a plan that uses them is still open */
    @Override
    public synchronized void close() {
        if (closed) return;
        if (plans > 0) {
            throw new IllegalStateException(plans + " plans still use these frozen weights: close them first");
        }
        closed = true;
        arena.close();
    }
}
