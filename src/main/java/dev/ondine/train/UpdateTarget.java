package dev.ondine.train;

import dev.ondine.backend.Team;
import dev.ondine.nn.ParameterRole;
import dev.ondine.nn.ParameterSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.IntFunction;

/**
 * What an optimizer works on: the blocks, and what lies where in them.
 *
 * @param state a block for each of {@link Optimizer#stateNames}
 * @param slices the parameters that are to change, in the order of the blocks
 * @param places where in the blocks each element of a parameter lies, row-major, by the slice's index
 * @param arena owns what an update needs besides
 */
record UpdateTarget(
        UpdateKernels kernels,
        MemorySegment weights,
        MemorySegment gradients,
        List<MemorySegment> state,
        List<Slice> slices,
        IntFunction<int[]> places,
        Team team,
        Arena arena) {

    /**
     * One parameter's part of the blocks.
     *
     * @param index which parameter of the plan
     * @param from where it begins, in float32 elements
     * @param to where it ends
     * @param rate what its learning rate is multiplied with
     * @param weightDecay instead of the optimizer's
     */
    record Slice(ParameterSpec spec, int index, long from, long to, double rate, OptionalDouble weightDecay) {
        boolean isWeight() {
            return spec.role() == ParameterRole.WEIGHT;
        }
    }

    /** The same with another part of the state. */
    UpdateTarget withState(List<MemorySegment> part) {
        return new UpdateTarget(kernels, weights, gradients, part, slices, places, team, arena);
    }

    UpdateTarget withSlices(List<Slice> part) {
        return new UpdateTarget(kernels, weights, gradients, state, part, places, team, arena);
    }

    /** Ranges for an update, with what tells them apart. */
    static final class Parts {
        final Ranges ranges;
        final double[] rate;
        final double[] weightDecay;

        private Parts(Arena arena, List<Slice> slices, double usualDecay) {
            rate = slices.stream().mapToDouble(Slice::rate).toArray();
            weightDecay = slices.stream()
                    .mapToDouble(s -> s.weightDecay().orElse(usualDecay))
                    .toArray();
            ranges = new Ranges(
                    arena,
                    slices.stream().map(s -> new Ranges.Range(s.from(), s.to())).toList());
        }
    }

    /** A range for each slice. */
    Parts each(double usualDecay) {
        return new Parts(arena, slices, usualDecay);
    }

    /**
     * As few ranges as will do: neighbours that are treated alike are one, padding between them included, which stays zero. Without
     * groups that is one range for all.
     */
    Parts merged(double usualDecay) {
        List<Slice> merged = new ArrayList<>();
        for (Slice next : slices) {
            Slice last = merged.isEmpty() ? null : merged.getLast();
            boolean alike = last != null
                    && last.index() + 1 == next.index()
                    && last.rate() == next.rate()
                    && last.weightDecay().orElse(usualDecay)
                            == next.weightDecay().orElse(usualDecay);
            if (alike) {
                merged.removeLast();
                // The index of the newest member, so that its neighbour is recognized.
                merged.add(
                        new Slice(next.spec(), next.index(), last.from(), next.to(), last.rate(), last.weightDecay()));
            } else {
                merged.add(next);
            }
        }
        return new Parts(arena, merged, usualDecay);
    }
}
