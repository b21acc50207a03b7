package dev.ondine.bench.crossing;

/** Images of so many channels, as wide as they are high. */
record Extent(long batch, long channels, long size) {
    @Override
    public String toString() {
        return batch + "x" + channels + "x" + size + "x" + size;
    }
}
