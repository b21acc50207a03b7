package dev.ondine.onednn.api;

import static dev.ondine.onednn.api.Segments.memory;
import static dev.ondine.onednn.api.Segments.plain;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What goes wrong says what, where and what to do; and it never reaches a kernel. */
class ErrorsTest {
    private final Arena arena = Arena.ofConfined();
    private Attributes attributes;

    @BeforeEach
    void defaults() {
        attributes = Attributes.create(arena);
    }

    @AfterEach
    void close() {
        arena.close();
    }

    private static void assertRefused(Executable call, String... parts) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        for (String part : parts) assertTrue(message.contains(part), () -> "'" + part + "' in: " + message);
    }

    private PrimitiveRequest reluOfIntegersIntoBfloat16() {
        return Eltwises.forward(
                Propagation.FORWARD_TRAINING,
                Algorithm.ELTWISE_RELU,
                MemoryDescriptor.plain(arena, new long[] {3, 5}, DataType.INT32),
                MemoryDescriptor.plain(arena, new long[] {3, 5}, DataType.BFLOAT16),
                0,
                0,
                attributes);
    }

    @Test
    void unimplementedNamesPrimitiveShapesTypesAndRemedy() {
        OneDnnException e = assertThrows(
                OneDnnException.class, () -> reluOfIntegersIntoBfloat16().create(arena));

        assertEquals(Status.UNIMPLEMENTED, e.status());
        for (String part : List.of(
                "eltwise_relu forward_training",
                "src s32 ab (3x5)",
                "dst bf16 ab (3x5)",
                "no implementation",
                "(unimplemented)",
                Status.UNIMPLEMENTED.remedy())) {
            assertTrue(e.getMessage().contains(part), () -> "'" + part + "' in: " + e.getMessage());
        }
    }

    @Test
    void unimplementedCanBeAskedForSoftly() {
        assertTrue(reluOfIntegersIntoBfloat16().tryCreate(arena).isEmpty());
        MemoryDescriptor layout = plain(arena, 3, 5);
        assertTrue(
                Eltwises.forward(Propagation.FORWARD_TRAINING, Algorithm.ELTWISE_RELU, layout, layout, 0, 0, attributes)
                        .tryCreate(arena)
                        .isPresent());
    }

    @Test
    void argumentsThatDoNotFitAreNotSoft() {
        PrimitiveRequest request = MatMuls.of(
                plain(arena, 2, 3), plain(arena, 4, 5), MemoryDescriptor.NONE, plain(arena, 2, 5), attributes);

        OneDnnException e = assertThrows(OneDnnException.class, () -> request.tryCreate(arena));
        assertEquals(Status.INVALID_ARGUMENTS, e.status());
        assertTrue(e.getMessage().contains("weights f32 ab (4x5)"), e.getMessage());
    }

    @Test
    void unknownPostOpIsNamed() {
        OneDnnException e =
                assertThrows(OneDnnException.class, () -> PostOps.create(arena).eltwise(Algorithm.POOLING_MAX, 0, 0));
        assertTrue(e.getMessage().contains("pooling_max"), e.getMessage());
    }

    @Test
    void windowMustHaveOneNumberForEachAxis() {
        assertRefused(() -> new Window(new long[2], new long[2], new long[1], new long[2]), "spatial axis");
        assertRefused(
                () -> Convolutions.forward(
                        Propagation.FORWARD_TRAINING,
                        plain(arena, 1, 1, 3, 3),
                        plain(arena, 1, 1, 2, 2),
                        MemoryDescriptor.NONE,
                        plain(arena, 1, 1, 2, 2),
                        Window.of(new long[1], new long[1]),
                        attributes),
                "convolution forward_training",
                "(1x1x3x3)");
        assertRefused(
                () -> Poolings.forward(
                        Propagation.FORWARD_TRAINING,
                        Algorithm.POOLING_MAX,
                        plain(arena, 1, 1, 3, 3),
                        plain(arena, 1, 1, 2, 2),
                        new long[] {2},
                        Window.of(new long[] {1, 1}, new long[2]),
                        attributes),
                "kernel [2]");
    }

    @Test
    void memoryMustBeOffHeapLargeEnoughAlignedAndOfAChosenLayout() {
        MemoryDescriptor layout = plain(arena, 2, 3);

        assertRefused(() -> Memory.of(arena, layout, MemorySegment.ofArray(new float[6])), "Java heap", "f32 ab (2x3)");
        assertRefused(() -> Memory.of(arena, layout, arena.allocate(23, 64)), "23 bytes", "24 bytes");
        assertRefused(() -> Memory.of(arena, layout, arena.allocate(128, 64).asSlice(16)), "64 bytes");
        MemoryDescriptor any = MemoryDescriptor.any(arena, new long[] {2, 3}, DataType.FLOAT32);
        assertRefused(() -> Memory.of(arena, any, arena.allocate(128, 64)), "f32 any (2x3)");
        assertRefused(() -> Memory.of(arena, MemoryDescriptor.NONE, arena.allocate(128, 64)), "none");
    }

    private PrimitiveDescriptor relu() {
        MemoryDescriptor layout = plain(arena, 2, 3);
        return Eltwises.forward(Propagation.FORWARD_TRAINING, Algorithm.ELTWISE_RELU, layout, layout, 0, 0, attributes)
                .create(arena);
    }

    private Execution bind(Map<Arg, Memory> arguments) {
        return Execution.of(arena, Primitive.create(arena, relu()), Stream.create(arena), arguments);
    }

    @Test
    void argumentsMustBeTakenAndInTheWantedLayout() {
        Memory good = memory(arena, plain(arena, 2, 3));
        Memory wrong = memory(arena, plain(arena, 3, 2));

        assertRefused(() -> bind(Map.of(Arg.SRC, good, Arg.DST, good, Arg.WEIGHTS, good)), "weights", "no argument");
        assertRefused(() -> bind(Map.of(Arg.SRC, wrong, Arg.DST, good)), "src", "(2x3)", "(3x2)");
        Memory readOnly = Memory.of(arena, good.descriptor(), good.data().asReadOnly());
        assertRefused(() -> bind(Map.of(Arg.SRC, good, Arg.DST, readOnly)), "dst", "read-only");
        bind(Map.of(Arg.SRC, readOnly, Arg.DST, good)).run();
    }

    /** oneDNN itself answers with a pointer into another post-op, which no process survives. */
    @Test
    void onlyBinaryPostOpsHaveAnOperand() {
        MemoryDescriptor layout = plain(arena, 3, 5);
        PostOps postOps = PostOps.create(arena)
                .sum(1)
                .binary(Algorithm.BINARY_ADD, layout)
                .eltwise(Algorithm.ELTWISE_RELU, 0, 0);
        PrimitiveDescriptor product = MatMuls.of(
                        plain(arena, 3, 4),
                        plain(arena, 4, 5),
                        MemoryDescriptor.NONE,
                        layout,
                        Attributes.create(arena).postOps(postOps))
                .create(arena);

        for (int position : List.of(0, 2, 3, 31)) {
            assertTrue(product.query(Arg.postOpSource(position)).isNone(), "position " + position);
        }
        assertEquals(layout, product.query(Arg.postOpSource(1)));
        Primitive primitive = Primitive.create(arena, product);
        Stream stream = Stream.create(arena);
        Memory other = memory(arena, layout, new float[15]);
        assertRefused(
                () -> Execution.of(arena, primitive, stream, Map.of(Arg.postOpSource(0), other)),
                "takes no argument post-op 0 src_1");
    }

    @Test
    void missingArgumentIsAnErrorOfTheRun() {
        Memory good = memory(arena, plain(arena, 2, 3));
        Execution execution = bind(Map.of(Arg.SRC, good));

        OneDnnException e = assertThrows(OneDnnException.class, execution::run);
        assertEquals(Status.INVALID_ARGUMENTS, e.status());
        assertTrue(e.getMessage().contains("eltwise_relu forward_training"), e.getMessage());
    }

    @Test
    void scratchpadMustBeGiven() {
        MemoryDescriptor image = plain(arena, 4, 32, 9, 9);
        PrimitiveDescriptor descriptor = BatchNormalizations.forward(
                        Propagation.FORWARD_TRAINING, image, image, 1e-5f, Set.of(), attributes)
                .create(arena);
        assumeTrue(descriptor.scratchpadSize() > 0, descriptor.implementation());
        Map<Arg, Memory> arguments = new HashMap<>();
        for (Arg arg : List.of(Arg.SRC, Arg.DST, Arg.MEAN, Arg.VARIANCE)) {
            arguments.put(arg, memory(arena, descriptor.query(arg)));
        }

        assertRefused(
                () -> Execution.of(arena, Primitive.create(arena, descriptor), Stream.create(arena), arguments),
                "scratchpad of " + descriptor.scratchpadSize() + " bytes");
        Segments.bind(arena, descriptor, arguments).run();
    }

    @Test
    void referenceImplementationsAreKnownAsSuch() {
        MemoryDescriptor image = plain(arena, 2, 3, 5, 5);
        // Convolution weights in an order that no kernel reads.
        MemoryDescriptor weights =
                MemoryDescriptor.of(arena, new long[] {4, 3, 3, 3}, DataType.FLOAT32, FormatTag.BACD);
        PrimitiveDescriptor descriptor = Convolutions.forward(
                        Propagation.FORWARD_TRAINING,
                        image,
                        weights,
                        MemoryDescriptor.NONE,
                        plain(arena, 2, 4, 3, 3),
                        Window.of(new long[] {1, 1}, new long[2]),
                        attributes)
                .create(arena);

        assertTrue(descriptor.isReference(), descriptor.implementation());
        assertFalse(relu().isReference() && OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX2), relu().implementation());
    }

    @Test
    void threadsMustBePositive() {
        assertRefused(() -> OpenMp.setThreads(0), "0 threads");
    }
}
