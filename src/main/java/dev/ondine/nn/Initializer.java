package dev.ondine.nn;

import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * How a parameter begins. The fans of a weight of shape (O, I, kernel…) are I·Πkernel in and O·Πkernel out.
 */
public sealed interface Initializer {
    /** The first value of every element, in row-major order. */
    float[] values(Shape shape, RandomGenerator random);

    /** Every element is {@code value}. */
    record Constant(float value) implements Initializer {
        @Override
        public float[] values(Shape shape, RandomGenerator random) {
            float[] values = new float[Math.toIntExact(shape.elements())];
            Arrays.fill(values, value);
            return values;
        }
    }

    /** Uniform in ±bound. */
    record Uniform(double bound) implements Initializer {
        @Override
        public float[] values(Shape shape, RandomGenerator random) {
            float[] values = new float[Math.toIntExact(shape.elements())];
            for (int i = 0; i < values.length; i++) values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
            return values;
        }
    }

    /** Normal with mean 0. */
    record Normal(double deviation) implements Initializer {
        @Override
        public float[] values(Shape shape, RandomGenerator random) {
            float[] values = new float[Math.toIntExact(shape.elements())];
            for (int i = 0; i < values.length; i++) values[i] = (float) (random.nextGaussian() * deviation);
            return values;
        }
    }

    /** Uniform in ±1/√(fan in): what PyTorch's convolutions and linear layers begin with, weights and biases alike. */
    static Initializer fanIn(long fanIn) {
        return new Uniform(1 / Math.sqrt((double) fanIn));
    }

    /** Normal with deviation √(2/(fan out)), for layers with a ReLU behind them (He et al. 2015); what ResNets begin with. */
    static Initializer kaimingFanOut(long fanOut) {
        return new Normal(Math.sqrt(2.0 / (double) fanOut));
    }
}
