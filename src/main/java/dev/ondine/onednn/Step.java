package dev.ondine.onednn;

/** One action of a plan, bound to its memory. Allocates nothing. */
@FunctionalInterface
interface Step {
    /** @param step the number of this run, for random operations */
    void run(long step);
}
