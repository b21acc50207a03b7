package dev.ondine.train;

/** Is told when the parts of a training step are done, in turn; for profilers. Must not throw. */
public interface StepParts {
    /** What a training step consists of. */
    enum Part {
        /** Forward pass, loss and gradients. */
        PLAN("the plan"),
        /** Whether loss, batch statistics and gradients are numbers. */
        FINITE_CHECK("finite check"),
        /** The running averages of batch normalization. */
        RUNNING_STATISTICS("running statistics"),
        /** The optimizer's pass over the parameters. */
        UPDATE("update");

        private final String title;

        Part(String title) {
            this.title = title;
        }

        @Override
        public String toString() {
            return title;
        }
    }

    /** Nobody listens. */
    StepParts IGNORED = new StepParts() {
        @Override
        public void begin() {}

        @Override
        public void done(Part part) {}
    };

    /** The first part begins. */
    void begin();

    /** A part ends and the next one begins. */
    void done(Part part);
}
