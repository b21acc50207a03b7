package dev.ondine.backend;

import dev.ondine.graph.Node;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A compiled plan as data: what runs, in what order, over which memory. For printers and checks; nothing runs from it.
 *
 * @param prologue what runs once for every change of parameters; its steps are numbered up to −1
 * @param steps in the order in which they run, numbered from 0
 * @param buffers every piece of memory that a step reads or writes, in the order of first use
 * @param arenaBytes the block that holds all buffers of {@link Place#ARENA}
 * @param parameterBytes the parameters' block
 * @param gradientBytes the gradients' block, of the same layout; 0 without gradients
 * @param gradientsInArena whether the gradients' block is the beginning of the arena, whose other buffers lie there until the gradients
 *     are made; otherwise it is a block of its own, or another plan's
 * @param slow the steps that run in a loop that is slower than it should be, and why
 */
public record PlanReport(
        String backend,
        int threads,
        List<Step> prologue,
        List<Step> steps,
        List<Buffer> buffers,
        long arenaBytes,
        long parameterBytes,
        long gradientBytes,
        boolean gradientsInArena,
        List<Slow> slow) {

    /** What a step does, for sums by kind. */
    public enum Kind {
        /** A convolution, what is fused behind it included. */
        CONVOLUTION_FORWARD("convolution forward"),
        /** The gradient for a convolution's input. */
        CONVOLUTION_BACKWARD_DATA("convolution backward data"),
        /** The gradient for a convolution's weights and bias. */
        CONVOLUTION_BACKWARD_WEIGHTS("convolution backward weights"),
        /** Products of matrices. */
        LINEAR("linear"),
        /** Batch normalization, forward and backward. */
        BATCH_NORMALIZATION("batch normalization"),
        /** Layer and group normalization. */
        LAYER_NORMALIZATION("layer normalization"),
        /** Pooling, forward and backward. */
        POOLING("pooling"),
        /** Activations, sums and products. */
        ELEMENTWISE("elementwise"),
        /** Softmax and losses. */
        SOFTMAX_AND_LOSS("softmax and loss"),
        /** Copies: concatenation, slices, padding. */
        STRUCTURE("structure"),
        /** From one layout or type to another. */
        REORDER("reorder"),
        /** A loop in Java. */
        JAVA("Java kernel");

        private final String title;

        Kind(String title) {
            this.title = title;
        }

        @Override
        public String toString() {
            return title;
        }
    }

    /**
     * One step.
     *
     * @param path the layer that it belongs to; empty for what belongs to the whole graph
     * @param operation what is done: {@code convolution forward_training}
     * @param implementation what does it: {@code brgconv:avx2}, {@code ondine:avx512} of the optional C library, or {@code java}
     * @param node the operation of the graph that it came from; nothing for a reorder of parameters, which several may share
     * @param flops floating-point operations, a multiply-add counted as two; 0 for reorders and for all but the first of several steps
     *     of one operation
     */
    public record Step(
            int index,
            String path,
            Kind kind,
            String operation,
            String implementation,
            Optional<Node> node,
            long flops,
            List<Operand> reads,
            List<Operand> writes) {
        /** Bytes that it reads and writes, each operand once, padding included, scratchpad not. */
        public long bytes() {
            return reads.stream().mapToLong(Operand::bytes).sum()
                    + writes.stream()
                            .filter(o -> !o.role().equals(SCRATCHPAD))
                            .mapToLong(Operand::bytes)
                            .sum();
        }

        /** The layouts of the main operand read and the main one written: {@code acdb > aBcd8b}; one if they are the same. */
        public String layouts() {
            String from = main(reads, List.of("diff_dst", "src"));
            String to = main(writes, List.of("dst", "diff_src", "diff_weights"));
            return from.equals(to) || to.isEmpty() ? from : from.isEmpty() ? to : from + " > " + to;
        }

        private static String main(List<Operand> operands, List<String> roles) {
            for (String role : roles) {
                for (Operand o : operands) if (o.role.equals(role)) return o.layout;
            }
            return operands.isEmpty() ? "" : operands.getFirst().layout;
        }
    }

    /** The role of memory that only the step itself uses. */
    public static final String SCRATCHPAD = "scratchpad";

    /**
     * What a step reads or writes.
     *
     * @param role its name as an argument: {@code src}, {@code weights}
     * @param buffer its number in {@link PlanReport#buffers}
     * @param type of an element: {@code f32}
     * @param layout in oneDNN's notation
     * @param bytes padding included
     */
    public record Operand(String role, int buffer, String type, String layout, long bytes) {}

    /** Whose memory a buffer lies in. */
    public enum Place {
        /** The plan's block, in which buffers take one another's places. */
        ARENA,
        /** The parameters' block. */
        PARAMETERS,
        /** The gradients' block. */
        GRADIENTS
    }

    /**
     * A piece of memory.
     *
     * @param offset from the beginning of the block that it lies in, in bytes
     * @param first the first step that touches it; below 0 if that is one of the prologue
     * @param last the last one
     * @param root the buffer whose place this one shares as its own: itself, unless it is written in another's place
     * @param pinned whether the caller reads or writes it, so that it is never given to anybody else
     * @param overwrites the buffer in whose place it is written, by a step that reads that one for the last time
     */
    public record Buffer(
            int id,
            String name,
            Place place,
            long bytes,
            long offset,
            int first,
            int last,
            int root,
            boolean pinned,
            OptionalInt overwrites) {
        /** Whether it holds something when a step runs. */
        public boolean isLive(int step) {
            return pinned || first <= step && step <= last;
        }
    }

    /**
     * A step that runs in a slow loop.
     *
     * @param attempts what was asked for, in turn, and what came of it
     * @param cure what could be done
     */
    public record Slow(int step, String path, List<Attempt> attempts, String cure) {}

    /** What was asked for and what came of it: {@code declined}, or the implementation that was offered. */
    public record Attempt(String request, String answer) {}

    /** Keeps copies of what could be changed. */
    public PlanReport {
        prologue = List.copyOf(prologue);
        steps = List.copyOf(steps);
        buffers = List.copyOf(buffers);
        slow = List.copyOf(slow);
    }

    /** The step of this number; below 0 one of the prologue. */
    public Step step(int index) {
        return index < 0 ? prologue.get(prologue.size() + index) : steps.get(index);
    }

    /** What the plan's blocks take together. */
    public long totalBytes() {
        return parameterBytes + arenaBytes + (gradientsInArena ? 0 : gradientBytes);
    }

    /** What the arena's buffers would take one beside the other, none in the place of another. */
    public long unsharedBytes() {
        return buffers.stream()
                .filter(b -> b.place == Place.ARENA)
                .mapToLong(Buffer::bytes)
                .sum();
    }

    /** What the arena's buffers that are live at a step take, one written in the place of another counted once. */
    public long liveBytes(int step) {
        return buffers.stream()
                .filter(b -> b.place == Place.ARENA && b.isLive(step) && !isWrittenOver(b, step))
                .mapToLong(Buffer::bytes)
                .sum();
    }

    /** Whether a buffer ends at the step at which another begins in its place. */
    private boolean isWrittenOver(Buffer b, int step) {
        return b.last == step
                && buffers.stream()
                        .anyMatch(o -> o.overwrites.isPresent() && o.overwrites.getAsInt() == b.id && o.first == step);
    }

    /** The step at which most is live: no arena can be smaller than {@link #liveBytes} of it. */
    public int fullestStep() {
        int fullest = 0;
        for (int i = 1; i < steps.size(); i++) if (liveBytes(i) > liveBytes(fullest)) fullest = i;
        return fullest;
    }
}
