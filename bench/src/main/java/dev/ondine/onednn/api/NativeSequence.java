package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;

/**
 * Executions, and calls of Ondine's own kernels, that C runs one after another, in one downcall: {@code ondine_run_sequence} of {@code native/}. For measuring only: it
 * does not check that their memory is still there, the caller does.
 */
public final class NativeSequence {
    /** {@code ondine_execution}: primitive, stream, arguments, count, own function. */
    private static final long SIZE = 5 * Long.BYTES;

    /** What C does at once. */
    public sealed interface Item {
        /** A primitive. */
        record Run(Execution execution) implements Item {}

        /** A function that takes a struct. */
        record Own(MemorySegment function, MemorySegment arguments) implements Item {}
    }

    private final List<Item> items;
    private final MemorySegment array;
    private final MemorySegment execute;
    private final MethodHandle run;

    /**
     * A sequence.
     *
     * @param arena owns the list; the items must live as long
     * @param library libondine
     */
    @SuppressWarnings("restricted") // Calling C is what is measured.
    public NativeSequence(Arena arena, Path library, List<Item> items) {
        this.items = List.copyOf(items);
        this.array = arena.allocate(Math.max(1, items.size()) * SIZE, Long.BYTES);
        for (int i = 0; i < items.size(); i++) {
            switch (items.get(i)) {
                case Item.Run(Execution e) -> {
                    array.set(ADDRESS, i * SIZE, e.primitive());
                    array.set(ADDRESS, i * SIZE + 8, e.stream());
                    array.set(ADDRESS, i * SIZE + 16, e.arguments());
                    array.set(JAVA_LONG, i * SIZE + 24, e.count());
                }
                case Item.Own(MemorySegment function, MemorySegment arguments) -> {
                    array.set(ADDRESS, i * SIZE + 16, arguments);
                    array.set(ADDRESS, i * SIZE + 32, function);
                }
            }
        }
        this.execute = OneDnn.symbols().find("dnnl_primitive_execute").orElseThrow();
        this.run = Linker.nativeLinker()
                .downcallHandle(
                        SymbolLookup.libraryLookup(library, arena).findOrThrow("ondine_run_sequence"),
                        FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));
    }

    /** How many items it runs. */
    public int size() {
        return items.size();
    }

    /**
     * Runs all of them.
     *
     * @throws OneDnnException if one fails
     */
    public void run() {
        int status;
        try {
            status = (int) run.invokeExact(execute, array, (long) items.size());
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        if (status != 0) throw new OneDnnException(Status.of(status), "running a sequence from C");
    }
}
