package dev.ondine.bench.crossing;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.BatchNormalizations;
import dev.ondine.onednn.api.Convolutions;
import dev.ondine.onednn.api.Execution;
import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.Memory;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.MemoryQuery;
import dev.ondine.onednn.api.NormalizationFlag;
import dev.ondine.onednn.api.OpenMp;
import dev.ondine.onednn.api.Primitive;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.onednn.api.Reorders;
import dev.ondine.onednn.api.Stream;
import dev.ondine.onednn.api.Window;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A convolution, batch norm with ReLU, and their gradients, made and run from Java: what {@code native/src/sequence_program.c} is,
 * statement for statement.
 */
final class JavaSequence implements AutoCloseable {
    private static final float EPSILON = 1e-5f;

    private final Arena arena = Arena.ofShared();
    private final Stream stream = Stream.create(arena);
    private final Attributes attributes = Attributes.create(arena);
    private final int threads;
    private final Execution[] steps;
    private final List<Memory> checked;
    private long seed = 1;

    JavaSequence(Extent extent, int threads) {
        this.threads = threads;
        OpenMp.setThreads(threads);
        long[] image = {extent.batch(), extent.channels(), extent.size(), extent.size()};
        long[] kernel = {extent.channels(), extent.channels(), 3, 3};
        MemoryDescriptor x = MemoryDescriptor.of(arena, image, DataType.FLOAT32, FormatTag.ACDB);
        MemoryDescriptor weights = MemoryDescriptor.any(arena, kernel, DataType.FLOAT32);
        MemoryDescriptor vector = MemoryDescriptor.plain(arena, new long[] {extent.channels()}, DataType.FLOAT32);
        Window window = Window.of(new long[] {1, 1}, new long[] {1, 1});
        EnumSet<NormalizationFlag> flags =
                EnumSet.of(NormalizationFlag.USE_SCALE, NormalizationFlag.USE_SHIFT, NormalizationFlag.FUSE_NORM_RELU);

        PrimitiveDescriptor conv = Convolutions.forward(
                        Propagation.FORWARD_TRAINING, x, weights, MemoryDescriptor.NONE, x, window, attributes)
                .create(arena);
        PrimitiveDescriptor norm = BatchNormalizations.forward(
                        Propagation.FORWARD_TRAINING, x, x, EPSILON, flags, attributes)
                .create(arena);
        PrimitiveDescriptor normBackward = BatchNormalizations.backward(
                        Propagation.BACKWARD, x, x, x, EPSILON, flags, norm, attributes)
                .create(arena);
        PrimitiveDescriptor weightsBackward = Convolutions.backwardWeights(
                        x, weights, MemoryDescriptor.NONE, x, window, conv, attributes)
                .create(arena);
        PrimitiveDescriptor dataBackward = Convolutions.backwardData(x, weights, x, window, conv, attributes)
                .create(arena);

        Memory src = filled(x);
        Memory diff = filled(x);
        Memory w = filled(conv.query(Arg.WEIGHTS));
        Memory scale = filled(vector);
        Memory shift = filled(vector);
        Memory mean = zeros(vector);
        Memory variance = zeros(vector);
        Memory dscale = zeros(vector);
        Memory dshift = zeros(vector);
        Memory y = zeros(x);
        Memory z = zeros(x);
        Memory dy = zeros(x);
        Memory dx = zeros(x);
        Memory mask = zeros(norm.query(Arg.WORKSPACE));
        Memory dw = zeros(weightsBackward.query(Arg.DIFF_WEIGHTS));
        Memory w2 = w;

        List<Execution> all = new ArrayList<>();
        all.add(bind(conv, Map.of(Arg.SRC, src, Arg.WEIGHTS, w, Arg.DST, y)));
        all.add(bind(
                norm,
                Map.of(
                        Arg.SRC,
                        y,
                        Arg.SCALE,
                        scale,
                        Arg.SHIFT,
                        shift,
                        Arg.DST,
                        z,
                        Arg.MEAN,
                        mean,
                        Arg.VARIANCE,
                        variance,
                        Arg.WORKSPACE,
                        mask)));
        all.add(bind(
                normBackward,
                Map.of(
                        Arg.SRC,
                        y,
                        Arg.MEAN,
                        mean,
                        Arg.VARIANCE,
                        variance,
                        Arg.DIFF_DST,
                        diff,
                        Arg.SCALE,
                        scale,
                        Arg.WORKSPACE,
                        mask,
                        Arg.DIFF_SRC,
                        dy,
                        Arg.DIFF_SCALE,
                        dscale,
                        Arg.DIFF_SHIFT,
                        dshift)));
        all.add(bind(weightsBackward, Map.of(Arg.SRC, src, Arg.DIFF_DST, dy, Arg.DIFF_WEIGHTS, dw)));
        if (!conv.query(Arg.WEIGHTS).equals(dataBackward.query(Arg.WEIGHTS))) {
            w2 = zeros(dataBackward.query(Arg.WEIGHTS));
            PrimitiveDescriptor reorder =
                    Reorders.of(w.descriptor(), w2.descriptor(), attributes).create(arena);
            all.add(bind(reorder, Map.of(Arg.SRC, w, Arg.DST, w2)));
        }
        all.add(bind(dataBackward, Map.of(Arg.DIFF_DST, dy, Arg.WEIGHTS, w2, Arg.DIFF_SRC, dx)));
        this.steps = all.toArray(Execution[]::new);
        this.checked = List.of(dx, dw, dscale);
    }

    private Execution bind(PrimitiveDescriptor descriptor, Map<Arg, Memory> arguments) {
        Map<Arg, Memory> all = new LinkedHashMap<>(arguments);
        if (descriptor.scratchpadSize() > 0) all.put(Arg.SCRATCHPAD, zeros(descriptor.query(MemoryQuery.SCRATCHPAD)));
        return Execution.of(arena, Primitive.create(arena, descriptor), stream, all);
    }

    private Memory zeros(MemoryDescriptor descriptor) {
        return Memory.of(arena, descriptor, arena.allocate(descriptor.size(), Memory.ALIGNMENT));
    }

    /** In memory order, of Knuth's linear congruential generator the upper 24 bits, in [−1/2, 1/2). */
    private Memory filled(MemoryDescriptor descriptor) {
        Memory memory = zeros(descriptor);
        for (long i = 0; i < descriptor.size() / Float.BYTES; i++) {
            seed = seed * 6364136223846793005L + 1442695040888963407L;
            memory.data().setAtIndex(JAVA_FLOAT, i, (seed >>> 40) * 0x1p-24f - 0.5f);
        }
        return memory;
    }

    /** One pass. */
    void run() {
        for (Execution step : steps) step.run();
    }

    /** Warms up, then times every pass for so long. */
    Times time(double warmUpSeconds, double seconds) {
        OpenMp.setThreads(threads);
        Times.of(this::run, warmUpSeconds);
        return Times.of(this::run, seconds);
    }

    int primitives() {
        return steps.length;
    }

    /** Of the gradients, bit for bit; the program's in hexadecimal. */
    String checksum() {
        long sum = 0;
        for (Memory memory : checked) {
            MemorySegment data = memory.data();
            for (long i = 0; i < data.byteSize() / Integer.BYTES; i++) {
                sum = sum * 31 + Integer.toUnsignedLong(data.getAtIndex(JAVA_INT, i));
            }
        }
        return "%016x".formatted(sum);
    }

    @Override
    public void close() {
        arena.close();
    }
}
