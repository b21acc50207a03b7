package dev.ondine.vector;

/**
 * How loops over rows×channels see their memory: several rows side by side as one, so wide that it is a whole number of vectors
 * and worth a loop, whatever the number of channels is. Column j of such a wide row is channel j modulo the channels. What is left
 * over, fewer rows than make a wide one, comes last.
 *
 * @param channels of the tensor
 * @param width of a wide row: a multiple of the channels and of the lanes
 * @param rows that are wide
 * @param rest floats behind the last of them
 */
record ChannelRows(int channels, int width, int rows, int rest) {
    /** A loop over fewer columns spends its time on itself. */
    private static final int NARROW = 8 * Lanes.COUNT;

    static ChannelRows of(int channels, int elements) {
        int together = Lanes.COUNT / greatestCommonDivisor(channels, Lanes.COUNT);
        if (channels * together < NARROW) together *= Math.ceilDiv(NARROW, channels * together);
        int width = channels * together;
        return new ChannelRows(channels, width, elements / width, elements % width);
    }

    private static int greatestCommonDivisor(int a, int b) {
        return b == 0 ? a : greatestCommonDivisor(b, a % b);
    }

    /** Repeats a value for each channel over a wide row. */
    void spread(float[] perChannel, int at, float[] wide) {
        for (int j = 0; j < width; j += channels) System.arraycopy(perChannel, at, wide, j, channels);
    }
}
