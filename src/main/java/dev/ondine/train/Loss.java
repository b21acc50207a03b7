package dev.ondine.train;

import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.TensorType;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** What training makes small: a scalar that compares a model's output with a target. */
public sealed interface Loss {
    /** The type of the target for outputs of this type. */
    TensorType target(TensorType output);

    /** Adds the loss to a graph. */
    Value build(GraphBuilder graph, Value output, Value target);

    /** Whether the target is of the shape of a model's output, so that an autoencoder's is its input. */
    default boolean comparesImages(TensorType output) {
        return target(output).equals(output) && output.shape().rank() == 4;
    }

    /** The loss by which a model is measured on targets that are class indices. */
    default Loss onClasses() {
        return this;
    }

    /** Cross-entropy without label smoothing; targets of −100 are ignored, as in PyTorch. */
    static CrossEntropy crossEntropy() {
        return new CrossEntropy(0, -100);
    }

    /** Cross-entropy against probabilities of all classes, without label smoothing. */
    static SoftCrossEntropy softCrossEntropy() {
        return new SoftCrossEntropy(0);
    }

    /** The mean of the squared differences between outputs and targets. */
    static MeanSquaredError meanSquaredError() {
        return new MeanSquaredError();
    }

    /** Mean of |output − target|; its derivative at 0 is taken for 0. */
    static SmoothL1 l1() {
        return new SmoothL1(0);
    }

    /** Smooth L1 with beta 1, as in PyTorch. */
    static SmoothL1 smoothL1() {
        return new SmoothL1(1);
    }

    /** Binary cross-entropy of logits, what is positive weighing no more than the rest. */
    static BinaryCrossEntropy binaryCrossEntropy() {
        return new BinaryCrossEntropy(List.of());
    }

    /** Kullback-Leibler divergence, the mean over the samples (PyTorch's {@code batchmean}). */
    static KlDivergence klDivergence() {
        return new KlDivergence(true);
    }

    /**
     * Mean of −log softmax(output)[target]. Outputs are logits (N, C) or (N, C, space…), targets class indices (N) or (N, space…) of
     * INT32.
     *
     * @param smoothing how much of each target is spread over all classes (Szegedy et al. 2016), in [0, 1]; default 0
     * @param ignoreIndex targets that do not count; default −100
     */
    record CrossEntropy(float smoothing, int ignoreIndex) implements Loss {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public CrossEntropy {
            if (!(smoothing >= 0 && smoothing <= 1)) {
                throw new IllegalArgumentException("label smoothing must lie in [0, 1], not " + smoothing);
            }
        }

        /** With label smoothing (Szegedy et al. 2016): so much of the probability is spread over all classes. */
        public CrossEntropy smoothing(double smoothing) {
            return new CrossEntropy((float) smoothing, ignoreIndex);
        }

        /** With a label whose samples count nothing. */
        public CrossEntropy ignoreIndex(int ignoreIndex) {
            return new CrossEntropy(smoothing, ignoreIndex);
        }

        @Override
        public TensorType target(TensorType output) {
            Shape s = output.shape();
            if (s.rank() < 2) {
                throw new IllegalArgumentException("cross-entropy takes outputs (batch, classes, …), not " + s);
            }
            long[] dims = new long[s.rank() - 1];
            dims[0] = s.dim(0);
            for (int i = 2; i < s.rank(); i++) dims[i - 1] = s.dim(i);
            return new TensorType(DataType.INT32, Shape.of(dims));
        }

        @Override
        public Value build(GraphBuilder graph, Value output, Value target) {
            return graph.add(new Op.CrossEntropy(smoothing, ignoreIndex), output, target);
        }
    }

    /**
     * Mean over batch and space of −Σ q·log softmax(output), q = (1 − smoothing)·target + smoothing/C. Outputs are logits (N, C) or
     * (N, C, space…), targets probabilities of the same shape: mixed labels, or what another model says. They are taken as they are,
     * whether they add up to 1 or not.
     *
     * @param smoothing how much of each target is spread over all classes, in [0, 1]; default 0
     */
    record SoftCrossEntropy(float smoothing) implements Loss {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public SoftCrossEntropy {
            if (!(smoothing >= 0 && smoothing <= 1)) {
                throw new IllegalArgumentException("label smoothing must lie in [0, 1], not " + smoothing);
            }
        }

        /** With label smoothing (Szegedy et al. 2016): so much of the probability is spread over all classes. */
        public SoftCrossEntropy smoothing(double smoothing) {
            return new SoftCrossEntropy((float) smoothing);
        }

        @Override
        public TensorType target(TensorType output) {
            if (output.shape().rank() < 2) {
                throw new IllegalArgumentException(
                        "cross-entropy takes outputs (batch, classes, …), not " + output.shape());
            }
            return output;
        }

        @Override
        public Value build(GraphBuilder graph, Value output, Value target) {
            return graph.add(new Op.SoftCrossEntropy(smoothing), output, target);
        }

        @Override
        public Loss onClasses() {
            return Loss.crossEntropy().smoothing(smoothing);
        }
    }

    /** Mean of (output − target)². Targets have the shape of the outputs. */
    record MeanSquaredError() implements Loss {
        @Override
        public TensorType target(TensorType output) {
            return output;
        }

        @Override
        public Value build(GraphBuilder graph, Value output, Value target) {
            return graph.add(new Op.MeanSquaredError(), output, target);
        }
    }

    /**
     * Mean of d²/(2·beta) where d = |output − target| is below beta, else of d − beta/2 (Girshick 2015). Targets have the shape of the
     * outputs.
     *
     * @param beta where the parabola ends, 0 or more; default 1; 0 is the mean of d
     */
    record SmoothL1(float beta) implements Loss {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public SmoothL1 {
            if (!(beta >= 0 && beta < Float.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("beta must be 0 or more, not " + beta);
            }
        }

        /** With another difference from which on it is linear. */
        public SmoothL1 beta(double beta) {
            return new SmoothL1((float) beta);
        }

        @Override
        public TensorType target(TensorType output) {
            return output;
        }

        @Override
        public Value build(GraphBuilder graph, Value output, Value target) {
            return graph.add(new Op.SmoothL1(beta), output, target);
        }
    }

    /**
     * Mean of −w·t·log σ(output) − (1 − t)·log(1 − σ(output)): outputs are logits of any shape, targets t of the same shape lie in
     * [0, 1].
     *
     * @param positiveWeight w: none for 1, the default; one for all; or one for each class, that is, entry of axis 1
     */
    record BinaryCrossEntropy(List<Float> positiveWeight) implements Loss {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public BinaryCrossEntropy {
            positiveWeight = List.copyOf(positiveWeight);
            for (float w : positiveWeight) {
                if (!(w >= 0 && w < Float.POSITIVE_INFINITY)) {
                    throw new IllegalArgumentException("a positive weight must be 0 or more, not " + w);
                }
            }
        }

        /** How much more than the rest what is positive weighs, by class or for all. */
        public BinaryCrossEntropy positiveWeight(double... weights) {
            List<Float> list = new ArrayList<>();
            for (double w : weights) list.add((float) w);
            return new BinaryCrossEntropy(list);
        }

        @Override
        public TensorType target(TensorType output) {
            return output;
        }

        @Override
        public Value build(GraphBuilder graph, Value output, Value target) {
            return graph.add(new Op.BinaryCrossEntropy(positiveWeight), output, target);
        }
    }

    /**
     * Kullback-Leibler divergence Σ t·(log t − output), 0 where t is 0: outputs are logarithms of probabilities, as {@code Softmax}
     * with {@code logarithm} gives them; targets t are probabilities of the same shape. PyTorch's {@code kl_div}.
     *
     * @param perSample whether the sum is divided by the number of samples, which is what the formula says ({@code batchmean}), the
     *     default; else by the number of elements ({@code mean})
     */
    record KlDivergence(boolean perSample) implements Loss {
        /** Divided by the number of elements. */
        public KlDivergence mean() {
            return new KlDivergence(false);
        }

        @Override
        public TensorType target(TensorType output) {
            return output;
        }

        @Override
        public Value build(GraphBuilder graph, Value output, Value target) {
            return graph.add(new Op.KlDivergence(perSample), output, target);
        }
    }
}
