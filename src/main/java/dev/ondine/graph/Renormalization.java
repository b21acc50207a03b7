package dev.ondine.graph;

/**
 * How far batch renormalization may correct a batch towards the running statistics: r is kept in [1/{@code rmax}, {@code rmax}], d in
 * [−{@code dmax}, {@code dmax}]. Until step {@code start} there is no correction, which is plain batch normalization; then both limits
 * rise linearly from 1 and 0 (Ioffe 2017, section 4).
 *
 * @param rmax at least 1
 * @param dmax at least 0
 * @param start the last step without a correction
 * @param rmaxStep from which on {@code rmax} holds
 * @param dmaxStep from which on {@code dmax} holds
 */
public record Renormalization(float rmax, float dmax, long start, long rmaxStep, long dmaxStep) {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Renormalization {
        if (!(rmax >= 1) || !Float.isFinite(rmax)) {
            throw new IllegalArgumentException("rmax must be a number from 1 on, not " + rmax);
        }
        if (!(dmax >= 0) || !Float.isFinite(dmax)) {
            throw new IllegalArgumentException("dmax must be a number from 0 on, not " + dmax);
        }
        if (start < 0 || rmaxStep < start || dmaxStep < start) {
            throw new IllegalArgumentException("the limits rise from step " + start + " on to " + rmaxStep + " and "
                    + dmaxStep + ": these must not come before");
        }
    }

    /** The same limits from the first step on. */
    public static Renormalization limits(double rmax, double dmax) {
        return new Renormalization((float) rmax, (float) dmax, 0, 0, 0);
    }

    /** The paper's: plain for 5,000 steps, then rmax to 3 at step 40,000 and dmax to 5 at step 25,000. */
    public static Renormalization paper() {
        return new Renormalization(3, 5, 5_000, 40_000, 25_000);
    }

    /** These limits, reached after a rise: plain up to step {@code start}, then linearly. */
    public Renormalization rising(long from, long rmaxAt, long dmaxAt) {
        return new Renormalization(rmax, dmax, from, rmaxAt, dmaxAt);
    }

    /** The limit of r in a step, counted from 0. */
    public double rmaxAt(long step) {
        return 1 + (rmax - 1) * share(step, rmaxStep);
    }

    /** The limit of d in a step, counted from 0. */
    public double dmaxAt(long step) {
        return dmax * share(step, dmaxStep);
    }

    private double share(long step, long end) {
        if (step >= end) return 1;
        return step <= start ? 0 : (double) (step - start) / (end - start);
    }
}
