package dev.ondine.onednn;

/**
 * Which results of {@link NativeBatchNorm} are made again for the gradient instead of kept since the forward pass. No bit of a result
 * depends on it.
 *
 * @param bytes the least size of a normalization's result. Smaller ones are kept: to make them again would cost as much in waiting for each
 *     other's threads
 * @param sumBytes the least size of a residual sum. A chain of them is made again at its end, which reads and writes more; those that
 *     no cache holds cost their readers the way to memory in any case
 */
record Rematerialization(long bytes, long sumBytes) {
    /** Where it saves more than it costs. */
    static final Rematerialization LARGE = new Rematerialization(1 << 20, 32 << 20);

    /** Everything is kept. */
    static final Rematerialization NONE = new Rematerialization(Long.MAX_VALUE, Long.MAX_VALUE);

    /** Whatever can be. */
    static final Rematerialization ALL = new Rematerialization(0, 0);
}
