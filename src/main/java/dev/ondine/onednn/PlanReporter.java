package dev.ondine.onednn;

import dev.ondine.backend.PlanReport;
import dev.ondine.backend.PlanReport.Attempt;
import dev.ondine.backend.PlanReport.Kind;
import dev.ondine.backend.PlanReport.Operand;
import dev.ondine.backend.PlanReport.Place;
import dev.ondine.graph.Cost;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.MemoryDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/** Tells what a plan came to, once its memory is laid out. It reads lives off the steps themselves, not what the planner made of them. */
final class PlanReporter {
    /** A buffer as the steps use it. */
    private static final class Use {
        final int id;
        int first = Integer.MAX_VALUE;
        int last = Integer.MIN_VALUE;
        Buffer overwrites;

        Use(int id) {
            this.id = id;
        }
    }

    private final List<StepSpec> prologue;
    private final List<StepSpec> steps;
    private final IdentityHashMap<StepSpec, List<Attempt>> slow;
    private final ParameterBlock parameters;
    private final long arenaBytes;
    private final int threads;
    private final List<Buffer> buffers = new ArrayList<>();
    private final IdentityHashMap<Buffer, Use> uses = new IdentityHashMap<>();

    PlanReporter(Lowering lowering, ParameterBlock parameters, long arenaBytes, int threads) {
        this.prologue = lowering.prologue();
        this.steps = lowering.steps();
        this.slow = lowering.slow();
        this.parameters = parameters;
        this.arenaBytes = arenaBytes;
        this.threads = threads;
        for (int i = 0; i < prologue.size(); i++) use(prologue.get(i), i - prologue.size());
        for (int i = 0; i < steps.size(); i++) use(steps.get(i), i);
        for (StepSpec fetch : lowering.fetches()) {
            for (Slot slot : fetch.reads()) use(slot.buffer(), steps.size() - 1);
        }
        for (Slot slot : lowering.pinnedSlots()) use(slot.buffer());
        // The root of a buffer that no step names by itself.
        for (Buffer buffer : List.copyOf(buffers)) use(buffer.root());
    }

    private void use(StepSpec step, int index) {
        for (Slot slot : step.reads()) use(slot.buffer(), index);
        for (Slot slot : step.writes()) use(slot.buffer(), index);
        for (StepSpec.InPlace pair : step.inPlace()) {
            Buffer in = pair.input().buffer();
            Buffer out = pair.output().buffer();
            if (in != out && in.root() == out.root()) use(out, index).overwrites = in;
        }
    }

    private Use use(Buffer buffer) {
        return uses.computeIfAbsent(buffer.whole(), b -> {
            buffers.add(b);
            return new Use(buffers.size() - 1);
        });
    }

    private Use use(Buffer buffer, int index) {
        Use use = use(buffer);
        use.first = Math.min(use.first, index);
        use.last = Math.max(use.last, index);
        return use;
    }

    PlanReport report() {
        List<PlanReport.Slow> slowOnes = new ArrayList<>();
        return new PlanReport(
                "onednn",
                threads,
                steps(prologue, -prologue.size(), slowOnes),
                steps(steps, 0, slowOnes),
                buffers.stream().map(this::buffer).toList(),
                arenaBytes,
                parameters.weights().byteSize(),
                parameters.gradients().byteSize(),
                parameters.gradientsInArena(),
                slowOnes);
    }

    private List<PlanReport.Step> steps(List<StepSpec> specs, int first, List<PlanReport.Slow> slowOnes) {
        List<PlanReport.Step> reported = new ArrayList<>();
        Set<Node> counted = Collections.newSetFromMap(new IdentityHashMap<>());
        for (StepSpec spec : specs) {
            int index = first + reported.size();
            reported.add(step(index, spec, counted));
            if (slow.containsKey(spec)) {
                slowOnes.add(new PlanReport.Slow(index, path(spec), slow.get(spec), SlowAdvice.cure(spec)));
            }
        }
        return reported;
    }

    /** The layer of a step; of a reorder of a parameter, which comes from no operation, the parameter's. */
    private String path(StepSpec step) {
        if (step.node().isPresent()) return step.path();
        for (Slot slot : step.reads()) {
            if (slot.buffer().isExternal() && place(slot.buffer()) == Place.PARAMETERS) {
                String name = slot.buffer().name();
                String parameter = name.substring(name.indexOf(':') + 1);
                return parameter.substring(0, Math.max(0, parameter.lastIndexOf('.')));
            }
        }
        return "";
    }

    private PlanReport.Step step(int index, StepSpec step, Set<Node> counted) {
        Kind kind = kind(step);
        boolean first = kind != Kind.REORDER
                && step.node().isPresent()
                && counted.add(step.node().get());
        long flops = first ? Cost.of(step.node().get()).flops() : 0;
        return switch (step) {
            case StepSpec.Kernel k ->
                new PlanReport.Step(
                        index,
                        path(k),
                        kind,
                        k.name(),
                        "java",
                        k.node(),
                        flops,
                        k.reads().stream().map(s -> operand("in", s)).toList(),
                        k.writes().stream().map(s -> operand("out", s)).toList());
            case StepSpec.Own o ->
                new PlanReport.Step(
                        index,
                        path(o),
                        kind,
                        o.name(),
                        o.implementation(),
                        o.node(),
                        flops,
                        operands(o.inputs()),
                        operands(o.outputs()));
            case StepSpec.Primitive p ->
                new PlanReport.Step(
                        index,
                        path(p),
                        kind,
                        p.descriptor().primitive(),
                        p.descriptor().implementation(),
                        p.node(),
                        flops,
                        operands(p.inputs()),
                        operands(p.outputs()));
        };
    }

    /** In the order of oneDNN's numbers, whatever the map. */
    private List<Operand> operands(Map<Arg, Slot> slots) {
        return slots.entrySet().stream()
                .sorted(Comparator.comparingInt(e -> e.getKey().index()))
                .map(e -> operand(e.getKey().name(), e.getValue()))
                .toList();
    }

    private Operand operand(String role, Slot slot) {
        MemoryDescriptor layout = slot.layout();
        return new Operand(role, use(slot.buffer()).id, layout.typeName(), layout.tag(), layout.size());
    }

    private PlanReport.Buffer buffer(Buffer buffer) {
        Use use = uses.get(buffer);
        Place place = place(buffer);
        boolean pinned = buffer.isPinned() || place != Place.ARENA;
        return new PlanReport.Buffer(
                use.id,
                buffer.name(),
                place,
                buffer.bytes(),
                offset(buffer, place),
                pinned ? 0 : use.first,
                pinned ? steps.size() - 1 : use.last,
                use(buffer.root()).id,
                pinned,
                use.overwrites == null ? OptionalInt.empty() : OptionalInt.of(uses.get(use.overwrites).id));
    }

    private Place place(Buffer buffer) {
        if (!buffer.isExternal()) return Place.ARENA;
        MemorySegment gradients = parameters.gradients();
        long behind = buffer.segment().address() - gradients.address();
        return behind >= 0 && behind < gradients.byteSize() ? Place.GRADIENTS : Place.PARAMETERS;
    }

    private long offset(Buffer buffer, Place place) {
        return switch (place) {
            case ARENA -> buffer.offset();
            // Frozen parameters lie in no block.
            case PARAMETERS ->
                parameters.isFrozen()
                        ? 0
                        : buffer.segment().address() - parameters.weights().address();
            case GRADIENTS ->
                buffer.segment().address() - parameters.gradients().address();
        };
    }

    static Kind kind(StepSpec step) {
        if (step instanceof StepSpec.Kernel) return Kind.JAVA;
        if (step instanceof StepSpec.Primitive p && p.descriptor().primitive().startsWith("reorder"))
            return Kind.REORDER;
        if (step.node().isEmpty()) return Kind.REORDER;
        return kind(step.node().get().op());
    }

    private static Kind kind(Op op) {
        return switch (op) {
            case Op.Epilogue e -> kind(e.op());
            case Op.Convolution _, Op.TransposedConvolution _ -> Kind.CONVOLUTION_FORWARD;
            case Op.ConvolutionBackwardData _ -> Kind.CONVOLUTION_BACKWARD_DATA;
            case Op.ConvolutionBackwardWeights _ -> Kind.CONVOLUTION_BACKWARD_WEIGHTS;
            case Op.Linear _, Op.LinearBackwardData _, Op.LinearBackwardWeights _, Op.MatMul _ -> Kind.LINEAR;
            case Op.BatchNormalization _, Op.BatchNormalizationBackward _ -> Kind.BATCH_NORMALIZATION;
            case Op.GhostBatchNormalization _, Op.GhostBatchNormalizationBackward _, Op.RenormalizationFactors _ ->
                Kind.BATCH_NORMALIZATION;
            case Op.LayerNormalization _, Op.LayerNormalizationBackward _ -> Kind.LAYER_NORMALIZATION;
            case Op.Pooling _, Op.PoolingBackward _ -> Kind.POOLING;
            case Op.Resampling _, Op.ResamplingBackward _, Op.AlongAxis _ -> Kind.STRUCTURE;
            case Op.Binary _, Op.Unary _, Op.UnaryBackward _, Op.PRelu _, Op.PReluBackward _ -> Kind.ELEMENTWISE;
            case Op.Activation _, Op.ActivationBackward _, Op.Add _, Op.Multiply _, Op.Dropout _, Op.Round _ ->
                Kind.ELEMENTWISE;
            case Op.Convert _ -> Kind.REORDER;
            case Op.Softmax _,
                    Op.SoftmaxBackward _,
                    Op.CrossEntropy _,
                    Op.CrossEntropyBackward _,
                    Op.SoftCrossEntropy _,
                    Op.SoftCrossEntropyBackward _,
                    Op.PointwiseLoss _,
                    Op.PointwiseLossBackward _ -> Kind.SOFTMAX_AND_LOSS;
            case Op.FoldedWeights _,
                    Op.Concat _,
                    Op.Slice _,
                    Op.SliceBackward _,
                    Op.Reshape _,
                    Op.Transpose _,
                    Op.Expand _,
                    Op.Fill _,
                    Op.ReduceSum _ -> Kind.STRUCTURE;
        };
    }
}
