package dev.ondine.onednn;

import dev.ondine.backend.NativeMemory;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.Execution;
import dev.ondine.onednn.api.Memory;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.Primitive;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.Reorders;
import dev.ondine.onednn.api.Stream;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The parameters in one block of memory and their gradients in a second of the same layout.
 *
 * <p>A block of gradients of its own is the beginning of the plan's arena: before a gradient is made its place belongs to activations, see
 * {@link #reserved}.
 *
 * <p>Each parameter's layout is settled once: by the primitive that makes its gradient, or in a graph without gradients by its first
 * reader. A reader that comes before, or wants another layout, gets a copy that is made anew in every run; these reorders are
 * put among the steps when everything is settled.
 */
final class ParameterBlock {
    private static final long ALIGNMENT = 64;

    private record PendingRead(int parameter, Slot copy, int step) {}

    private final Object lock;
    private final List<Value> parameters;
    private final boolean training;
    private final boolean frozen;
    private final MemoryDescriptor[] settled;
    private final Slot[] gradientSlots;
    private final Buffer[] weightBuffers;
    private final Buffer[] gradientBuffers;
    private final List<PendingRead> pending = new ArrayList<>();
    private final long[] offsets;
    private MemorySegment weights;
    private MemorySegment gradients;
    private boolean gradientsInArena;

    private ParameterBlock(List<Value> parameters, boolean training, boolean frozen, Object lock) {
        this.lock = lock;
        this.frozen = frozen;
        this.parameters = parameters;
        this.training = training;
        int n = parameters.size();
        this.settled = new MemoryDescriptor[n];
        this.gradientSlots = new Slot[n];
        this.weightBuffers = new Buffer[n];
        this.gradientBuffers = new Buffer[n];
        this.offsets = new long[n + 1];
        for (int i = 0; i < n; i++) {
            weightBuffers[i] = Buffer.external(parameters.get(i).toString());
            gradientBuffers[i] = Buffer.external("d" + parameters.get(i));
        }
    }

    static ParameterBlock create(List<Value> parameters, boolean training) {
        return new ParameterBlock(parameters, training, false, new Object());
    }

    /** No memory of its own: {@link Freezing} binds each parameter to where it lies row-major. */
    static ParameterBlock frozen(List<Value> parameters) {
        return new ParameterBlock(parameters, false, true, new Object());
    }

    /** The same memory and layouts as another block's, for the same parameters. */
    static ParameterBlock sharing(ParameterBlock other, List<Value> parameters, boolean training) {
        if (!signature(parameters).equals(signature(other.parameters))) {
            throw new IllegalArgumentException("a plan can share parameters only with a plan of the same network");
        }
        if (training && other.gradients.byteSize() == 0) {
            throw new IllegalArgumentException("a plan with gradients cannot share parameters with one without");
        }
        ParameterBlock block = new ParameterBlock(parameters, training, false, other.lock);
        for (int i = 0; i < block.settled.length; i++) block.settled[i] = other.settled[i];
        block.weights = other.weights;
        block.gradients = other.gradients;
        return block;
    }

    private static List<String> signature(List<Value> parameters) {
        return parameters.stream().map(p -> p.name() + " " + p.type()).toList();
    }

    /**
     * What a plan holds while it runs or closes. Plans that share parameters have it in common: one must not be closed, and the
     * memory with it, while another runs.
     */
    Object lock() {
        return lock;
    }

    /** The layout of a parameter and its gradient, if it is settled. */
    Optional<MemoryDescriptor> settled(Value parameter) {
        return Optional.ofNullable(settled[index(parameter)]);
    }

    /** Settles the layout of a parameter and its gradient; says whether it is this one now. */
    boolean settle(Value parameter, MemoryDescriptor wanted) {
        // What is frozen lies row-major, where its owner has it.
        if (frozen) return false;
        int i = index(parameter);
        if (settled[i] == null) settled[i] = wanted;
        return settled[i].equals(wanted);
    }

    /** A parameter in a certain layout: its own memory if it lies there so, else {@code copy}, to be filled before {@code step}. */
    Slot read(Value parameter, MemoryDescriptor wanted, Slot copy, int step) {
        int i = index(parameter);
        boolean mayLieSo = !frozen && wanted.dataType() == DataType.FLOAT32 && (!training || wanted.rank() == 1);
        if (settled[i] == null && mayLieSo) settled[i] = wanted;
        if (settled[i] != null && settled[i].equals(wanted)) return new Slot(weightBuffers[i], wanted);
        pending.add(new PendingRead(i, copy, step));
        return copy;
    }

    /** Where a gradient that is made in this layout goes: into the block if the layout is, or becomes, the parameter's. */
    Slot gradient(Value parameter, MemoryDescriptor layout) {
        int i = index(parameter);
        if (settled[i] == null) settled[i] = layout;
        if (gradientSlots[i] == null && settled[i].equals(layout)) {
            gradientSlots[i] = new Slot(gradientBuffers[i], layout);
            return gradientSlots[i];
        }
        return new Slot(new Buffer("d" + parameter, layout.size()), layout);
    }

    /** The place of a parameter's gradient in the block. */
    Slot gradientSlot(Value parameter, MemoryDescriptor unlessSettled) {
        int i = index(parameter);
        if (settled[i] == null) settled[i] = unlessSettled;
        return gradientSlots[i] != null ? gradientSlots[i] : new Slot(gradientBuffers[i], settled[i]);
    }

    /** Ends the choosing: lays out the blocks and puts the reorders of parameters among the steps that {@link #read} counted. */
    void settle(Lowering lowering, List<StepSpec> steps) {
        long total = 0;
        for (int i = 0; i < settled.length; i++) {
            if (settled[i] == null) settled[i] = lowering.plain(parameters.get(i));
            offsets[i] = total;
            total += (settled[i].size() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
        offsets[settled.length] = total;
        if (frozen) {
            weights = MemorySegment.NULL;
            gradients = MemorySegment.NULL;
        } else if (weights == null) {
            weights = NativeMemory.allocate(lowering.arena, total, lowering.team);
            gradientsInArena = training;
            gradients = MemorySegment.NULL;
        }
        for (int i = 0; i < settled.length && !frozen; i++) {
            weightBuffers[i].bind(weights.asSlice(offsets[i], settled[i].size()));
        }
        if (training && !gradientsInArena) bindGradients(gradients);
        for (PendingRead read : pending.reversed()) {
            Slot own = new Slot(weightBuffers[read.parameter], settled[read.parameter]);
            if (own.layout().equals(read.copy.layout())) {
                read.copy.buffer().mergeInto(own.buffer());
            } else {
                steps.add(read.step, lowering.reorderStep(own, read.copy));
            }
        }
    }

    /** Whether the gradients' block is to be the beginning of the plan's arena; otherwise it is another plan's, or there is none. */
    boolean gradientsInArena() {
        return gradientsInArena;
    }

    /** How many bytes of the arena, from its beginning, are the gradients' block. */
    long bytesInArena() {
        return gradientsInArena ? offsets[settled.length] : 0;
    }

    /**
     * Who lives where in the gradients' block, once the steps have touched the gradients: each from the step that makes it, until after the
     * last; the optimizer reads them then. One that does not fill its place up to the next is there all the time, because the block is
     * read and written as a whole and nothing strange may lie between; and so is one that no step makes, which stays 0.
     */
    List<Buffer> reserved() {
        List<Buffer> places = new ArrayList<>();
        for (int i = 0; i < settled.length && gradientsInArena; i++) {
            long extent = offsets[i + 1] - offsets[i];
            boolean made = settled[i].size() == extent && gradientBuffers[i].last() >= 0;
            Buffer place = new Buffer("d" + parameters.get(i), extent);
            place.touch(made ? gradientBuffers[i].first() : Buffer.BEFORE);
            place.touch(Buffer.AFTER);
            place.place(offsets[i]);
            places.add(place);
        }
        return places;
    }

    /** Gives the gradients their block. */
    void bindGradients(MemorySegment block) {
        gradients = block;
        for (int i = 0; i < settled.length; i++) {
            gradientBuffers[i].bind(block.asSlice(offsets[i], settled[i].size()));
        }
    }

    boolean isFrozen() {
        return frozen;
    }

    /** The memory of a parameter that is read as it is. */
    Buffer buffer(Value parameter) {
        return weightBuffers[index(parameter)];
    }

    MemorySegment weights() {
        return weights;
    }

    MemorySegment gradients() {
        return gradients;
    }

    long offset(int parameter) {
        return offsets[parameter] / Float.BYTES;
    }

    long extent(int parameter) {
        return settled[parameter].size() / Float.BYTES;
    }

    /** Copies one parameter from row-major order into its place in a block of this layout. */
    void pack(int parameter, MemorySegment rowMajor, MemorySegment block) {
        transfer(parameter, rowMajor, block, true);
    }

    /** Copies one parameter from its place in a block of this layout to row-major order. */
    void unpack(int parameter, MemorySegment block, MemorySegment rowMajor) {
        transfer(parameter, rowMajor, block, false);
    }

    private void transfer(int parameter, MemorySegment rowMajor, MemorySegment block, boolean pack) {
        MemoryDescriptor layout = settled[parameter];
        long wanted = parameters.get(parameter).shape().elements() * Float.BYTES;
        if (rowMajor.byteSize() != wanted) {
            throw new IllegalArgumentException(
                    parameters.get(parameter) + " takes " + wanted + " bytes row-major, not " + rowMajor.byteSize());
        }
        MemorySegment place = block.asSlice(offsets[parameter], layout.size());
        if (layout.isPlain()) {
            if (pack) place.copyFrom(rowMajor);
            else rowMajor.copyFrom(place);
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemoryDescriptor plain = MemoryDescriptor.plain(arena, layout.dims(), DataType.FLOAT32);
            MemorySegment copy = arena.allocate(plain.size(), ALIGNMENT);
            if (pack) copy.copyFrom(rowMajor);
            Memory packed = Memory.of(arena, layout, place);
            Memory unpacked = Memory.of(arena, plain, copy);
            PrimitiveDescriptor reorder = Reorders.of(
                            pack ? plain : layout, pack ? layout : plain, Attributes.create(arena))
                    .create(arena);
            Execution.of(
                            arena,
                            Primitive.create(arena, reorder),
                            Stream.create(arena),
                            Map.of(Arg.SRC, pack ? unpacked : packed, Arg.DST, pack ? packed : unpacked))
                    .run();
            if (!pack) rowMajor.copyFrom(copy);
        }
    }

    private int index(Value parameter) {
        int i = parameters.indexOf(parameter);
        if (i < 0) throw new IllegalStateException(parameter + " is not a parameter of this graph");
        return i;
    }
}
