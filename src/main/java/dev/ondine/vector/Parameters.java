package dev.ondine.vector;

import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;

/**
 * The parameters of a graph in flat blocks: weights as the kernels read them ({@link Layout.Blocked}), so that a training step
 * neither packs nor unpacks them, everything else row-major; each start on a multiple of 16 elements.
 *
 * <p>What the optimizer sees is native memory; the kernels work on a copy on the heap, because the Vector API is twice as fast there.
 */
final class Parameters {
    private static final int ALIGNMENT = 16;

    private final List<Value> values;
    private final Place[] weights;
    private final Place[] gradients;
    private final int[] offsets;
    private final float[] heapWeights;
    private final float[] heapGradients;
    final MemorySegment weightBlock;
    final MemorySegment gradientBlock;

    /** Allocates blocks in {@code arena}, or takes those of {@code shared} where it has them. */
    Parameters(Graph graph, Optional<Parameters> shared, Arena arena) {
        values = graph.parameters();
        shared.ifPresent(this::requireSame);
        int count = values.size();
        weights = new Place[count];
        gradients = new Place[count];
        offsets = new int[count + 1];
        for (int i = 0; i < count; i++) {
            Value v = values.get(i);
            int index = i;
            Layout layout = shared.map(s -> s.layout(index)).orElseGet(() -> wanted(graph, v));
            weights[i] = new Place(layout);
            gradients[i] = new Place(layout);
            offsets[i + 1] = Math.addExact(offsets[i], Lanes.roundUp(layout.size(), ALIGNMENT));
        }
        int total = offsets[count];
        boolean training = graph.gradients().keySet().stream().anyMatch(v -> v.role() == Value.Role.PARAMETER);
        weightBlock = shared.map(s -> s.weightBlock).orElseGet(() -> allocate(arena, total));
        heapWeights = shared.map(s -> s.heapWeights).orElseGet(() -> new float[total + Lanes.SLACK]);
        Optional<Parameters> trained = shared.filter(s -> s.gradientBlock.byteSize() > 0);
        if (training) {
            gradientBlock = trained.map(s -> s.gradientBlock).orElseGet(() -> allocate(arena, total));
            heapGradients = trained.map(s -> s.heapGradients).orElseGet(() -> new float[total + Lanes.SLACK]);
        } else {
            gradientBlock = MemorySegment.NULL;
            heapGradients = new float[0];
        }
        for (int i = 0; i < count; i++) {
            weights[i].bind(heapWeights, offsets[i]);
            gradients[i].bind(heapGradients, offsets[i]);
        }
    }

    private static MemorySegment allocate(Arena arena, int floats) {
        return arena.allocate((long) floats * Float.BYTES, 64);
    }

    /** The layout that the first convolution or linear layer that reads the parameter as its weights wants; else row-major. */
    private static Layout wanted(Graph graph, Value v) {
        for (Node node : graph.nodes()) {
            if (node.inputs().size() < 2 || !node.input(1).equals(v)) continue;
            switch (node.op()) {
                case Op.Convolution c -> {
                    return ConvolutionShape.of(
                                    c,
                                    node.input(0).shape(),
                                    v.shape(),
                                    node.output(0).shape())
                            .weights();
                }
                case Op.Linear _ -> {
                    return ConvolutionShape.linear(
                                    1, (int) v.shape().dim(1), (int) v.shape().dim(0))
                            .weights();
                }
                default -> {}
            }
        }
        return new Layout.RowMajor((int) v.shape().elements());
    }

    private void requireSame(Parameters other) {
        if (other.values.size() != values.size()) {
            throw new IllegalArgumentException("parameters cannot be shared: this graph has " + values.size()
                    + ", the other plan's has " + other.values.size());
        }
        for (int i = 0; i < values.size(); i++) {
            Value mine = values.get(i);
            Value theirs = other.values.get(i);
            if (!mine.name().equals(theirs.name()) || !mine.type().equals(theirs.type())) {
                throw new IllegalArgumentException(
                        "parameters cannot be shared: parameter " + i + " is " + mine.name() + " " + mine.type()
                                + " here and " + theirs.name() + " " + theirs.type() + " in the other plan");
            }
        }
    }

    int count() {
        return values.size();
    }

    Value value(int index) {
        return values.get(index);
    }

    Layout layout(int index) {
        return weights[checked(index)].layout;
    }

    /** Where the kernels read a parameter. */
    Place weight(int index) {
        return weights[index];
    }

    /** Where the kernels leave its gradient, if the graph has gradients. */
    Place gradient(int index) {
        return gradients[index];
    }

    int offset(int index) {
        return offsets[checked(index)];
    }

    int extent(int index) {
        return offsets[checked(index) + 1] - offsets[index];
    }

    private int checked(int index) {
        if (index < 0 || index >= values.size()) {
            throw new IndexOutOfBoundsException(
                    "there is no parameter " + index + ": the graph has " + values.size() + " parameters");
        }
        return index;
    }

    /** Brings the weights to the heap. */
    void load() {
        MemorySegment.copy(weightBlock, ValueLayout.JAVA_FLOAT, 0, heapWeights, 0, offsets[count()]);
    }

    /** Brings the gradients to the native block. */
    void store() {
        if (gradientBlock.byteSize() == 0) return;
        MemorySegment.copy(heapGradients, 0, gradientBlock, ValueLayout.JAVA_FLOAT, 0, offsets[count()]);
    }

    void pack(int index, MemorySegment rowMajor, MemorySegment block) {
        Layout layout = layout(index);
        block.asSlice((long) offset(index) * Float.BYTES, (long) extent(index) * Float.BYTES)
                .fill((byte) 0);
        for (int i = 0; i < layout.elements(); i++) {
            float value = rowMajor.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            block.setAtIndex(ValueLayout.JAVA_FLOAT, (long) offset(index) + layout.position(i), value);
        }
    }

    void unpack(int index, MemorySegment block, MemorySegment rowMajor) {
        Layout layout = layout(index);
        for (int i = 0; i < layout.elements(); i++) {
            float value = block.getAtIndex(ValueLayout.JAVA_FLOAT, (long) offset(index) + layout.position(i));
            rowMajor.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        }
    }

    long bytes() {
        return weightBlock.byteSize()
                + gradientBlock.byteSize()
                + Float.BYTES * ((long) heapWeights.length + heapGradients.length);
    }
}
