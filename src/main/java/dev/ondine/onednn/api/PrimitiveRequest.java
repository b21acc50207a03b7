package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A primitive as the caller would like it. Nothing happens until it is asked for: {@link #create} insists,
 * {@link #tryCreate} lets oneDNN decline, so that several layouts can be tried at the price of a call each.
 */
public final class PrimitiveRequest {
    /** The call into oneDNN. */
    interface Call {
        /**
         * Makes the primitive descriptor.
         *
         * @param out where oneDNN puts the pointer
         * @param temporary for arrays that are needed during the call only
         * @return oneDNN's status
         */
        int make(MemorySegment out, MemorySegment engine, Arena temporary);
    }

    /** A tensor that takes part, and its name in messages. */
    record Operand(String name, MemoryDescriptor descriptor) {}

    private final String primitive;
    private final List<Operand> operands;
    private final String parameters;
    private final Attributes attributes;
    private final Call call;
    private final Predicate<PrimitiveDescriptor> refused;

    private PrimitiveRequest(
            String primitive,
            List<Operand> operands,
            String parameters,
            Attributes attributes,
            Call call,
            Predicate<PrimitiveDescriptor> refused) {
        this.primitive = primitive;
        this.operands = operands;
        this.parameters = parameters;
        this.attributes = attributes;
        this.call = call;
        this.refused = refused;
    }

    static PrimitiveRequest of(
            String primitive, List<Operand> operands, String parameters, Attributes attributes, Call call) {
        return new PrimitiveRequest(primitive, operands, parameters, attributes, call, _ -> false);
    }

    /** The same, but an implementation of which {@code refused} holds is none: for what a build of oneDNN does wrong. */
    public PrimitiveRequest refusing(Predicate<PrimitiveDescriptor> refused) {
        return new PrimitiveRequest(primitive, operands, parameters, attributes, call, this.refused.or(refused));
    }

    /**
     * Makes the primitive descriptor, owned by the arena.
     *
     * @throws OneDnnException if oneDNN has no implementation or refuses the arguments
     */
    public PrimitiveDescriptor create(Arena arena) {
        return make(arena, false);
    }

    /**
     * As {@link #create}, but nothing if oneDNN has no implementation.
     *
     * @throws OneDnnException if oneDNN refuses the arguments
     */
    public Optional<PrimitiveDescriptor> tryCreate(Arena arena) {
        return Optional.ofNullable(make(arena, true));
    }

    private PrimitiveDescriptor make(Arena arena, boolean mayDecline) {
        MemorySegment engine = Engine.cpu();
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment out = temporary.allocate(ADDRESS);
            int status = call.make(out, engine, temporary);
            if (status == dnnl_h.dnnl_unimplemented() && mayDecline) return null;
            if (status != dnnl_h.dnnl_success()) throw new OneDnnException(Status.of(status), describe());
            MemorySegment handle = Pointers.owned(arena, out.get(ADDRESS, 0), dnnl_h::dnnl_primitive_desc_destroy);
            PrimitiveDescriptor found = new PrimitiveDescriptor(arena, handle, this);
            if (!refused.test(found)) return found;
            if (mayDecline) return null;
            throw new OneDnnException(Status.UNIMPLEMENTED, found + ", which is not to be trusted");
        }
    }

    Attributes attributes() {
        return attributes;
    }

    /** The name of the primitive: {@code convolution forward_training}. */
    public String primitive() {
        return primitive;
    }

    /** Primitive, operands and parameters in one line. */
    public String describe() {
        StringBuilder text = new StringBuilder(primitive);
        String separator = " of ";
        for (Operand operand : operands) {
            if (operand.descriptor.isNone()) continue;
            text.append(separator).append(operand.name).append(' ').append(operand.descriptor);
            separator = ", ";
        }
        if (!parameters.isEmpty()) text.append(", ").append(parameters);
        if (!attributes.toString().equals("[]")) text.append(", attributes ").append(attributes);
        return text.toString();
    }

    @Override
    public String toString() {
        return describe();
    }
}
