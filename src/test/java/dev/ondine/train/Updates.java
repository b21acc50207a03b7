package dev.ondine.train;

import dev.ondine.backend.Team;
import dev.ondine.nn.Initializer;
import dev.ondine.nn.ParameterRole;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/** Optimizers over single tensors, without a trainer. */
final class Updates {
    private Updates() {}

    /** Over one weight, row-major. */
    static Update of(Optimizer optimizer, Tensor weight, Tensor gradient) {
        return of(optimizer, weight, gradient, ParameterRole.WEIGHT, UpdateKernels.best(), Team.alone());
    }

    static Update of(
            Optimizer optimizer, Tensor weight, Tensor gradient, ParameterRole role, UpdateKernels kernels, Team team) {
        List<MemorySegment> state = optimizer.stateNames().stream()
                .map(_ -> Tensor.allocate(DataType.FLOAT32, weight.shape()).segment())
                .toList();
        ParameterSpec spec =
                new ParameterSpec("weight", DataType.FLOAT32, weight.shape(), new Initializer.Constant(0), true, role);
        int n = (int) weight.elements();
        UpdateTarget.Slice slice = new UpdateTarget.Slice(spec, 0, 0, n, 1, OptionalDouble.empty());
        Update update = Update.of(
                optimizer,
                new UpdateTarget(
                        kernels,
                        weight.segment(),
                        gradient.segment(),
                        state,
                        List.of(slice),
                        _ -> IntStream.range(0, n).toArray(),
                        team,
                        Arena.ofAuto()));
        // As a trainer does before its first step.
        update.edited();
        return update;
    }
}
