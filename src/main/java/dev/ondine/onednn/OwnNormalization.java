package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.MemoryDescriptor;
import java.util.Optional;

/**
 * A batch normalization of {@link NativeBatchNorm}.
 *
 * @param sum the addition that is done with it, if there is one
 * @param layout of its activations
 */
record OwnNormalization(Node forward, Optional<Node> sum, MemoryDescriptor layout) {
    Op.BatchNormalization op() {
        return (Op.BatchNormalization) forward.op();
    }

    /** Whether a ReLU is the last that it does. */
    boolean relu() {
        return sum.map(n -> ((Op.Add) n.op()).relu()).orElse(op().relu());
    }

    /** What it leaves. */
    Value result() {
        return sum.orElse(forward).output(0);
    }

    /** What is added. */
    Optional<Value> addend() {
        return sum.map(n -> n.input(n.input(0).equals(forward.output(0)) ? 1 : 0));
    }
}
