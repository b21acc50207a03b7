package dev.ondine.profile;

import dev.ondine.backend.NativeMemory;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.Eltwises;
import dev.ondine.onednn.api.Execution;
import dev.ondine.onednn.api.InnerProducts;
import dev.ondine.onednn.api.Memory;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OneDnnException;
import dev.ondine.onednn.api.OneDnnUnavailableException;
import dev.ondine.onednn.api.OpenMp;
import dev.ondine.onednn.api.OpenMpTeam;
import dev.ondine.onednn.api.Primitive;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.onednn.api.Stream;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What oneDNN's own kernels reach at their best. Beside loops in Java, which stay below them, so that no step of a plan is held against
 * less than its like can do.
 */
final class OneDnnPeak {
    /** Rows and columns of the matrices: 2 GFLOP a product, of 4 MiB each. */
    private static final long SIDE = 1024;

    private static final int LEAST_RUNS = 3;

    /** Numbers around 0.01, whatever the floating-point type: sums of denormals would take longer. */
    private static final byte CONTENT = 0x3C;

    private OneDnnPeak() {}

    /** Floating-point operations a second of a large matrix product; nothing if oneDNN is not there or has no kernel for the type. */
    static Optional<Double> product(DataType type, double seconds, int threads) {
        if (!isUsable(threads) || type == DataType.BFLOAT16 && !OneDnn.supportsBfloat16()) return Optional.empty();
        try (Arena arena = Arena.ofShared()) {
            long[] square = {SIDE, SIDE};
            MemoryDescriptor x = MemoryDescriptor.plain(arena, square, type);
            MemoryDescriptor y = MemoryDescriptor.plain(arena, square, DataType.FLOAT32);
            MemoryDescriptor weights = MemoryDescriptor.any(arena, square, type);
            PrimitiveDescriptor descriptor = InnerProducts.forward(
                            Propagation.FORWARD_INFERENCE,
                            x,
                            weights,
                            MemoryDescriptor.NONE,
                            y,
                            Attributes.create(arena))
                    .create(arena);
            if (descriptor.isReference()) return Optional.empty();
            Map<Arg, Memory> arguments = new LinkedHashMap<>();
            for (Arg arg : List.of(Arg.SRC, Arg.WEIGHTS, Arg.DST, Arg.SCRATCHPAD)) {
                MemoryDescriptor layout = descriptor.query(arg);
                if (layout.size() > 0) arguments.put(arg, Memory.of(arena, layout, memory(arena, layout, threads)));
            }
            double time = bestTime(bind(arena, descriptor, arguments), seconds);
            return Optional.of(2.0 * SIDE * SIDE * SIDE / time);
        } catch (OneDnnException _) {
            return Optional.empty();
        }
    }

    /** Bytes a second, read and written ones both counted, of a ReLU that overwrites {@code bytes} of memory; nothing without oneDNN. */
    static Optional<Double> inPlace(long bytes, double seconds, int threads) {
        if (!isUsable(threads)) return Optional.empty();
        try (Arena arena = Arena.ofShared()) {
            MemoryDescriptor layout = MemoryDescriptor.plain(arena, new long[] {bytes / Float.BYTES}, DataType.FLOAT32);
            PrimitiveDescriptor descriptor = Eltwises.forward(
                            Propagation.FORWARD_INFERENCE,
                            Algorithm.ELTWISE_RELU,
                            layout,
                            layout,
                            0,
                            0,
                            Attributes.create(arena))
                    .create(arena);
            Memory x = Memory.of(arena, layout, memory(arena, layout, threads));
            double time = bestTime(bind(arena, descriptor, Map.of(Arg.SRC, x, Arg.DST, x)), seconds);
            return Optional.of(2.0 * layout.size() / time);
        } catch (OneDnnException _) {
            return Optional.empty();
        }
    }

    private static boolean isUsable(int threads) {
        try {
            OneDnn.load();
        } catch (OneDnnUnavailableException _) {
            return false;
        }
        if (threads > OpenMp.threadLimit()) return false;
        // Kernels are made for the number of threads that is set.
        OpenMp.setThreads(threads);
        return true;
    }

    private static MemorySegment memory(Arena arena, MemoryDescriptor layout, int threads) {
        return NativeMemory.allocate(arena, layout.size(), new OpenMpTeam(threads))
                .fill(CONTENT);
    }

    private static Execution bind(Arena arena, PrimitiveDescriptor descriptor, Map<Arg, Memory> arguments) {
        return Execution.of(arena, Primitive.create(arena, descriptor), Stream.create(arena), arguments);
    }

    /** The shortest of the runs within some seconds: noise only ever adds. */
    private static double bestTime(Execution execution, double seconds) {
        execution.run();
        double best = Double.POSITIVE_INFINITY;
        long begin = System.nanoTime();
        for (int i = 0; i < LEAST_RUNS || 1e-9 * (System.nanoTime() - begin) < seconds; i++) {
            long start = System.nanoTime();
            execution.run();
            best = Math.min(best, 1e-9 * (System.nanoTime() - start));
        }
        return best;
    }
}
