package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PostOps;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An {@link Op.Epilogue} as post-ops of the primitive in front of it. A residual that nobody reads afterwards lies where the result is
 * made, which is added to it in place; any other is read as an operand of its own.
 */
final class Epilogue {
    private final Lowering to;
    private final Optional<Op.Activation> activation;
    private final Value residual;
    private final boolean inPlace;

    private Epilogue(Lowering to, Optional<Op.Activation> activation, Value residual, boolean inPlace) {
        this.to = to;
        this.activation = activation;
        this.residual = residual;
        this.inPlace = inPlace;
    }

    static Epilogue none(Lowering to) {
        return new Epilogue(to, Optional.empty(), null, false);
    }

    static Epilogue of(Lowering to, Node node, Op.Epilogue op) {
        Value residual = op.residual() ? node.inputs().getLast() : null;
        return new Epilogue(to, op.activation(), residual, residual != null && to.mayBeOverwritten(residual, node));
    }

    boolean isEmpty() {
        return activation.isEmpty() && residual == null;
    }

    Optional<Value> residual() {
        return Optional.ofNullable(residual);
    }

    /** The layouts worth having in which the residual lies: with the result in one of them nothing has to be reordered. */
    List<MemoryDescriptor> residualLayouts() {
        if (residual == null) return List.of();
        return to.knownLayouts(residual).stream().filter(l -> !l.isPlain()).toList();
    }

    /** What tells a primitive to do this on its result; nothing if the layout of the result is not settled enough. */
    Optional<Attributes> attributes(MemoryDescriptor result) {
        if (isEmpty()) return Optional.of(to.attributes);
        if (residual != null && !inPlace && result.isAny()) return Optional.empty();
        PostOps postOps = PostOps.create(to.arena);
        if (residual != null && inPlace) postOps.sum(1);
        if (residual != null && !inPlace) postOps.binary(Algorithm.BINARY_ADD, result);
        activation.map(Activations::postOp).ifPresent(f -> postOps.eltwise(f.algorithm(), f.alpha(), f.beta()));
        return Optional.of(Attributes.create(to.arena).postOps(postOps));
    }

    /** The place of the result; adds the residual to the primitive's inputs. */
    Slot result(Value y, MemoryDescriptor layout, Map<Arg, Slot> inputs) {
        if (residual == null) return to.out(y, layout);
        Slot r = to.in(residual, layout);
        if (!inPlace) {
            inputs.put(Arg.postOpSource(0), r);
            return to.out(y, layout);
        }
        inputs.put(Arg.DST, r);
        return to.define(y, r);
    }

    /** What is overwritten. */
    StepSpec.InPlace[] inPlace(Slot result) {
        return inPlace ? new StepSpec.InPlace[] {new StepSpec.InPlace(result, result)} : new StepSpec.InPlace[0];
    }
}
