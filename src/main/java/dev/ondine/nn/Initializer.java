package dev.ondine.nn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * How a parameter begins. The fans of a weight of shape (O, I, kernel…) are I·Πkernel in and O·Πkernel out.
 */
public sealed interface Initializer {
    /**
     * Writes the first value of every element, in row-major order: straight to where they stay, because a large network's weights would
     * be most of Java's heap for a moment.
     *
     * @param memory of float32, as many as {@code shape} has elements
     */
    void fill(MemorySegment memory, Shape shape, RandomGenerator random);

    /** Every element is {@code value}. */
    record Constant(float value) implements Initializer {
        @Override
        public void fill(MemorySegment memory, Shape shape, RandomGenerator random) {
            for (long i = 0; i < memory.byteSize() / Float.BYTES; i++) memory.setAtIndex(JAVA_FLOAT, i, value);
        }
    }

    /** Values from elsewhere, a file say; read when a model is made. */
    record Given(Consumer<MemorySegment> values) implements Initializer {
        @Override
        public void fill(MemorySegment memory, Shape shape, RandomGenerator random) {
            values.accept(memory);
        }
    }

    /** Uniform in ±bound. */
    record Uniform(double bound) implements Initializer {
        @Override
        public void fill(MemorySegment memory, Shape shape, RandomGenerator random) {
            for (long i = 0; i < memory.byteSize() / Float.BYTES; i++) {
                memory.setAtIndex(JAVA_FLOAT, i, (float) ((2 * random.nextDouble() - 1) * bound));
            }
        }
    }

    /** Normal with mean 0. */
    record Normal(double deviation) implements Initializer {
        @Override
        public void fill(MemorySegment memory, Shape shape, RandomGenerator random) {
            for (long i = 0; i < memory.byteSize() / Float.BYTES; i++) {
                memory.setAtIndex(JAVA_FLOAT, i, (float) (random.nextGaussian() * deviation));
            }
        }
    }

    /** Uniform in ±1/√(fan in): what PyTorch's convolutions and linear layers begin with, weights and biases alike. */
    static Initializer fanIn(long fanIn) {
        return new Uniform(1 / Math.sqrt((double) fanIn));
    }

    /** Normal with deviation √(2/fan), for weights with a ReLU behind them (He et al. 2015); the fan is that of the weight's shape. */
    record KaimingNormal(Fan fan) implements Initializer {
        @Override
        public void fill(MemorySegment memory, Shape shape, RandomGenerator random) {
            new Normal(Math.sqrt(2.0 / fan.of(shape))).fill(memory, shape, random);
        }
    }

    /** Which connections of a weight are counted. */
    enum Fan {
        /** Those to one output: keeps the size of the activations. */
        IN,
        /** Those from one input: keeps the size of the gradients; what ResNets begin with. */
        OUT;

        long of(Shape weight) {
            return weight.elements(2, weight.rank()) * weight.dim(this == IN ? 1 : 0);
        }
    }

    /**
     * Normal numbers of deviation √(2 / inputs of a unit), after He et al. 2015; keeps the variance on the way
     * forward through ReLUs.
     */
    static Initializer kaimingFanIn() {
        return new KaimingNormal(Fan.IN);
    }

    /**
     * Normal numbers of deviation √(2 / outputs that a unit goes into), after He et al. 2015; keeps the variance on
     * the way back.
     */
    static Initializer kaimingFanOut() {
        return new KaimingNormal(Fan.OUT);
    }
}
