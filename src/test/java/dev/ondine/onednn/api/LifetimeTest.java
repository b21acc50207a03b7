package dev.ondine.onednn.api;

import static dev.ondine.onednn.api.Segments.memory;
import static dev.ondine.onednn.api.Segments.plain;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Everything dies with the arena that it was created in, and its use after that is an exception, never a crash. */
class LifetimeTest {
    private static PrimitiveDescriptor relu(Arena arena) {
        MemoryDescriptor layout = plain(arena, 2, 3);
        return Eltwises.forward(
                        Propagation.FORWARD_TRAINING,
                        Algorithm.ELTWISE_RELU,
                        layout,
                        layout,
                        0,
                        0,
                        Attributes.create(arena))
                .create(arena);
    }

    private static Execution execution(Arena arena, Arena dataArena) {
        MemoryDescriptor layout = plain(arena, 2, 3);
        Memory data = Memory.of(arena, layout, Segments.bytes(dataArena, layout.size()));
        return Execution.of(
                arena,
                Primitive.create(arena, relu(arena)),
                Stream.create(arena),
                Map.of(Arg.SRC, data, Arg.DST, data));
    }

    @Test
    void runAfterItsArenaIsClosed() {
        Execution execution;
        try (Arena arena = Arena.ofConfined();
                Arena data = Arena.ofConfined()) {
            execution = execution(arena, data);
            execution.run();
        }
        assertThrows(IllegalStateException.class, execution::run);
    }

    @Test
    void runAfterThePrimitiveIsClosedButNotTheData() {
        try (Arena data = Arena.ofConfined()) {
            Execution execution;
            try (Arena arena = Arena.ofShared()) {
                execution = execution(arena, data);
            }
            assertThrows(IllegalStateException.class, execution::run);
        }
    }

    @Test
    void runAfterTheDataIsClosedButNotThePrimitive() {
        try (Arena arena = Arena.ofShared()) {
            Execution execution;
            try (Arena data = Arena.ofShared()) {
                execution = execution(arena, data);
                execution.run();
            }
            IllegalStateException e = assertThrows(IllegalStateException.class, execution::run);
            assertTrue(e.getMessage().contains("eltwise_relu"), e.getMessage());
        }
    }

    @Test
    void everyObjectAfterItsArenaIsClosed() {
        try (Arena open = Arena.ofConfined()) {
            Arena closed = Arena.ofConfined();
            MemoryDescriptor layout = plain(closed, 2, 3);
            PrimitiveDescriptor descriptor = relu(closed);
            Primitive primitive = Primitive.create(closed, descriptor);
            Stream stream = Stream.create(closed);
            Attributes attributes = Attributes.create(closed);
            PostOps postOps = PostOps.create(closed);
            MemoryDescriptor queried = descriptor.query(MemoryQuery.SRC);
            Memory memory = memory(closed, layout);
            closed.close();

            assertThrows(IllegalStateException.class, () -> Primitive.create(open, descriptor));
            assertThrows(IllegalStateException.class, () -> descriptor.query(MemoryQuery.DST));
            assertThrows(IllegalStateException.class, stream::waitFor);
            assertThrows(IllegalStateException.class, () -> attributes.deterministic(true));
            assertThrows(IllegalStateException.class, () -> postOps.sum(1));
            assertThrows(IllegalStateException.class, () -> queried.equals(plain(open, 2, 3)));
            assertThrows(IllegalStateException.class, () -> Memory.of(open, layout, Segments.bytes(open, 24)));
            assertThrows(
                    IllegalStateException.class,
                    () -> Execution.of(open, primitive, Stream.create(open), Map.of(Arg.SRC, memory)));
            assertEquals("f32 ab (2x3)", queried.describe());
        }
    }

    @Test
    void creationInAClosedArena() {
        Arena closed = Arena.ofConfined();
        closed.close();
        assertThrows(IllegalStateException.class, () -> plain(closed, 2, 3));
        assertThrows(IllegalStateException.class, () -> Stream.create(closed));
        assertThrows(IllegalStateException.class, () -> Attributes.create(closed));
    }

    @Test
    void confinedArenaKeepsOtherThreadsOut() throws InterruptedException {
        try (Arena arena = Arena.ofConfined()) {
            Execution execution = execution(arena, arena);
            Throwable[] thrown = new Throwable[1];
            Thread other = new Thread(() -> {
                try {
                    execution.run();
                } catch (RuntimeException e) {
                    thrown[0] = e;
                }
            });
            other.start();
            other.join();
            assertEquals(WrongThreadException.class, thrown[0].getClass());
        }
    }

    /** A primitive copies what it is made from: descriptor and attributes may go before it. */
    @Test
    void primitiveOutlivesItsRequest() {
        try (Arena arena = Arena.ofConfined()) {
            MemoryDescriptor layout = plain(arena, 2, 3);
            PrimitiveDescriptor descriptor;
            try (Arena temporary = Arena.ofConfined()) {
                MemoryDescriptor requested = plain(temporary, 2, 3);
                PostOps postOps = PostOps.create(temporary).eltwise(Algorithm.ELTWISE_LINEAR, 10, 1);
                descriptor = Binaries.of(
                                Algorithm.BINARY_ADD,
                                requested,
                                requested,
                                requested,
                                Attributes.create(temporary).postOps(postOps))
                        .create(arena);
            }
            Memory data = memory(arena, layout, 1, 2, 3, 4, 5, 6);
            Segments.bind(arena, descriptor, Map.of(Arg.SRC, data, Arg.SRC_1, data, Arg.DST, data))
                    .run();
            assertEquals(21f, Segments.floats(data)[0]);
        }
    }

    /** Thousands of objects come and go in one process: what closing frees is really freed. */
    @Test
    void closingFreesNativeMemory() throws Throwable {
        Optional<MemorySegment> function = Linker.nativeLinker().defaultLookup().find("mallinfo2");
        assumeTrue(function.isPresent(), "needs glibc's mallinfo2");
        createAndClose(2_000);
        long before = allocatedBytes(function.get());
        createAndClose(20_000);
        long growth = allocatedBytes(function.get()) - before;
        // 20,000 leaked descriptors, attributes and streams would be more than 60 MB; the JVM's compilers use some as
        // well.
        assertTrue(growth < 20_000_000, growth + " bytes more");
    }

    private static void createAndClose(int times) {
        for (int i = 0; i < times; i++) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment data = Segments.bytes(arena, 24);
                Memory memory = Memory.of(arena, plain(arena, 2, 3), data);
                PrimitiveDescriptor descriptor = relu(arena);
                Stream.create(arena);
                assertEquals(memory.descriptor(), descriptor.query(MemoryQuery.SRC));
            }
        }
    }

    /** The bytes that malloc has given out: the eighth of mallinfo2's ten numbers. */
    @SuppressWarnings("restricted") // a function of the C library
    private static long allocatedBytes(MemorySegment mallinfo2) throws Throwable {
        StructLayout numbers = MemoryLayout.structLayout(MemoryLayout.sequenceLayout(10, JAVA_LONG));
        MethodHandle call = Linker.nativeLinker().downcallHandle(mallinfo2, FunctionDescriptor.of(numbers));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment result = (MemorySegment) call.invokeExact((SegmentAllocator) arena);
            return result.getAtIndex(JAVA_LONG, 7);
        }
    }
}
