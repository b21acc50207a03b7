package dev.ondine.train;

import dev.ondine.backend.Plan;
import dev.ondine.graph.Value;
import dev.ondine.nn.Parameters;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Brings the running statistics that a training step reads (frozen batch norm does) from the model to the plan. */
final class StatisticsFeed {
    private final MemorySegment[] from;
    private final MemorySegment[] to;

    StatisticsFeed(Plan plan, Parameters parameters) {
        List<Value> buffers = plan.graph().buffers();
        from = buffers.stream().map(v -> parameters.raw(v.name()).segment()).toArray(MemorySegment[]::new);
        to = buffers.stream().map(v -> plan.buffer(v.name()).segment()).toArray(MemorySegment[]::new);
    }

    void run() {
        for (int i = 0; i < from.length; i++) MemorySegment.copy(from[i], 0, to[i], 0, to[i].byteSize());
    }
}
