package dev.ondine.train;

import dev.ondine.backend.Plan;
import dev.ondine.graph.Value;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;

/** The parameters of a model and a plan's block of the same: whoever changes one of them, the other follows. */
final class SharedWeights {
    private final Parameters parameters;
    private final Plan plan;
    private final List<Value> values;
    private final Runnable writeBack = this::writeBack;
    private long seenEdits = -1;

    /** From now on the plan's are lent, see {@link Parameters#lend}. */
    SharedWeights(Parameters parameters, Plan plan) {
        this.parameters = parameters;
        this.plan = plan;
        this.values = plan.graph().parameters();
        parameters.lend(writeBack);
    }

    /** @throws IllegalStateException if the parameters are lent to another, or closed */
    void requireLent() {
        parameters.requireLent(writeBack);
    }

    /** Says that the plan's are newer from now on. */
    void outdate() {
        parameters.outdate(writeBack);
    }

    /** Writes the plan's into the model, for good. */
    void giveBack() {
        parameters.giveBack(writeBack);
    }

    /** The plan takes over the model's if somebody has changed them. Returns whether any number became another. */
    boolean takeOver() {
        long edits = parameters.edits();
        if (edits == seenEdits) return false;
        boolean changed = seenEdits < 0 || differ();
        if (changed) {
            for (int i = 0; i < values.size(); i++) {
                plan.pack(i, parameters.get(values.get(i).name()).segment(), plan.weights());
            }
        }
        seenEdits = edits;
        return changed;
    }

    /** Not every edit is one of what is learned: running statistics are estimated anew, too. */
    private boolean differ() {
        for (int i = 0; i < values.size(); i++) {
            Shape shape = values.get(i).shape();
            try (Arena memory = Arena.ofShared()) {
                Tensor own = Tensor.allocate(memory, DataType.FLOAT32, shape);
                plan.unpack(i, plan.weights(), own.segment());
                if (own.segment().mismatch(parameters.get(values.get(i).name()).segment()) >= 0) return true;
            }
        }
        return false;
    }

    private void writeBack() {
        for (int i = 0; i < values.size(); i++) {
            plan.unpack(i, plan.weights(), parameters.raw(values.get(i).name()).segment());
        }
    }

    /** The parameter that an element of the blocks belongs to. */
    String nameAt(long element) {
        int i = 0;
        while (i + 1 < values.size() && plan.offset(i + 1) <= element) i++;
        return values.get(i).name();
    }
}
