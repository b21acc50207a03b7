package dev.ondine.train;

import java.util.ArrayList;
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

    /** How strongly weights are drawn towards 0, unless a {@link ParameterGroup} says otherwise. */
    double weightDecay();

    private static void requireRate(double rate) {
        if (!((float) rate > 0) || Float.isInfinite((float) rate)) {
            throw new IllegalArgumentException("the learning rate must be a positive number of float32, not " + rate);
        }
    }

    private static void requireBetas(double beta1, double beta2) {
        if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
            throw new IllegalArgumentException("betas must lie in [0, 1), not " + beta1 + " and " + beta2);
        }
    }

    private static void requireEpsilon(double epsilon) {
        if (!(epsilon > 0)) throw new IllegalArgumentException("epsilon must be positive, not " + epsilon);
    }

    private static void requireMomentum(double momentum) {
        if (!(momentum >= 0 && momentum < 1)) {
            throw new IllegalArgumentException("momentum must lie in [0, 1), not " + momentum);
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
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Sgd {
            requireRate(learningRate);
            requireDecay(weightDecay);
            requireMomentum(momentum);
            if (nesterov && momentum == 0) throw new IllegalArgumentException("Nesterov's method needs a momentum");
        }

        /** Plain gradient descent, without momentum and weight decay. */
        public static Sgd of(double learningRate) {
            return new Sgd(learningRate, 0, 0, false);
        }

        /** The share of the last update that goes into the next. */
        public Sgd momentum(double momentum) {
            return new Sgd(learningRate, momentum, weightDecay, nesterov);
        }

        /** The weight decay λ, which draws parameters to zero. */
        public Sgd weightDecay(double weightDecay) {
            return new Sgd(learningRate, momentum, weightDecay, nesterov);
        }

        /** Whether the gradient is looked at a step of the momentum ahead (Nesterov). */
        public Sgd nesterov(boolean nesterov) {
            return new Sgd(learningRate, momentum, weightDecay, nesterov);
        }

        @Override
        public List<String> stateNames() {
            return momentum == 0 ? List.of() : List.of("momentum_buffer");
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
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Adam {
            requireRate(learningRate);
            requireDecay(weightDecay);
            requireBetas(beta1, beta2);
            requireEpsilon(epsilon);
        }

        /** Adam with β 0.9 and 0.999, ε 1e-8, and no weight decay. */
        public static Adam of(double learningRate) {
            return new Adam(learningRate, 0.9, 0.999, 1e-8, 0, false);
        }

        /** AdamW: weight decay apart from the gradient (Loshchilov and Hutter 2019), of 0.01. */
        public static Adam decoupled(double learningRate) {
            return new Adam(learningRate, 0.9, 0.999, 1e-8, 0.01, true);
        }

        /** The decay of the means of the gradient and of its square. */
        public Adam betas(double beta1, double beta2) {
            return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, decoupled);
        }

        /** What is added to the root of the mean square. */
        public Adam epsilon(double epsilon) {
            return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, decoupled);
        }

        /** The weight decay λ, which draws parameters to zero. */
        public Adam weightDecay(double weightDecay) {
            return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, decoupled);
        }

        @Override
        public List<String> stateNames() {
            return List.of("exp_avg", "exp_avg_sq");
        }
    }

    /**
     * RMSprop (Hinton 2012), PyTorch's formula: s = α·s + (1 − α)·d², w −= rate·d/(√s + ε) with d = g + weightDecay·w.
     *
     * @param alpha default 0.99
     * @param epsilon default 1e-8
     * @param momentum default 0
     * @param weightDecay default 0
     * @param centered whether s is taken about the running mean of d; default false
     */
    record RmsProp(
            double learningRate, double alpha, double epsilon, double momentum, double weightDecay, boolean centered)
            implements Optimizer {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public RmsProp {
            requireRate(learningRate);
            requireDecay(weightDecay);
            requireEpsilon(epsilon);
            requireMomentum(momentum);
            if (!(alpha >= 0 && alpha < 1))
                throw new IllegalArgumentException("alpha must lie in [0, 1), not " + alpha);
        }

        /** RMSprop with α 0.99 and ε 1e-8, without momentum, not centred. */
        public static RmsProp of(double learningRate) {
            return new RmsProp(learningRate, 0.99, 1e-8, 0, 0, false);
        }

        /** The decay of the mean of the gradient's square. */
        public RmsProp alpha(double alpha) {
            return new RmsProp(learningRate, alpha, epsilon, momentum, weightDecay, centered);
        }

        /** What is added to the root of the mean square. */
        public RmsProp epsilon(double epsilon) {
            return new RmsProp(learningRate, alpha, epsilon, momentum, weightDecay, centered);
        }

        /** The share of the last update that goes into the next. */
        public RmsProp momentum(double momentum) {
            return new RmsProp(learningRate, alpha, epsilon, momentum, weightDecay, centered);
        }

        /** The weight decay λ, which draws parameters to zero. */
        public RmsProp weightDecay(double weightDecay) {
            return new RmsProp(learningRate, alpha, epsilon, momentum, weightDecay, centered);
        }

        /** Whether the variance takes the place of the mean square. */
        public RmsProp centered(boolean centered) {
            return new RmsProp(learningRate, alpha, epsilon, momentum, weightDecay, centered);
        }

        @Override
        public List<String> stateNames() {
            List<String> names = new ArrayList<>(List.of("square_avg"));
            if (centered) names.add("grad_avg");
            if (momentum != 0) names.add("momentum_buffer");
            return names;
        }
    }

    /**
     * LARS (You, Gitman and Ginsburg 2017), for large batches: SGD whose gradient of each layer is scaled by trust·‖w‖/(‖g‖ + weightDecay·‖w‖):
     * v = momentum·v + ratio·(g + weightDecay·w); w −= rate·v. Biases, γ and β have the ratio 1 and no weight decay.
     *
     * @param momentum default 0.9
     * @param weightDecay default 0
     * @param trust the trust coefficient, default 0.001
     */
    record Lars(double learningRate, double momentum, double weightDecay, double trust) implements Optimizer {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Lars {
            requireRate(learningRate);
            requireDecay(weightDecay);
            requireMomentum(momentum);
            if (!(trust > 0))
                throw new IllegalArgumentException("the trust coefficient must be positive, not " + trust);
        }

        /** LARS with a momentum of 0.9 and a trust coefficient of 0.001, without weight decay. */
        public static Lars of(double learningRate) {
            return new Lars(learningRate, 0.9, 0, 0.001);
        }

        /** The share of the last update that goes into the next. */
        public Lars momentum(double momentum) {
            return new Lars(learningRate, momentum, weightDecay, trust);
        }

        /** The weight decay λ, which draws parameters to zero. */
        public Lars weightDecay(double weightDecay) {
            return new Lars(learningRate, momentum, weightDecay, trust);
        }

        /** The trust coefficient η, by which the ratio of norms is scaled. */
        public Lars trust(double trust) {
            return new Lars(learningRate, momentum, weightDecay, trust);
        }

        @Override
        public List<String> stateNames() {
            return momentum == 0 ? List.of() : List.of("momentum_buffer");
        }
    }

    /**
     * LAMB (You and others 2020): Adam's direction u = m̂/(√v̂ + ε) + weightDecay·w, and for each layer's weights a step of
     * rate·‖w‖/‖u‖. Biases, γ and β have the ratio 1 and no weight decay.
     *
     * @param beta1 default 0.9
     * @param beta2 default 0.999
     * @param epsilon default 1e-6
     * @param weightDecay default 0.01
     */
    record Lamb(double learningRate, double beta1, double beta2, double epsilon, double weightDecay)
            implements Optimizer {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Lamb {
            requireRate(learningRate);
            requireDecay(weightDecay);
            requireBetas(beta1, beta2);
            requireEpsilon(epsilon);
        }

        /** LAMB with β 0.9 and 0.999, ε 1e-6, and a weight decay of 0.01. */
        public static Lamb of(double learningRate) {
            return new Lamb(learningRate, 0.9, 0.999, 1e-6, 0.01);
        }

        /** The weight decay λ, which draws parameters to zero. */
        public Lamb weightDecay(double weightDecay) {
            return new Lamb(learningRate, beta1, beta2, epsilon, weightDecay);
        }

        @Override
        public List<String> stateNames() {
            return List.of("exp_avg", "exp_avg_sq");
        }
    }

    /**
     * Muon (Jordan 2024): the momentum of each convolution's weights, taken as a matrix (out, in·height·width), is made orthogonal by
     * Newton and Schulz' iteration before the step, so that all directions are learned alike. m = momentum·m + (1 − momentum)·g; w = w·(1 −
     * rate·weightDecay) − rate·√max(1, out/(in·height·width))·orthogonal((1 − momentum)·g + momentum·m), as {@code torch.optim.Muon} has it,
     * but in float32. Everything else (linear layers, depthwise convolutions, biases, γ and β) follows AdamW, whose rate the
     * schedule moves alike.
     *
     * <p>Made for GPUs, it is no bargain on a CPU: the iteration multiplies matrices in Java, on all threads. That is little beside the step
     * if a network's convolutions are applied at many positions.
     *
     * @param momentum default 0.95
     * @param weightDecay default 0
     * @param iterations of Newton and Schulz, default 5
     * @param rest for the other parameters; default AdamW with a tenth of this learning rate
     */
    record Muon(double learningRate, double momentum, double weightDecay, int iterations, Adam rest)
            implements Optimizer {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Muon {
            requireRate(learningRate);
            requireDecay(weightDecay);
            if (!(momentum >= 0.5 && momentum < 1)) {
                throw new IllegalArgumentException("Muon's momentum must lie in [0.5, 1), not " + momentum);
            }
            if (iterations < 1) throw new IllegalArgumentException("iterations must be at least 1, not " + iterations);
        }

        /** Muon with a momentum of 0.95; parameters that are no matrices are left to AdamW at a tenth of the rate. */
        public static Muon of(double learningRate) {
            return new Muon(learningRate, 0.95, 0, 5, Adam.decoupled(learningRate / 10));
        }

        /** The share of the last update that goes into the next. */
        public Muon momentum(double momentum) {
            return new Muon(learningRate, momentum, weightDecay, iterations, rest);
        }

        /** Of the matrices and of the rest. */
        public Muon weightDecay(double weightDecay) {
            return new Muon(learningRate, momentum, weightDecay, iterations, rest.weightDecay(weightDecay));
        }

        /** Another optimizer for parameters that are no matrices. */
        public Muon rest(Adam rest) {
            return new Muon(learningRate, momentum, weightDecay, iterations, rest);
        }

        /** Adam's; the first is the momentum of the matrices, too. */
        @Override
        public List<String> stateNames() {
            return rest.stateNames();
        }
    }

    /**
     * Lookahead (Zhang and others 2019): another optimizer makes the steps, and after every few of them the weights go back to a part of the way
     * that they have come: slow += α·(fast − slow); fast = slow. The slow ones begin as the weights, and anew when somebody else changes these.
     *
     * @param every so many steps, default 5
     * @param alpha default 0.5
     */
    record Lookahead(Optimizer inner, int every, double alpha) implements Optimizer {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Lookahead {
            if (inner instanceof Lookahead)
                throw new IllegalArgumentException("Lookahead takes another optimizer, not itself");
            if (every < 1) throw new IllegalArgumentException("Lookahead needs at least 1 step, not " + every);
            if (!(alpha > 0 && alpha <= 1))
                throw new IllegalArgumentException("alpha must lie in (0, 1], not " + alpha);
        }

        /** Lookahead around another optimizer, which goes half of the way back after every 5 steps. */
        public static Lookahead of(Optimizer inner) {
            return new Lookahead(inner, 5, 0.5);
        }

        @Override
        public double learningRate() {
            return inner.learningRate();
        }

        @Override
        public double weightDecay() {
            return inner.weightDecay();
        }

        @Override
        public List<String> stateNames() {
            List<String> names = new ArrayList<>(inner.stateNames());
            names.add("slow");
            return names;
        }
    }
}
