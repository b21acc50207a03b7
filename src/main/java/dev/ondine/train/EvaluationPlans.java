package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A model compiled for evaluation, one plan a batch size, each with the model's newest parameters when it is asked for. */
final class EvaluationPlans implements AutoCloseable {
    private static final int MOST = 8;

    private static final class Entry {
        final Plan plan;
        long version;

        Entry(Plan plan) {
            this.plan = plan;
        }
    }

    private final Model model;
    private final Backend backend;
    private final PlanOptions options;
    private final Optional<Loss> loss;
    private final Map<Integer, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);
    private boolean closed;

    /** @param loss added behind the output as {@link TrainingBatch#LOSS}, with the input {@link TrainingBatch#TARGET} */
    EvaluationPlans(Model model, Backend backend, PlanOptions options, Optional<Loss> loss) {
        this.model = model;
        this.backend = backend;
        this.options = options;
        this.loss = loss;
    }

    /** The plan for batches of this size, with the model's newest parameters. */
    Plan plan(int size) {
        if (closed) throw new IllegalStateException("this evaluator or predictor is closed");
        Entry entry = entries.get(size);
        if (entry == null) {
            if (entries.size() == MOST) {
                Integer oldest = entries.keySet().iterator().next();
                entries.remove(oldest).plan.close();
            }
            entry = new Entry(compile(size));
            entries.put(size, entry);
        }
        // A trainer on another thread waits with its next update.
        synchronized (model.parameters()) {
            long version = model.parameters().version();
            if (entry.version != version) {
                PlanParameters.load(model, entry.plan);
                entry.version = version;
            }
        }
        return entry.plan;
    }

    private Plan compile(int size) {
        Graph graph = model.graph(
                Mode.EVALUATION,
                size,
                (builder, output) -> loss.ifPresent(l -> {
                    var type = l.target(output.type());
                    Value target = builder.input(TrainingBatch.TARGET, type.dataType(), type.shape());
                    builder.output(TrainingBatch.LOSS, l.build(builder, output, target));
                }));
        return backend.compile(graph, options.folding(true));
    }

    @Override
    public void close() {
        if (closed) return;
        closed = true;
        for (Entry entry : new ArrayList<>(entries.values())) entry.plan.close();
    }
}
