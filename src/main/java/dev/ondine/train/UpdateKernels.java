package dev.ondine.train;

import dev.ondine.backend.Team;
import dev.ondine.onednn.api.OwnLibrary;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The arithmetic of an optimizer's step: one flat pass over blocks of float32 values, whatever the layers are. {@link Ranges} of them
 * may differ in learning rate and weight decay.
 *
 * <p>Two implementations give the same result to the bit: {@link JavaUpdateKernels}, and {@link NativeUpdateKernels} on the
 * OpenMP team of oneDNN. Each value is computed from the values at its own index only, every operation is rounded to float32
 * (nothing is fused or reassociated), so neither the number of threads nor the instruction set matters.
 *
 * <p>Blocks are plain arrays, 4-byte aligned, and must not overlap. They may be used by several
 * threads at a time as long as the blocks differ.
 */
public abstract sealed class UpdateKernels permits JavaUpdateKernels, NativeUpdateKernels {

    private static final System.Logger LOG = System.getLogger(UpdateKernels.class.getName());

    private static UpdateKernels best;

    UpdateKernels() {}

    /**
     * The kernels to use in this process, chosen at the first call. Call it after oneDNN is loaded, so that the OpenMP runtime
     * found by both is oneDNN's.
     *
     * @see OwnLibrary where the library is looked for; Java does the work without it
     * @throws IllegalStateException if the library that the property names cannot be used
     */
    public static synchronized UpdateKernels best() {
        if (best == null) {
            best = choose(OwnLibrary.property(), OwnLibrary.candidates());
        }
        return best;
    }

    /** What {@link #best} decides, given the property and the files to look for in order. */
    static UpdateKernels choose(Optional<String> property, List<Path> candidates) {
        if (property.isPresent()) {
            return property.get().equals("none")
                    ? new JavaUpdateKernels("the native kernels are switched off by -Dondine.native.path=none")
                    : NativeUpdateKernels.load(Path.of(property.get()));
        }
        for (Path candidate : candidates) {
            if (Files.isRegularFile(candidate)) {
                try {
                    return NativeUpdateKernels.load(candidate);
                } catch (IllegalStateException e) {
                    LOG.log(System.Logger.Level.WARNING, "Updates run in Java: " + e.getMessage());
                    return new JavaUpdateKernels(e.getMessage());
                }
            }
        }
        return new JavaUpdateKernels("build-native.sh builds a faster one");
    }

    /** The library that these kernels come from; nothing if they are Java. */
    public Optional<Path> library() {
        return Optional.empty();
    }

    /**
     * PyTorch's SGD over ranges of values, of the coefficients lr, weightDecay and gradientWeight (1 − dampening):
     *
     * <pre>
     *   d = g + weightDecay·w
     *   v = first ? d : momentum·v + gradientWeight·d
     *   d = nesterov ? d + momentum·v : v
     *   w = w − lr·d
     * </pre>
     *
     * With momentum 0 only the first and last line remain, and {@code v} is neither read nor written.
     *
     * @param w the parameters; read and written
     * @param g their gradients; only read
     * @param v the momentum buffer; written, and read unless {@code first}. {@link MemorySegment#NULL} will do if momentum is 0
     * @param first whether this is the first step, at which {@code v} holds nothing yet
     * @param team that shares the pass
     * @throws IllegalArgumentException if a block is smaller than the ranges' end
     * @throws IllegalStateException if a block has been closed
     */
    final void sgd(
            MemorySegment w,
            MemorySegment g,
            MemorySegment v,
            Ranges ranges,
            float momentum,
            boolean nesterov,
            boolean first,
            Team team) {
        long n = ranges.end();
        checkWritten("parameters", w, n);
        check("gradients", g, n);
        if (momentum != 0) checkWritten("momentum buffer", v, n);
        runSgd(w, g, v, ranges, momentum, nesterov, first, team);
    }

    /**
     * PyTorch's Adam and AdamW over ranges of values, of the coefficients l2 (Adam's weight decay), keep (AdamW's: 1 − lr·weightDecay,
     * else 1) and stepSize (lr / (1 − β₁ᵗ), t counting from 1); the caller computes all in double precision:
     *
     * <pre>
     *   d = g + l2·w
     *   w = w·keep
     *   m = m + blend1·(d − m)        (from blend1 = 0.5 on: d − (d − m)·(1 − blend1), which is exact at 1)
     *   v = v·beta2 + blend2·d·d
     *   w = w − (stepSize·m) / (√v / rootBias2 + epsilon)
     * </pre>
     *
     * @param w the parameters; read and written
     * @param g their gradients; only read
     * @param m the running mean of the gradients; read and written, zero before the first step
     * @param v the running mean of their squares; read and written, zero before the first step
     * @param blend1 1 − β₁
     * @param beta2 β₂
     * @param blend2 1 − β₂
     * @param rootBias2 √(1 − β₂ᵗ)
     * @param team that shares the pass
     * @throws IllegalArgumentException if a block is smaller than the ranges' end
     * @throws IllegalStateException if a block has been closed
     */
    final void adam(
            MemorySegment w,
            MemorySegment g,
            MemorySegment m,
            MemorySegment v,
            Ranges ranges,
            float blend1,
            float beta2,
            float blend2,
            float epsilon,
            float rootBias2,
            Team team) {
        long n = ranges.end();
        checkWritten("parameters", w, n);
        check("gradients", g, n);
        checkWritten("first moments", m, n);
        checkWritten("second moments", v, n);
        runAdam(w, g, m, v, ranges, blend1, beta2, blend2, epsilon, rootBias2, team);
    }

    /**
     * PyTorch's RMSprop over ranges of values, of the coefficients lr and weightDecay:
     *
     * <pre>
     *   d    = g + weightDecay·w
     *   s    = s·alpha + blend·d·d
     *   mean = mean + blend·(d − mean)            (centered; from blend = 0.5 on as Adam's m)
     *   r    = √s + epsilon                       (centered: √(s − mean·mean) + epsilon)
     *   w    = w − (lr·d) / r                     (with momentum: v = momentum·v + d/r;  w = w − lr·v)
     * </pre>
     *
     * @param s the running mean of the gradients' squares
     * @param mean the running mean of the gradients; {@link MemorySegment#NULL} unless it is centered
     * @param v the momentum buffer; {@link MemorySegment#NULL} if momentum is 0
     * @param blend 1 − α
     * @throws IllegalArgumentException if a block is smaller than the ranges' end
     * @throws IllegalStateException if a block has been closed
     */
    final void rmsProp(
            MemorySegment w,
            MemorySegment g,
            MemorySegment s,
            MemorySegment mean,
            MemorySegment v,
            Ranges ranges,
            float alpha,
            float blend,
            float epsilon,
            float momentum,
            Team team) {
        long n = ranges.end();
        checkWritten("parameters", w, n);
        check("gradients", g, n);
        checkWritten("mean squares", s, n);
        if (mean.address() != 0) checkWritten("means", mean, n);
        if (momentum != 0) checkWritten("momentum buffer", v, n);
        runRmsProp(w, g, s, mean, v, ranges, alpha, blend, epsilon, momentum, team);
    }

    /** Which kernels these are, and why: {@code native/build/libondine.so (OpenMP, AVX-512)}, {@code Java (…)}. */
    public abstract String describe();

    abstract void runSgd(
            MemorySegment w,
            MemorySegment g,
            MemorySegment v,
            Ranges ranges,
            float momentum,
            boolean nesterov,
            boolean first,
            Team team);

    abstract void runAdam(
            MemorySegment w,
            MemorySegment g,
            MemorySegment m,
            MemorySegment v,
            Ranges ranges,
            float blend1,
            float beta2,
            float blend2,
            float epsilon,
            float rootBias2,
            Team team);

    abstract void runRmsProp(
            MemorySegment w,
            MemorySegment g,
            MemorySegment s,
            MemorySegment mean,
            MemorySegment v,
            Ranges ranges,
            float alpha,
            float blend,
            float epsilon,
            float momentum,
            Team team);

    static void check(String what, MemorySegment block, long n) {
        long holds = block.byteSize() / ValueLayout.JAVA_FLOAT.byteSize();
        if (!block.isNative() || block.address() % ValueLayout.JAVA_FLOAT.byteSize() != 0) {
            throw new IllegalArgumentException("The block of " + what + " must lie off the heap, aligned to 4 bytes");
        }
        if (n < 0 || n > holds) {
            throw new IllegalArgumentException(
                    "The update covers " + n + " values, but the block of " + what + " holds " + holds);
        }
    }

    /** As {@link #check}; C would not notice that a block may not be written. */
    static void checkWritten(String what, MemorySegment block, long n) {
        check(what, block, n);
        if (block.isReadOnly()) throw new IllegalArgumentException("The block of " + what + " is read-only");
    }
}
