package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Value;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Which operands a node may write its result over. */
final class Overwriting {
    private final Readers readers;
    private final Map<Value, List<Slot>> slots;
    private final Map<Value, Lowering.View> views;
    private final Map<Value, Value> converted;
    private final Predicate<Value> isConstant;

    /** Looks at the maps of a lowering while they fill. */
    Overwriting(
            Readers readers,
            Map<Value, List<Slot>> slots,
            Map<Value, Lowering.View> views,
            Map<Value, Value> converted,
            Predicate<Value> isConstant) {
        this.readers = readers;
        this.slots = slots;
        this.views = views;
        this.converted = converted;
        this.isConstant = isConstant;
    }

    /**
     * Whether a node may write its result over one of its operands: nobody reads that afterwards, under this name or another of the
     * same memory, the node itself reads it once, and it is not the caller's.
     */
    boolean isPossible(Value v, Node reader) {
        boolean once = reader.inputs().stream().filter(v::equals).count() == 1;
        if (v.role() != Value.Role.COMPUTED || isConstant.test(v) || !once || !readers.isLast(v, reader)) return false;
        if (isConvertedLater(v, reader)) return false;
        List<Slot> places = slots.getOrDefault(v, List.of());
        for (Slot slot : places) {
            Buffer buffer = slot.buffer().root();
            if (buffer.isPinned() || buffer.isExternal()) return false;
            for (Map.Entry<Value, List<Slot>> other : slots.entrySet()) {
                boolean same =
                        other.getValue().stream().anyMatch(s -> s.buffer().root() == buffer);
                if (same && !other.getKey().equals(v) && isReadFrom(other.getKey(), reader)) return false;
            }
            for (Map.Entry<Value, Lowering.View> other : views.entrySet()) {
                boolean same = other.getValue().slot().buffer().root() == buffer;
                if (same && !other.getKey().equals(v) && isReadFrom(other.getKey(), reader)) return false;
            }
        }
        return !places.isEmpty();
    }

    /** Whether a node, one behind it, or somebody outside of the graph reads a value, converted or not. */
    private boolean isReadFrom(Value v, Node reader) {
        return readers.isReadFrom(v, reader) || isConvertedLater(v, reader);
    }

    /** Whether a value is what another is made of that nobody made until this node, and somebody reads from there on. */
    private boolean isConvertedLater(Value v, Node reader) {
        return converted.entrySet().stream()
                .anyMatch(made -> made.getValue().equals(v) && isReadFrom(made.getKey(), reader));
    }
}
