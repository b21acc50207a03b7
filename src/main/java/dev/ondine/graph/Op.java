package dev.ondine.graph;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * One operation of a graph: its attributes only. What it reads and writes stands in the {@link Node} that holds it; each
 * record below says in which order. Shapes: N batch, C channels, the rest is space (one to three axes).
 */
public sealed interface Op {
    /** Operations that a model is built from; each has a rule in {@link Gradients}. */
    sealed interface Forward extends Op {}

    /** Operations that only {@link Differentiate} makes; they are not differentiated again. */
    sealed interface Backward extends Op {}

    /** Operations that only {@link Fold} and {@link Fuse} make, after differentiation. */
    sealed interface Fused extends Op {}

    /** Operations with weights, whose result a backend can process further before it stores it: see {@link Epilogue}. */
    sealed interface Weighted extends Forward {}

    /** Losses that compare each element with a target: (x, target of the same shape) → scalar. */
    sealed interface PointwiseLoss extends Forward {}

    // ---- convolution, linear

    /**
     * Cross-correlation: {@code y[n,o,p] = b[o] + Σ x[n,i,p·stride − padding + k·dilation] · w[o,i,k]}.
     * (x: N×C×space, w: O×C/groups×kernel, b: O if {@code bias}) → y: N×O×space.
     *
     * @param paddingBegin zeros before the first element of each spatial axis
     * @param paddingEnd zeros behind the last; differs from {@code paddingBegin} only for imported networks
     * @param dilation distance of neighbouring kernel elements, 1 for a dense kernel
     */
    record Convolution(
            List<Integer> stride,
            List<Integer> paddingBegin,
            List<Integer> paddingEnd,
            List<Integer> dilation,
            int groups,
            boolean bias)
            implements Weighted {}

    /** (dy, w) → dx of shape {@code input}. */
    record ConvolutionBackwardData(Convolution forward, Shape input) implements Backward {}

    /** (x, dy) → dw of shape {@code weight} and, if the forward has a bias, db. */
    record ConvolutionBackwardWeights(Convolution forward, Shape weight) implements Backward {}

    /**
     * Transposed convolution, the gradient of {@link #convolution} with respect to its input used as a forward pass (Dumoulin and
     * Visin 2016, chapter 4): {@code y[n,o,p·stride − padding + k·dilation] += x[n,i,p] · w[i,o,k]}, from {@code b[o]} on.
     * (x: N×C×space, w: C×O/groups×kernel, b: O if {@code bias}) → y: N×O×space, along each axis
     * {@code (x − 1)·stride − paddingBegin − paddingEnd + (kernel − 1)·dilation + 1 + outputPadding}.
     *
     * @param paddingBegin elements cut off before the first of each spatial axis
     * @param paddingEnd elements cut off behind the last
     * @param outputPadding elements more at the end of each axis, of those that were cut off or that no window reaches; less than
     *     stride + paddingEnd
     */
    record TransposedConvolution(
            List<Integer> stride,
            List<Integer> paddingBegin,
            List<Integer> paddingEnd,
            List<Integer> outputPadding,
            List<Integer> dilation,
            int groups,
            boolean bias)
            implements Forward {
        /**
         * The convolution from y back to x with the same weights, without bias. Forward, this operation is its gradient of the data; the
         * gradients of this operation are its forward pass, for x, and its gradient of the weights with x and dy exchanged.
         */
        public Convolution convolution() {
            // Elements added at the end are elements less that are cut off there; what is more than that fills up a
            // last stride.
            List<Integer> end = IntStream.range(0, paddingEnd.size())
                    .mapToObj(i -> Math.max(0, paddingEnd.get(i) - outputPadding.get(i)))
                    .toList();
            return new Convolution(stride, paddingBegin, end, dilation, groups, false);
        }
    }

    /** {@code y = x·wᵀ + b}. (x: N×I, w: O×I, b: O if {@code bias}) → y: N×O. */
    record Linear(boolean bias) implements Weighted {}

    /** (dy, w) → dx. */
    record LinearBackwardData() implements Backward {}

    /** (x, dy) → dw and, if {@code bias}, db. */
    record LinearBackwardWeights(boolean bias) implements Backward {}

    /**
     * An operation, and what is done with its result before that is stored: y = f(op(…) + r), r of y's shape. (the operands of
     * {@code op}, then r if {@code residual}) → y.
     *
     * @param activation f; nothing for f(x) = x
     */
    record Epilogue(Weighted op, boolean residual, Optional<Activation> activation) implements Fused {}

    /**
     * The weights and the bias with which a convolution or linear layer does what the batch normalization behind it, with given
     * statistics, would do: w' = w·γ/√(σ² + ε) for each output channel, b' = (b − μ)·γ/√(σ² + ε) + β. (w: O×…, b: O if {@code bias},
     * μ: O, σ²: O, γ: O if {@code scale}, β: O if {@code shift}) → w' of w's shape, b': O.
     */
    record FoldedWeights(float epsilon, boolean bias, boolean scale, boolean shift) implements Fused {}

    /**
     * A product of matrices for each index of the axes before the last two, scaled: {@code y = scale·a·b}, with a or b transposed first if
     * that is asked for. (a: …×M×K, b: …×K×N) → y: …×M×N. The ranks are equal; along the axes before the last two an extent of 1 is
     * repeated.
     *
     * @param transposeA whether a is …×K×M
     * @param transposeB whether b is …×N×K
     */
    record MatMul(boolean transposeA, boolean transposeB, float scale) implements Forward {}

    // ---- normalization

    /**
     * {@code y = γ·(x − μ)/√(σ² + ε) + β} for each channel (axis 1), Ioffe and Szegedy 2015. With {@code training}, μ and σ² (the
     * biased variance) are those of the batch: (x, γ if {@code scale}, β if {@code shift}) → y, μ, σ² and, if {@code relu}, a mask.
     * Otherwise they are given: (x, μ, σ², γ, β) → y and, if {@code relu}, a mask. The mask is the backend's own record of where
     * y &gt; 0.
     *
     * @param relu whether y passes through max(0, y); set by {@link Fuse}
     */
    record BatchNormalization(float epsilon, boolean training, boolean scale, boolean shift, boolean relu)
            implements Forward {}

    /**
     * (x, μ, σ², γ if scale, dy, mask if relu) → dx, dγ if scale, dβ if shift. With batch statistics the gradient flows through
     * them; with given statistics they are constants.
     */
    record BatchNormalizationBackward(BatchNormalization forward) implements Backward {}

    /**
     * Batch normalization of virtual batches (Hoffer et al. 2017): the batch in {@code ghosts} parts of neighbouring samples, each
     * normalized with statistics of its own, with one γ and one β for all. (x, γ if {@code scale}, β if {@code shift}) → y, then μ and σ²
     * of each part in turn.
     */
    record GhostBatchNormalization(int ghosts, float epsilon, boolean scale, boolean shift) implements Forward {
        /** What happens to each part. */
        public BatchNormalization part() {
            return new BatchNormalization(epsilon, true, scale, shift, false);
        }
    }

    /** (x, μ and σ² of each part in turn, γ if scale, dy) → dx, dγ if scale, dβ if shift. */
    record GhostBatchNormalizationBackward(GhostBatchNormalization forward) implements Backward {}

    /**
     * What batch renormalization (Ioffe 2017) corrects a batch with: r = σ/σ′ and d = (μ − μ′)/σ′, within limits, μ and σ being the
     * batch's mean and deviation, μ′ and σ′ the running ones; deviations are √(variance + ε). (μ, σ², μ′, σ′²) → r, d. The gradient takes
     * them for constants: none flows through. The limits are those of the run's number.
     */
    record RenormalizationFactors(float epsilon, Renormalization limits) implements Forward {}

    /**
     * {@code y = γ·(x − μ)/√(σ² + ε) + β}, μ and σ² (the biased variance) over the last {@code axes} axes: each sample, or each position
     * of it, by itself (Ba et al. 2016). (x, γ if {@code scale}, β if {@code shift}, both of the shape of those axes) → y, μ, σ², these
     * of the shape of the other axes.
     */
    record LayerNormalization(int axes, float epsilon, boolean scale, boolean shift) implements Forward {}

    /** (x, μ, σ², γ if scale, dy) → dx, dγ if scale, dβ if shift. */
    record LayerNormalizationBackward(LayerNormalization forward) implements Backward {}

    // ---- pooling

    /** What a pooling window yields. */
    enum PoolingKind {
        /** The greatest number of the window. */
        MAX,
        /** The mean over the window, padding counted as zeros. */
        AVERAGE_INCLUDE_PADDING,
        /** The mean over the elements of the window that lie inside the input. */
        AVERAGE_EXCLUDE_PADDING
    }

    /**
     * (x: N×C×space) → y: N×C×space and, for MAX, a workspace of y's shape that holds, in the backend's own form, where each
     * maximum was found (the first one in row-major order if there are several).
     *
     * @param ceilMode whether a last window that hangs over the end counts
     */
    record Pooling(
            PoolingKind kind,
            List<Integer> kernel,
            List<Integer> stride,
            List<Integer> paddingBegin,
            List<Integer> paddingEnd,
            boolean ceilMode)
            implements Forward {}

    /** (dy, workspace if MAX) → dx of shape {@code input}. */
    record PoolingBackward(Pooling forward, Shape input) implements Backward {}

    // ---- resizing

    /** How elements between the given ones are found. */
    enum ResamplingKind {
        /** The nearest one. */
        NEAREST,
        /** Linear along each axis: bilinear over images. Beyond the outermost elements their value. */
        LINEAR
    }

    /**
     * Space resized, the outer edges of the first and last elements falling together (PyTorch's {@code interpolate} with
     * {@code align_corners=False}). (x: N×C×space) → y: N×C×{@code size}.
     *
     * @param size a multiple of the input's along each axis for NEAREST
     */
    record Resampling(ResamplingKind kind, List<Long> size) implements Forward {
        /** Keeps copies of what could be changed. */
        public Resampling {
            size = List.copyOf(size);
        }

        /** What happens along a spatial axis, counted from 0, of {@code extent} elements. */
        public AxisMatrix along(int axis, long extent) {
            return kind == ResamplingKind.NEAREST
                    ? AxisMatrix.nearest(extent, size.get(axis))
                    : AxisMatrix.linear(extent, size.get(axis), false);
        }
    }

    /** (dy) → dx of shape {@code input}. */
    record ResamplingBackward(Resampling forward, Shape input) implements Backward {}

    /** (x) → the elements along an axis multiplied by a fixed matrix: padding, resizing, averages over windows of any size. */
    record AlongAxis(int axis, AxisMatrix matrix) implements Forward {}

    // ---- elementwise

    /** (x) → y = f(x), elementwise. {@code alpha} is the slope of LEAKY_RELU and the scale of ELU, else ignored. */
    record Activation(ActivationKind kind, float alpha) implements Forward {}

    /** (y if {@link ActivationKind#gradientFromOutput}, else x; dy) → dx = dy·f′. */
    record ActivationBackward(ActivationKind kind, float alpha) implements Backward {}

    /**
     * {@code y = x if x > 0, else slope·x} with a learned slope for each channel (He et al. 2015). (x: N×C×…, slope: 1×C×1×…) → y. The
     * derivative at 0 is the slope.
     */
    record PRelu() implements Forward {}

    /** (x, slope, dy) → dx, dslope. */
    record PReluBackward() implements Backward {}

    /** (a, b) → a + b, b broadcast to a as NumPy does; {@code relu} (set by {@link Fuse}): max(0, a + b). */
    record Add(boolean relu) implements Forward {}

    /** (a, b) → a·b, b broadcast to a as NumPy does. */
    record Multiply() implements Forward {}

    /** (a, b) → f(a, b), b broadcast to a as NumPy does. {@link Broadcasting} helps where a is broadcast, too. */
    record Binary(BinaryKind kind) implements Forward {}

    /** (x) → f(x), elementwise. {@code alpha} and {@code beta} are the kind's own numbers; ignored where it has none. */
    record Unary(UnaryKind kind, float alpha, float beta) implements Forward {}

    /** (x, dy) → dx = dy·f′(x). */
    record UnaryBackward(Unary forward) implements Backward {}

    /**
     * Inverted dropout: (x) → x·mask/(1 − p), the mask a pure function of (seed, {@code salt}, step, element), so that the same
     * operation applied to dy is the gradient and nothing is kept in between. The plan counts the steps.
     *
     * @param salt tells the dropouts of one network apart
     */
    record Dropout(float probability, long salt) implements Forward {}

    // ---- structure

    /** (a, b, …) → joined along {@code axis}. */
    record Concat(int axis) implements Forward {}

    /** (x) → the {@code length} entries of {@code axis} from {@code start}. */
    record Slice(int axis, long start, long length) implements Forward {}

    /** (dy) → dx of shape {@code input}: dy at its place, zero elsewhere. */
    record SliceBackward(Slice forward, Shape input) implements Backward {}

    /** (x) → the same elements in row-major order with another shape. */
    record Reshape(Shape shape) implements Forward {}

    /**
     * (x) → the same elements with the axes in another order: axis i of y is axis {@code axes[i]} of x, as NumPy's transpose and
     * PyTorch's permute have it.
     */
    record Transpose(List<Integer> axes) implements Forward {
        /** Keeps copies of what could be changed. */
        public Transpose {
            axes = List.copyOf(axes);
        }

        /** The operation that undoes this one: its gradient. */
        public Transpose inverse() {
            return new Transpose(
                    IntStream.range(0, axes.size()).map(axes::indexOf).boxed().toList());
        }
    }

    /** () → every element is {@code value}. */
    record Fill(float value, Shape shape) implements Forward {}

    /** (x) → the same numbers as elements of another floating-point type, each rounded to the nearest, ties to even. */
    record Convert(DataType type) implements Forward {}

    /**
     * (x) → x, each element rounded to the nearest number of {@code precision} (BFLOAT16), ties to even, but of x's own type still: what
     * {@link EmulateBfloat16} makes of a bfloat16 value.
     */
    record Round(DataType precision) implements Forward {}

    /** (x) → repeated along the axes in which its extent is 1 and that of {@code shape}, of the same rank, is not. */
    record Expand(Shape shape) implements Forward {}

    /** (x) → summed over the axes in which {@code shape}, of the same rank, has extent 1: the gradient of broadcasting. */
    record ReduceSum(Shape shape) implements Forward {}

    // ---- softmax

    /** (x) → exp(x)/Σexp(x) along {@code axis}, or its logarithm. */
    record Softmax(int axis, boolean logarithm) implements Forward {}

    /** (y, dy) → dx. */
    record SoftmaxBackward(Softmax forward) implements Backward {}

    // ---- losses

    /**
     * Mean over the targets that are not {@code ignoreIndex} of −Σ q·log softmax(x), q = (1 − smoothing)·onehot + smoothing/C.
     * (x: N×C×space, target: N×space of INT32) → scalar.
     */
    record CrossEntropy(float smoothing, int ignoreIndex) implements Forward {}

    /** (x, target, dloss: scalar) → dx. */
    record CrossEntropyBackward(CrossEntropy forward) implements Backward {}

    /**
     * Cross-entropy against probabilities: mean over N×space of −Σ q·log softmax(x), q = (1 − smoothing)·target + smoothing/C.
     * (x: N×C×space, target of the same shape) → scalar.
     */
    record SoftCrossEntropy(float smoothing) implements Forward {}

    /** (x, target, dloss: scalar) → dx. */
    record SoftCrossEntropyBackward(SoftCrossEntropy forward) implements Backward {}

    /** Mean of (x − target)². */
    record MeanSquaredError() implements PointwiseLoss {}

    /**
     * Mean of d²/(2·beta) where d = |x − target| is below {@code beta}, else of d − beta/2 (Girshick 2015). With beta 0 it is the mean
     * of d, whose derivative at 0 is taken for 0.
     */
    record SmoothL1(float beta) implements PointwiseLoss {}

    /**
     * Mean of −w·t·log σ(x) − (1 − t)·log(1 − σ(x)), t the target.
     *
     * @param positiveWeight w: one for all, one for each entry of axis 1, or none for 1
     */
    record BinaryCrossEntropy(List<Float> positiveWeight) implements PointwiseLoss {
        /** Keeps copies of what could be changed. */
        public BinaryCrossEntropy {
            positiveWeight = List.copyOf(positiveWeight);
        }
    }

    /**
     * Kullback-Leibler divergence of probabilities t, the target, from others whose logarithms x are: Σ t·(log t − x), 0 where t is 0.
     *
     * @param perSample whether the sum is divided by N, the extent of axis 0; else by the number of elements
     */
    record KlDivergence(boolean perSample) implements PointwiseLoss {}

    /** (x, target, dloss: scalar) → dx. */
    record PointwiseLossBackward(PointwiseLoss forward) implements Backward {}
}
