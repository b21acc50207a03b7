package dev.ondine.onednn;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Gives every buffer a place in one arena, so that buffers that live at the same time do not overlap.
 *
 * <p>Largest first, each in the smallest gap that fits among the buffers that live when it does (the greedy-by-size strategy of Pisarchyk
 * and Lee 2020). Before that, outputs take the memory of inputs that nobody reads any more, where the operation allows it.
 */
final class MemoryPlanner {
    private static final long ALIGNMENT = 64;

    private MemoryPlanner() {}

    /** As {@link #plan(List, Collection, Supplier)}, with nothing that has its place already. */
    static long plan(List<StepSpec> steps, Collection<Slot> pinned) {
        return plan(steps, pinned, List::of);
    }

    /**
     * Marks the first and last step of each buffer, merges in place what may be, and places the rest; returns the bytes needed.
     *
     * @param reserved what has a place already, by offset, none over another; asked for when lives are known
     */
    static long plan(List<StepSpec> steps, Collection<Slot> pinned, Supplier<List<Buffer>> reserved) {
        for (int i = 0; i < steps.size(); i++) {
            for (Slot slot : steps.get(i).reads()) slot.buffer().touch(i);
            for (Slot slot : steps.get(i).writes()) slot.buffer().touch(i);
        }
        mergeInPlace(steps);
        return place(buffers(steps, pinned), reserved.get());
    }

    /** How much of the arena, from its beginning, is used before a step. */
    static long usedBefore(int step, Collection<Buffer> placed) {
        return placed.stream()
                .filter(b -> b.first() < step)
                .mapToLong(b -> align(b.offset() + b.bytes()))
                .max()
                .orElse(0);
    }

    private static void mergeInPlace(List<StepSpec> steps) {
        for (int i = 0; i < steps.size(); i++) {
            Set<Buffer> taken = new LinkedHashSet<>();
            StepSpec step = steps.get(i);
            for (StepSpec.InPlace pair : step.inPlace()) {
                Buffer in = pair.input().buffer();
                Buffer out = pair.output().buffer();
                // What takes the place of a part would take that of the whole.
                boolean free = in.whole() == in
                        && !in.isExternal()
                        && !in.isPinned()
                        && in.last() == i
                        && in.root() != out.root();
                boolean fits =
                        !out.isExternal() && out.root() == out && in.root().bytes() >= out.bytes();
                if (free && fits && out.first() >= i && !taken.contains(out) && isReadOnce(pair.input(), step)) {
                    out.mergeInto(in);
                    taken.add(out);
                }
            }
        }
    }

    /** Whether a step reads an input's memory in its own order only, not as another operand, part or transposition of it, too. */
    private static boolean isReadOnce(Slot input, StepSpec step) {
        return step.reads().stream()
                .allMatch(s ->
                        s.equals(input) || s.buffer().root() != input.buffer().root());
    }

    /** Every buffer that the planner has to place, in the order of first use. */
    static Collection<Buffer> buffers(List<StepSpec> steps, Collection<Slot> pinned) {
        Set<Buffer> roots = new LinkedHashSet<>();
        List<Slot> slots = new ArrayList<>(pinned);
        for (StepSpec step : steps) {
            slots.addAll(step.reads());
            slots.addAll(step.writes());
        }
        for (Slot slot : slots) {
            if (!slot.buffer().isExternal()) roots.add(slot.buffer().root());
        }
        return roots;
    }

    private static long place(Collection<Buffer> buffers, List<Buffer> reserved) {
        List<Buffer> bySize = new ArrayList<>(buffers);
        // What is first touched when the last steps are done may never be: it goes to the end, or where something else
        // was.
        bySize.sort(Comparator.comparing(Buffer::isFetched)
                .thenComparing(Comparator.comparingLong(Buffer::bytes).reversed()));
        List<Buffer> placed = new ArrayList<>(reserved); // by offset
        long total = reserved.isEmpty()
                ? 0
                : reserved.getLast().offset() + reserved.getLast().bytes();
        for (Buffer buffer : bySize) {
            long best = -1;
            long bestGap = Long.MAX_VALUE;
            long end = 0;
            for (Buffer other : placed) {
                if (other.last() < buffer.first() || buffer.last() < other.first()) continue;
                long gap = other.offset() - end;
                if (gap >= buffer.bytes() && gap < bestGap) {
                    best = end;
                    bestGap = gap;
                }
                end = Math.max(end, align(other.offset() + other.bytes()));
            }
            buffer.place(best >= 0 ? best : end);
            int at = 0;
            while (at < placed.size() && placed.get(at).offset() <= buffer.offset()) at++;
            placed.add(at, buffer);
            total = Math.max(total, align(buffer.offset() + buffer.bytes()));
        }
        return total;
    }

    private static long align(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}
