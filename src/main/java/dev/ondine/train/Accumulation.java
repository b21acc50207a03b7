package dev.ondine.train;

import dev.ondine.backend.NativeMemory;
import dev.ondine.backend.Plan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Adds up the gradients of several batches, so that one update follows their mean: in one more block, where the plan does not write. */
final class Accumulation {
    private final int batches;
    private final Plan plan;
    private final MemorySegment sum;
    private final BlockMath math = new BlockMath();
    private int taken;

    /** @param batches how many make one update; with 1 there is nothing to do, and no memory for it */
    Accumulation(Plan plan, int batches, Arena arena) {
        this.plan = plan;
        this.batches = batches;
        this.sum = batches == 1
                ? MemorySegment.NULL
                : NativeMemory.allocate(arena, plan.gradients().byteSize(), plan.team())
                        .asSlice(0, plan.gradients().byteSize());
    }

    /** How many batches of the update under way were taken. */
    int taken() {
        return taken;
    }

    /** Takes the gradients of a batch. Returns whether it was the last one: then the plan's block holds the mean. */
    boolean take() {
        if (batches == 1) return true;
        MemorySegment gradients = plan.gradients();
        taken++;
        if (taken == batches) {
            float share = 1f / batches;
            math.combine(gradients, sum, share, share, plan.team());
            taken = 0;
            return true;
        }
        if (taken == 1) sum.copyFrom(gradients);
        else math.combine(sum, gradients, 1, 1, plan.team());
        return false;
    }

    /** Forgets what was taken. */
    void drop() {
        taken = 0;
    }
}
