package dev.ondine.onednn;

import dev.ondine.onednn.api.Execution;

/** One call into oneDNN. */
record PrimitiveStep(Execution execution) implements Step {
    @Override
    public void run(long step) {
        execution.run();
    }
}
