package dev.ondine.onednn;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What the caller writes before a load, or reads after a fetch, and no step reads: it need not last through the runs between, which
 * take its memory.
 */
final class Staging {
    private Staging() {}

    /**
     * Takes the pins of such buffers back.
     *
     * @param results what the caller reads as the steps leave it
     * @param pinned the slots that the planner keeps apart, of which what is released is removed
     */
    static void release(
            List<StepSpec> steps,
            List<StepSpec> loads,
            List<StepSpec> fetches,
            Set<Buffer> results,
            Collection<Slot> pinned) {
        Set<Buffer> used = new HashSet<>();
        for (StepSpec step : steps) {
            for (Slot slot : step.reads()) used.add(slot.buffer().root());
            for (Slot slot : step.writes()) used.add(slot.buffer().root());
        }
        for (StepSpec load : loads) {
            for (Slot slot : load.reads()) {
                Buffer given = slot.buffer().root();
                // An input can be an output as it is.
                if (used.contains(given) || results.contains(given)) continue;
                given.unpin();
                pinned.removeIf(s -> s.buffer().root() == given);
            }
        }
        for (StepSpec fetch : fetches) {
            // Who fetches twice gets the same twice.
            for (Slot slot : fetch.reads()) slot.buffer().touch(Buffer.AFTER);
            for (Slot slot : fetch.writes()) {
                Buffer taken = slot.buffer().root();
                if (used.contains(taken)) continue;
                taken.fetch();
                pinned.removeIf(s -> s.buffer().root() == taken);
            }
        }
    }
}
