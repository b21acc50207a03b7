package dev.ondine.train;

import dev.ondine.backend.NativeMemory;
import dev.ondine.backend.Plan;
import dev.ondine.backend.Team;
import dev.ondine.graph.Value;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An optimizer at work on a plan's blocks: what it remembers, what happens to the gradients before, which parameters it leaves alone. */
final class Optimization {
    /** PyTorch's, so that a norm of 0 does no harm. */
    private static final double CLIP_EPSILON = 1e-6;

    /** Whole numbers up to its square are exact as two float32. */
    private static final int DIGIT = 1 << 20;

    private final Plan plan;
    private final Optimizer optimizer;
    private final Clipping clipping;
    private final List<MemorySegment> state;
    private final Update update;
    private final SliceNorms norms;
    private final BlockMath math = new BlockMath();
    private double lastNorm = Double.NaN;

    /** @param arena owns the optimizer's memory */
    Optimization(
            Plan plan,
            Parameters parameters,
            Optimizer optimizer,
            List<ParameterGroup> groups,
            Clipping clipping,
            UpdateKernels kernels,
            Arena arena) {
        this.plan = plan;
        this.optimizer = optimizer;
        this.clipping = clipping;
        List<MemorySegment> blocks = new ArrayList<>();
        for (int i = 0; i < optimizer.stateNames().size(); i++) {
            blocks.add(NativeMemory.allocate(arena, plan.weights().byteSize(), plan.team()));
        }
        state = List.copyOf(blocks);
        List<UpdateTarget.Slice> slices = slices(plan, parameters, groups);
        norms = new SliceNorms(slices);
        update = Update.of(
                optimizer,
                new UpdateTarget(
                        kernels, plan.weights(), plan.gradients(), state, slices, this::places, plan.team(), arena));
    }

    private static List<UpdateTarget.Slice> slices(Plan plan, Parameters parameters, List<ParameterGroup> groups) {
        Map<String, ParameterSpec> specs = new HashMap<>();
        for (ParameterSpec spec : parameters.specs()) specs.put(spec.name(), spec);
        List<UpdateTarget.Slice> slices = new ArrayList<>();
        List<Value> values = plan.graph().parameters();
        for (int i = 0; i < values.size(); i++) {
            ParameterSpec spec = specs.get(values.get(i).name());
            ParameterGroup group = ParameterGroup.of(spec, groups);
            if (group.frozen()) continue;
            long from = plan.offset(i);
            slices.add(new UpdateTarget.Slice(spec, i, from, from + plan.extent(i), group.rate(), group.weightDecay()));
        }
        return slices;
    }

    /** Where in the blocks a parameter's elements lie: what comes out of the plan's own translation of a block that holds its indices. */
    private int[] places(int parameter) {
        int elements =
                Math.toIntExact(plan.graph().parameters().get(parameter).shape().elements());
        int[] places = new int[elements];
        try (Arena memory = Arena.ofShared()) {
            MemorySegment block = memory.allocate(plan.weights().byteSize(), 64);
            MemorySegment rows = memory.allocate((long) elements * Float.BYTES, 64);
            for (boolean high : new boolean[] {false, true}) {
                long from = plan.offset(parameter);
                for (long at = from; at < from + plan.extent(parameter); at++) {
                    block.setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) (high ? at / DIGIT : at % DIGIT));
                }
                plan.unpack(parameter, block, rows);
                for (int i = 0; i < elements; i++) {
                    int digit = (int) rows.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                    places[i] += high ? Math.multiplyExact(digit, DIGIT) : digit;
                }
            }
        }
        return places;
    }

    /** One update, with the gradients clipped before. */
    void step(double rate, long step) {
        MemorySegment gradients = plan.gradients();
        double norm = clip(clipping, gradients, norms, math, plan.team());
        if (clipping.norm() > 0) lastNorm = norm;
        update.step(rate, step);
    }

    /** See {@link Update#edited}. */
    void edited() {
        update.edited();
    }

    /** Clips gradients; returns their norm before they were clipped by it. */
    static double clip(Clipping clipping, MemorySegment gradients, SliceNorms norms, BlockMath math, Team team) {
        if (clipping.value() > 0) math.clamp(gradients, (float) clipping.value(), team);
        if (clipping.norm() == 0) return 0;
        norms.measure(gradients, team);
        double norm = norms.norm();
        double scale = clipping.norm() / (norm + CLIP_EPSILON);
        if (scale < 1) math.scale(gradients, (float) scale, team);
        return norm;
    }

    /** The gradients' norm in the last step, before they were clipped by it; NaN if they are not. */
    double gradientNorm() {
        return lastNorm;
    }

    long bytes() {
        return state.stream().mapToLong(MemorySegment::byteSize).sum();
    }

    /** See {@link Trainer#optimizerState}. */
    Map<String, Tensor> state(Arena memory) {
        Map<String, Tensor> named = new LinkedHashMap<>();
        List<Value> values = plan.graph().parameters();
        for (int s = 0; s < state.size(); s++) {
            for (int i = 0; i < values.size(); i++) {
                Tensor tensor = Tensor.allocate(
                        memory, values.get(i).type().dataType(), values.get(i).shape());
                plan.unpack(i, state.get(s), tensor.segment());
                named.put(stateName(values.get(i), s), tensor);
            }
        }
        return named;
    }

    private String stateName(Value parameter, int s) {
        return parameter.name() + "." + optimizer.stateNames().get(s);
    }

    /** See {@link Trainer#restore}. */
    void restore(Map<String, Tensor> named) {
        List<Value> values = plan.graph().parameters();
        if (named.size() != state.size() * values.size()) {
            throw new IllegalArgumentException("there are " + named.size() + " tensors of optimizer state instead of "
                    + state.size() * values.size() + ": they are of another model or optimizer");
        }
        for (int s = 0; s < state.size(); s++) {
            for (Value value : values) {
                Tensor tensor = named.get(stateName(value, s));
                if (tensor == null || !tensor.shape().equals(value.shape()) || tensor.dataType() != DataType.FLOAT32) {
                    throw new IllegalArgumentException("the optimizer's state '" + stateName(value, s) + "' is "
                            + (tensor == null ? "missing" : tensor + " instead of " + value.type())
                            + ": it is of another model or optimizer");
                }
            }
        }
        for (int s = 0; s < state.size(); s++) {
            for (int i = 0; i < values.size(); i++) {
                plan.pack(i, named.get(stateName(values.get(i), s)).segment(), state.get(s));
            }
        }
    }
}
