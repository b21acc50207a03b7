package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/** A step of the plan before its memory is known. */
sealed interface StepSpec {
    /** The operation of the graph that it came from; nothing for a reorder of parameters, which several may share. */
    Optional<Node> node();

    /** The layer that it belongs to. */
    default String path() {
        return node().map(Node::path).orElse("");
    }

    Collection<Slot> reads();

    Collection<Slot> writes();

    /** Outputs that may overwrite an input, if nobody reads that input later. */
    Collection<InPlace> inPlace();

    record InPlace(Slot input, Slot output) {}

    /** One execution of a oneDNN primitive. */
    record Primitive(
            Optional<Node> node,
            PrimitiveDescriptor descriptor,
            Map<Arg, Slot> inputs,
            Map<Arg, Slot> outputs,
            Collection<InPlace> inPlace)
            implements StepSpec {
        @Override
        public Collection<Slot> reads() {
            return inputs.values();
        }

        @Override
        public Collection<Slot> writes() {
            return outputs.values();
        }
    }

    /**
     * A kernel of Ondine's own in C, with the operands of the primitive whose work it does. {@code bind} is given inputs and outputs when
     * their memory is known; bound again, it takes them from the step that it made before.
     */
    record Own(
            Optional<Node> node,
            String name,
            String implementation,
            Map<Arg, Slot> inputs,
            Map<Arg, Slot> outputs,
            Collection<InPlace> inPlace,
            BiFunction<Map<Arg, Slot>, Map<Arg, Slot>, Step> bind)
            implements StepSpec {
        @Override
        public Collection<Slot> reads() {
            return inputs.values();
        }

        @Override
        public Collection<Slot> writes() {
            return outputs.values();
        }
    }

    /**
     * A loop in Java over plain memory, for what oneDNN has no primitive for. {@code bind} is called once, when the memory is known.
     */
    record Kernel(
            Optional<Node> node,
            String name,
            Collection<Slot> reads,
            Collection<Slot> writes,
            Collection<InPlace> inPlace,
            Supplier<Step> bind)
            implements StepSpec {}
}
