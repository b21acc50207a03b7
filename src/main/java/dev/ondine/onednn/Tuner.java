package dev.ondine.onednn;

import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.Execution;
import dev.ondine.onednn.api.Memory;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.Primitive;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Reorders;
import dev.ondine.onednn.api.Stream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Chooses among oneDNN's kernels for one operation by running them. A kernel that wants its operands in another layout than they have,
 * or gives its result in another than the network flows in, is charged for the reorders: a choice never makes the rest of the
 * plan slower, so that each operation can be decided alone.
 *
 * <p>What was measured is kept in a {@link TuningCache}, because a second measurement could decide a close race the other way, and
 * another kernel sums in another order: the same cache gives the same plan and so the same bits.
 */
class Tuner {
    /** Rounds in which every candidate runs once; the fastest of a candidate's runs counts, because noise only ever adds. */
    private static final int LEAST_ROUNDS = 4;

    private static final int MOST_ROUNDS = 24;

    /** No further round begins after this: what runs that long is measured well by few rounds. */
    private static final long BUDGET_NANOS = 120_000_000;

    /** How much faster than the rule's choice another must be to be taken: less is within the noise. */
    private static final double MARGIN = 0.97;

    /** A reorder that comes with a kernel. */
    record Conversion(MemoryDescriptor from, MemoryDescriptor to) {}

    /** A primitive with its operands, before there is memory for them. */
    private record Run(PrimitiveDescriptor descriptor, Map<Arg, MemoryDescriptor> operands) {}

    private final TuningCache cache;
    private boolean changed;

    Tuner(TuningCache cache) {
        this.cache = cache;
    }

    /**
     * The fastest of some kernels.
     *
     * @param arena owns the descriptors
     * @param requests what to try; the first that oneDNN has a kernel for is what is taken unless another is clearly faster
     * @param conversions the reorders that a kernel would bring with it
     * @return nothing ({@code null}) if oneDNN has no real kernel for any of them
     */
    PrimitiveDescriptor choose(
            Arena arena, List<PrimitiveRequest> requests, Function<PrimitiveDescriptor, List<Conversion>> conversions) {
        Map<String, PrimitiveDescriptor> candidates = new LinkedHashMap<>();
        for (PrimitiveRequest request : requests) {
            request.tryCreate(arena)
                    .filter(d -> !d.isReference())
                    .ifPresent(d -> candidates.putIfAbsent(identity(d), d));
        }
        if (candidates.size() < 2) {
            return candidates.isEmpty() ? null : candidates.values().iterator().next();
        }
        String operation = requests.getFirst().describe();
        String known = cache.get(operation);
        if (known != null && candidates.containsKey(known)) return candidates.get(known);
        String fastest = fastest(candidates, conversions);
        cache.put(operation, fastest);
        changed = true;
        return candidates.get(fastest);
    }

    /** Keeps what was measured for the next time. */
    void save() {
        if (changed) cache.save();
    }

    /** Kernel and layouts: {@code jit:avx2 src aBcd8b, diff_dst aBcd8b, diff_weights ABcd8b8a}. */
    private static String identity(PrimitiveDescriptor descriptor) {
        return operands(descriptor).entrySet().stream()
                .map(e -> e.getKey().name() + " " + e.getValue().tag())
                .collect(Collectors.joining(", ", descriptor.implementation() + " ", ""));
    }

    private static Map<Arg, MemoryDescriptor> operands(PrimitiveDescriptor descriptor) {
        Map<Arg, MemoryDescriptor> operands = new LinkedHashMap<>();
        for (Arg arg : List.of(
                Arg.SRC,
                Arg.WEIGHTS,
                Arg.BIAS,
                Arg.DST,
                Arg.DIFF_DST,
                Arg.DIFF_SRC,
                Arg.DIFF_WEIGHTS,
                Arg.DIFF_BIAS,
                Arg.postOpSource(0),
                Arg.SCRATCHPAD)) {
            MemoryDescriptor layout = descriptor.query(arg);
            if (!layout.isNone() && layout.size() > 0) operands.put(arg, layout);
        }
        return operands;
    }

    /** The name of the candidate that is fastest here and now; the first unless another is clearly faster. */
    String fastest(
            Map<String, PrimitiveDescriptor> candidates, Function<PrimitiveDescriptor, List<Conversion>> conversions) {
        try (Arena arena = Arena.ofShared()) {
            List<String> names = new ArrayList<>(candidates.keySet());
            List<List<Execution>> runs = bind(arena, candidates.values(), conversions);
            long[][] nanos = new long[runs.size()][];
            long end = System.nanoTime() + BUDGET_NANOS * runs.size();
            for (int round = 0; round < MOST_ROUNDS; round++) {
                if (round >= LEAST_ROUNDS && System.nanoTime() > end) break;
                for (int i = 0; i < runs.size(); i++) nanos[i] = time(runs.get(i), nanos[i]);
            }
            int best = 0;
            for (int i = 1; i < nanos.length; i++) {
                if (sum(nanos[i]) < sum(nanos[best]) * (best == 0 ? MARGIN : 1)) best = i;
            }
            return names.get(best);
        }
    }

    /** Each candidate with its reorders, ready to run. All of them use the same memory: none has warmer caches than another. */
    private static List<List<Execution>> bind(
            Arena arena,
            Collection<PrimitiveDescriptor> candidates,
            Function<PrimitiveDescriptor, List<Conversion>> conversions) {
        List<List<Run>> runs = new ArrayList<>();
        for (PrimitiveDescriptor candidate : candidates) {
            List<Run> run = new ArrayList<>();
            run.add(new Run(candidate, operands(candidate)));
            for (Conversion c : conversions.apply(candidate)) {
                PrimitiveDescriptor reorder =
                        Reorders.of(c.from, c.to, Attributes.create(arena)).create(arena);
                run.add(new Run(reorder, Map.of(Arg.SRC, c.from, Arg.DST, c.to)));
            }
            runs.add(run);
        }
        Map<Arg, MemorySegment> memory = memory(arena, runs);
        Stream stream = Stream.create(arena);
        return runs.stream()
                .map(run -> run.stream()
                        .map(r -> execution(arena, stream, r, memory))
                        .toList())
                .toList();
    }

    /** For each argument as much as the greediest wants. */
    private static Map<Arg, MemorySegment> memory(Arena arena, List<List<Run>> runs) {
        Map<Arg, Long> sizes = new LinkedHashMap<>();
        for (List<Run> run : runs) {
            for (Run r : run) r.operands.forEach((arg, layout) -> sizes.merge(arg, layout.size(), Math::max));
        }
        Map<Arg, MemorySegment> memory = new LinkedHashMap<>();
        // Numbers around 0.01, whatever the floating-point type: sums of denormals would take longer.
        sizes.forEach((arg, bytes) -> memory.put(
                arg,
                arena.allocate(Math.max(bytes, Memory.ALIGNMENT), Memory.ALIGNMENT)
                        .fill((byte) 0x3C)));
        return memory;
    }

    private static Execution execution(Arena arena, Stream stream, Run run, Map<Arg, MemorySegment> memory) {
        Map<Arg, Memory> arguments = new LinkedHashMap<>();
        run.operands.forEach((arg, layout) -> arguments.put(arg, Memory.of(arena, layout, memory.get(arg))));
        return Execution.of(arena, Primitive.create(arena, run.descriptor), stream, arguments);
    }

    private static long[] time(List<Execution> executions, long[] before) {
        long[] nanos = new long[executions.size()];
        for (int i = 0; i < nanos.length; i++) {
            long start = System.nanoTime();
            executions.get(i).run();
            nanos[i] = System.nanoTime() - start;
            if (before != null) nanos[i] = Math.min(nanos[i], before[i]);
        }
        return nanos;
    }

    private static long sum(long[] nanos) {
        long sum = 0;
        for (long n : nanos) sum += n;
        return sum;
    }
}
