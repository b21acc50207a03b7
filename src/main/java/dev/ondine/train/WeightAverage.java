package dev.ondine.train;

import dev.ondine.backend.NativeMemory;
import dev.ondine.backend.Plan;
import dev.ondine.graph.Value;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** The average of a trainer's weights, in a block of the same layout, and a model that has them when somebody asks. */
final class WeightAverage implements AutoCloseable {
    /** A running statistic, and its average. */
    private record Statistic(MemorySegment average, MemorySegment newest) {}

    private final Plan plan;
    private final Parameters source;
    private final Model model;
    private final MemorySegment block;
    private final List<Statistic> statistics = new ArrayList<>();
    private final BlockMath math = new BlockMath();
    private long taken;

    WeightAverage(Model of, Plan plan, Arena arena) {
        this.plan = plan;
        this.source = of.parameters();
        long bytes = plan.weights().byteSize();
        this.block = NativeMemory.allocate(arena, bytes, plan.team()).asSlice(0, bytes);
        this.model = Model.of(of.network(), of.sampleShape(), 0);
        for (ParameterSpec spec : model.parameters().specs()) {
            if (spec.learned() || spec.dataType() != DataType.FLOAT32) continue;
            statistics.add(new Statistic(
                    model.parameters().raw(spec.name()).segment(),
                    source.raw(spec.name()).segment()));
        }
    }

    /** Moves the average towards the newest weights and statistics; the first time it becomes them. */
    void take(double weight) {
        if (taken == 0) block.copyFrom(plan.weights());
        else math.blend(block, plan.weights(), (float) weight, plan.team());
        for (int i = 0; i < statistics.size(); i++) {
            Statistic s = statistics.get(i);
            if (taken == 0) s.average.copyFrom(s.newest);
            else math.blend(s.average, s.newest, (float) weight, plan.team());
        }
        taken++;
    }

    /** How often something was taken. */
    long taken() {
        return taken;
    }

    /** The model with the averages; the same object at each call. */
    Model model() {
        List<Value> values = plan.graph().parameters();
        for (int i = 0; i < values.size(); i++) {
            plan.unpack(i, block, model.parameters().raw(values.get(i).name()).segment());
        }
        for (ParameterSpec spec : model.parameters().specs()) {
            if (spec.dataType() == DataType.INT64) {
                model.parameters().raw(spec.name()).copyFrom(source.raw(spec.name()));
            }
        }
        model.parameters().touch();
        return model;
    }

    /** Goes on from averages that {@link #model} had. */
    void restore(Function<String, Tensor> stored, long taken) {
        for (ParameterSpec spec : model.parameters().specs()) {
            try (Tensor tensor = stored.apply(spec.name())) {
                model.parameters().raw(spec.name()).copyFrom(tensor);
            }
        }
        List<Value> values = plan.graph().parameters();
        for (int i = 0; i < values.size(); i++) {
            plan.pack(i, model.parameters().raw(values.get(i).name()).segment(), block);
        }
        this.taken = taken;
    }

    @Override
    public void close() {
        model.close();
    }
}
