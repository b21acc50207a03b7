package dev.ondine.onednn;

import dev.ondine.backend.PlanReport.Attempt;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Which of oneDNN's kernels an operation gets: the first that will do, or the fastest; and what was asked for in vain. */
final class KernelChoice {
    private final Arena arena;
    private final Tuner tuner;
    private final Map<PrimitiveDescriptor, List<Attempt>> attempts = new HashMap<>();

    /** @param tuner {@code null} to take the first that will do */
    KernelChoice(Arena arena, Tuner tuner) {
        this.arena = arena;
        this.tuner = tuner;
    }

    boolean areTuned() {
        return tuner != null;
    }

    /**
     * The first request that oneDNN has a real kernel for; failing that the first that it can do at all.
     *
     * @throws dev.ondine.onednn.api.OneDnnException if it can do none of them
     */
    PrimitiveDescriptor first(List<PrimitiveRequest> requests) {
        PrimitiveDescriptor reference = null;
        List<Attempt> tried = new ArrayList<>();
        for (PrimitiveRequest request : requests) {
            PrimitiveDescriptor found = request.tryCreate(arena).orElse(null);
            if (found != null && !found.isReference()) return found;
            tried.add(new Attempt(request.describe(), found == null ? "declined" : found.implementation()));
            if (reference == null) reference = found;
        }
        // Asking for the last one again makes oneDNN say what it lacks.
        if (reference == null) return requests.getLast().create(arena);
        attempts.put(reference, tried);
        return reference;
    }

    /**
     * The fastest with its reorders if there is a tuner, else the first.
     *
     * @param conversions the reorders that a kernel would bring with it
     */
    PrimitiveDescriptor fastest(
            List<PrimitiveRequest> requests, Function<PrimitiveDescriptor, List<Tuner.Conversion>> conversions) {
        PrimitiveDescriptor fastest = tuner == null ? null : tuner.choose(arena, requests, conversions);
        return fastest != null ? fastest : first(requests);
    }

    /** What was asked for, in turn, before a descriptor was taken. */
    List<Attempt> attempts(PrimitiveDescriptor descriptor) {
        return attempts.getOrDefault(
                descriptor, List.of(new Attempt(descriptor.request(), descriptor.implementation())));
    }
}
