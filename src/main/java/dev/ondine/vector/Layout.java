package dev.ondine.vector;

import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;

/** In which order the elements of a value lie in memory. */
sealed interface Layout {
    /** Floats that the value takes, padding included. */
    int size();

    /** Elements of the value, padding not included. */
    default int elements() {
        return size();
    }

    /** Where the element lies that has index {@code i} in row-major order. */
    int position(int i);

    /** Whether that is the row-major order itself. */
    default boolean isPlain() {
        return false;
    }

    /** The layout of a value that nobody wants in another one. */
    static Layout of(Value v) {
        boolean spatial = v.shape().rank() > 2 && v.type().dataType() == DataType.FLOAT32;
        return spatial
                ? ChannelsLast.of(v.shape())
                : new RowMajor((int) v.shape().elements());
    }

    /** Whether two layouts put every element at the same place. */
    static boolean same(Layout a, Layout b) {
        return a.equals(b) || a.isPlain() && b.isPlain() && a.size() == b.size();
    }

    /** Row-major: everything without spatial axes, class indices, losses. */
    record RowMajor(int size) implements Layout {
        @Override
        public int position(int i) {
            return i;
        }

        @Override
        public boolean isPlain() {
            return true;
        }
    }

    /** N×space×C. */
    record ChannelsLast(int batch, int channels, int space) implements Layout {
        static ChannelsLast of(Shape shape) {
            return new ChannelsLast((int) shape.dim(0), (int) shape.dim(1), (int) shape.elements(2, shape.rank()));
        }

        @Override
        public int size() {
            return batch * channels * space;
        }

        @Override
        public int position(int i) {
            int channel = i / space % channels;
            return (i / space / channels * space + i % space) * channels + channel;
        }

        @Override
        public boolean isPlain() {
            return channels == 1 || space == 1;
        }
    }

    /**
     * Weights as the inner loop of a convolution reads them: groups × blocks of outputs × kernel × inputs × outputs of a block, the
     * last block filled up with zeros.
     *
     * @param outputs of a group
     * @param inputs of a group
     * @param taps elements of the kernel
     */
    record Blocked(int groups, int outputs, int inputs, int taps) implements Layout {
        int blocks() {
            return Math.ceilDiv(outputs, Lanes.BLOCK);
        }

        /** Floats of one block. */
        int block() {
            return taps * inputs * Lanes.BLOCK;
        }

        @Override
        public int size() {
            return groups * blocks() * block();
        }

        @Override
        public int elements() {
            return groups * outputs * inputs * taps;
        }

        @Override
        public int position(int i) {
            int tap = i % taps;
            int input = i / taps % inputs;
            int output = i / taps / inputs;
            return position(output / outputs, output % outputs, input, tap);
        }

        /** Of output {@code o} of group {@code g}, that it sees of input {@code i} through kernel element {@code tap}. */
        int position(int g, int o, int i, int tap) {
            int block = g * blocks() + o / Lanes.BLOCK;
            return ((block * taps + tap) * inputs + i) * Lanes.BLOCK + o % Lanes.BLOCK;
        }
    }

    /** Weights of a depthwise convolution: kernel × channels, these filled up with zeros to whole vectors. */
    record Depthwise(int channels, int taps) implements Layout {
        int row() {
            return Lanes.roundUp(channels, Lanes.COUNT);
        }

        @Override
        public int size() {
            return taps * row();
        }

        @Override
        public int elements() {
            return channels * taps;
        }

        @Override
        public int position(int i) {
            return i % taps * row() + i / taps;
        }
    }

    /** What only the kernels that write and read it understand: where a ReLU or a maximum let something through. */
    record Private(int size) implements Layout {
        @Override
        public int position(int i) {
            throw new IllegalStateException("a value that only kernels understand has no order");
        }
    }
}
