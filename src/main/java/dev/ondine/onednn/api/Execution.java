package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_exec_arg_t;
import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Map;

/**
 * A primitive with its arguments, bound once and run often. A run is one downcall; it allocates nothing and looks
 * nothing up. Runs of one execution must not overlap, and neither must runs that write to the same memory.
 */
public final class Execution {
    private final MemorySegment primitive;
    private final MemorySegment stream;
    private final MemorySegment arguments;
    private final int count;
    private final PrimitiveDescriptor descriptor;
    private final Memory[] memories;
    /** The distinct lifetimes of the memories' data, which no downcall checks. */
    private final MemorySegment.Scope[] scopes;

    private Execution(Primitive primitive, Stream stream, MemorySegment arguments, Memory[] memories) {
        this.primitive = primitive.handle();
        this.stream = stream.handle();
        this.arguments = arguments;
        this.count = memories.length;
        this.descriptor = primitive.descriptor();
        this.memories = memories;
        this.scopes =
                Arrays.stream(memories).map(m -> m.data().scope()).distinct().toArray(MemorySegment.Scope[]::new);
    }

    /**
     * Binds the arguments of a primitive.
     *
     * @param arena owns the argument list
     * @param arguments every argument that the primitive takes, in the layout that its descriptor names
     * @throws IllegalArgumentException if the primitive takes no such argument, wants it in another layout, would write
     *     to memory that is read-only, or needs a scratchpad that is not given
     */
    public static Execution of(Arena arena, Primitive primitive, Stream stream, Map<Arg, Memory> arguments) {
        PrimitiveDescriptor descriptor = primitive.descriptor();
        arguments.forEach((arg, memory) -> checkArgument(descriptor, arg, memory));
        if (descriptor.scratchpadSize() > 0 && !arguments.containsKey(Arg.SCRATCHPAD)) {
            throw new IllegalArgumentException(descriptor.primitive() + " needs a scratchpad of "
                    + descriptor.scratchpadSize() + " bytes; bind memory of that size to Arg.SCRATCHPAD");
        }
        MemorySegment list = dnnl_exec_arg_t.allocateArray(Math.max(1, arguments.size()), arena);
        Memory[] memories = new Memory[arguments.size()];
        int i = 0;
        for (Map.Entry<Arg, Memory> entry : arguments.entrySet()) {
            MemorySegment item = dnnl_exec_arg_t.asSlice(list, i);
            dnnl_exec_arg_t.arg(item, entry.getKey().index());
            dnnl_exec_arg_t.memory(item, entry.getValue().handle());
            memories[i++] = entry.getValue();
        }
        return new Execution(primitive, stream, list, memories);
    }

    private static void checkArgument(PrimitiveDescriptor descriptor, Arg arg, Memory memory) {
        if (arg.isScales()) return; // oneDNN does not tell their layout
        MemoryDescriptor wanted = descriptor.query(arg);
        if (wanted.isNone()) {
            throw new IllegalArgumentException(
                    descriptor.primitive() + " takes no argument " + arg + "; it was bound to " + memory);
        }
        if (!wanted.equals(memory.descriptor())) {
            throw new IllegalArgumentException(descriptor.primitive() + " wants " + arg + " as " + wanted
                    + " but it was bound to " + memory.descriptor() + "; reorder it first");
        }
        boolean written = arg.equals(Arg.DST)
                || arg.equals(Arg.SCRATCHPAD)
                || arg.name().startsWith("diff_") && !arg.equals(Arg.DIFF_DST);
        if (written && memory.data().isReadOnly()) {
            throw new IllegalArgumentException(descriptor.primitive() + " writes " + arg + " but it was bound to "
                    + memory + ", which is read-only");
        }
    }

    /**
     * Runs the primitive and waits for its end.
     *
     * @throws IllegalStateException if the arena of the primitive, its arguments or their data is closed
     * @throws OneDnnException if it fails
     */
    public void run() {
        for (MemorySegment.Scope scope : scopes) {
            if (!scope.isAlive()) throw closed();
        }
        int status;
        try {
            status = dnnl_h.dnnl_primitive_execute(primitive, stream, count, arguments);
        } finally {
            Reference.reachabilityFence(memories); // their data may lie in arenas that the garbage collector closes
        }
        if (status != 0) throw new OneDnnException(Status.of(status), "running " + this);
    }

    private IllegalStateException closed() {
        return new IllegalStateException(
                descriptor.primitive() + " was run after the memory of one of its arguments was closed");
    }

    /** oneDNN's handle; valid as long as the primitive's arena. */
    MemorySegment primitive() {
        return primitive;
    }

    /** oneDNN's handle; valid as long as the stream's arena. */
    MemorySegment stream() {
        return stream;
    }

    /** The array of {@link #count} {@code dnnl_exec_arg_t}; valid as long as the arena of {@link #of}. */
    MemorySegment arguments() {
        return arguments;
    }

    int count() {
        return count;
    }

    public PrimitiveDescriptor descriptor() {
        return descriptor;
    }

    @Override
    public String toString() {
        return descriptor + " on " + Arrays.toString(memories);
    }
}
