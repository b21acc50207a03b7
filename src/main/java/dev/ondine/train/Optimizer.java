package dev.ondine.train;

import dev.ondine.backend.Team;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * How parameters follow their gradients. An optimizer is data; what it remembers lies in blocks of the same layout as the
 * parameters' and belongs to the {@link Trainer}, so that an update is one flat pass whatever the layers are.
 */
public sealed interface Optimizer {
    /** The learning rate before a {@link Schedule} changes it. */
    double learningRate();

    /** The names of the blocks that are remembered from step to step, as PyTorch calls them. */
    List<String> stateNames();

    /**
     * One update of {@code n} values.
     *
     * @param state one block for each of {@link #stateNames}, zero before the first step
     * @param rate the learning rate of this step
     * @param step which step this is, the first being 1
     */
    void update(
            UpdateKernels kernels,
            MemorySegment weights,
            MemorySegment gradients,
            List<MemorySegment> state,
            long n,
            double rate,
            long step,
            Team team);

    private static void requireRate(double rate) {
        if (!((float) rate > 0) || Float.isInfinite((float) rate)) {
            throw new IllegalArgumentException("the learning rate must be a positive number of float32, not " + rate);
        }
    }

    private static void requireDecay(double decay) {
        if (!(decay >= 0)) throw new IllegalArgumentException("weight decay must not be negative, but is " + decay);
    }

    /**
     * Stochastic gradient descent, PyTorch's formula: d = g + weightDecay·w; v = momentum·v + d; w −= rate·(nesterov ? d + momentum·v : v).
     *
     * @param momentum default 0
     * @param weightDecay default 0
     * @param nesterov default false
     */
    record Sgd(double learningRate, double momentum, double weightDecay, boolean nesterov) implements Optimizer {
        public Sgd {
            requireRate(learningRate);
            requireDecay(weightDecay);
            if (!(momentum >= 0 && momentum < 1)) {
                throw new IllegalArgumentException("momentum must lie in [0, 1), not " + momentum);
            }
            if (nesterov && momentum == 0) throw new IllegalArgumentException("Nesterov's method needs a momentum");
        }

        public static Sgd of(double learningRate) {
            return new Sgd(learningRate, 0, 0, false);
        }

        public Sgd momentum(double momentum) {
            return new Sgd(learningRate, momentum, weightDecay, nesterov);
        }

        public Sgd weightDecay(double weightDecay) {
            return new Sgd(learningRate, momentum, weightDecay, nesterov);
        }

        public Sgd nesterov(boolean nesterov) {
            return new Sgd(learningRate, momentum, weightDecay, nesterov);
        }

        @Override
        public List<String> stateNames() {
            return momentum == 0 ? List.of() : List.of("momentum_buffer");
        }

        @Override
        public void update(
                UpdateKernels kernels,
                MemorySegment weights,
                MemorySegment gradients,
                List<MemorySegment> state,
                long n,
                double rate,
                long step,
                Team team) {
            kernels.sgd(
                    weights,
                    gradients,
                    momentum == 0 ? MemorySegment.NULL : state.getFirst(),
                    n,
                    (float) rate,
                    (float) momentum,
                    1,
                    (float) weightDecay,
                    nesterov,
                    false,
                    team);
        }
    }

    /**
     * Adam (Kingma and Ba 2015) and, with {@code decoupled}, AdamW (Loshchilov and Hutter 2019), PyTorch's formulas.
     *
     * @param beta1 default 0.9
     * @param beta2 default 0.999
     * @param epsilon default 1e-8
     * @param weightDecay default 0 for Adam, 0.01 for AdamW
     * @param decoupled whether the decay acts on the weights themselves instead of on the gradient
     */
    record Adam(double learningRate, double beta1, double beta2, double epsilon, double weightDecay, boolean decoupled)
            implements Optimizer {
        public Adam {
            requireRate(learningRate);
            requireDecay(weightDecay);
            if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
                throw new IllegalArgumentException("betas must lie in [0, 1), not " + beta1 + " and " + beta2);
            }
            if (!(epsilon > 0)) throw new IllegalArgumentException("epsilon must be positive, not " + epsilon);
        }

        public static Adam of(double learningRate) {
            return new Adam(learningRate, 0.9, 0.999, 1e-8, 0, false);
        }

        public static Adam decoupled(double learningRate) {
            return new Adam(learningRate, 0.9, 0.999, 1e-8, 0.01, true);
        }

        public Adam betas(double beta1, double beta2) {
            return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, decoupled);
        }

        public Adam epsilon(double epsilon) {
            return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, decoupled);
        }

        public Adam weightDecay(double weightDecay) {
            return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, decoupled);
        }

        @Override
        public List<String> stateNames() {
            return List.of("exp_avg", "exp_avg_sq");
        }

        @Override
        public void update(
                UpdateKernels kernels,
                MemorySegment weights,
                MemorySegment gradients,
                List<MemorySegment> state,
                long n,
                double rate,
                long step,
                Team team) {
            kernels.adam(
                    weights,
                    gradients,
                    state.get(0),
                    state.get(1),
                    n,
                    decoupled ? 0 : (float) weightDecay,
                    decoupled ? (float) (1 - rate * weightDecay) : 1,
                    (float) (1 - beta1),
                    (float) beta2,
                    (float) (1 - beta2),
                    (float) epsilon,
                    (float) (rate / (1 - Math.pow(beta1, step))),
                    (float) Math.sqrt(1 - Math.pow(beta2, step)),
                    team);
        }
    }
}
