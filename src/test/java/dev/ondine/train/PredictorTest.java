package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Prediction from many threads over one set of weights. */
@Timeout(60)
class PredictorTest {
    private static final Shape IMAGE = Shape.of(3, 16, 16);
    private static final Normalization NORMALIZATION =
            new Normalization(new float[] {0.4f, 0.5f, 0.6f}, new float[] {0.2f, 0.3f, 0.25f});

    private final Model model = Model.of(Models.create("cnn-bn", IMAGE, 10), IMAGE, 1);

    @AfterEach
    void close() {
        model.close();
    }

    private Predictor.Builder predictor(String backend) {
        return Predictor.builder(model, NORMALIZATION)
                .backend(Backends.named(backend))
                .threads(1);
    }

    private static float[] samples(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] samples = new float[count * (int) IMAGE.elements()];
        for (int i = 0; i < samples.length; i++) samples[i] = random.nextFloat();
        return samples;
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void manyThreadsGetWhatOneGets(String backend) throws Exception {
        int[] sizes = {1, 2, 3, 5, 1, 7, 4, 1};
        try (Predictor alone = predictor(backend).concurrency(1).build();
                Predictor shared = predictor(backend).concurrency(3).plans(4).build();
                ExecutorService threads = Executors.newFixedThreadPool(6)) {
            List<Future<float[]>> results = new ArrayList<>();
            for (int i = 0; i < 48; i++) {
                float[] x = samples(sizes[i % sizes.length], i);
                results.add(threads.submit(() -> shared.predict(x)));
            }
            for (int i = 0; i < 48; i++) {
                float[] wanted = alone.predict(samples(sizes[i % sizes.length], i));
                assertArrayEquals(wanted, results.get(i).get(), "call " + i);
            }
            assertTrue(shared.plans() <= 4, shared.plans() + " plans");
        }
    }

    @Test
    void workspacesShareTheWeights() {
        try (Predictor one = predictor("onednn").concurrency(1).build();
                Predictor many = predictor("onednn").concurrency(3).build()) {
            one.warm(1);
            try (PredictionSession _ = many.session(1);
                    PredictionSession _ = many.session(1);
                    PredictionSession _ = many.session(1)) {
                assertEquals(3, many.plans());
                assertEquals(one.weightBytes(), many.weightBytes());
            }
        }
    }

    @Test
    void segmentsOnAndOffTheHeap() {
        float[] x = samples(5, 3);
        try (Predictor predictor = predictor("onednn").build();
                Arena arena = Arena.ofConfined()) {
            float[] wanted = predictor.predict(x);
            MemorySegment samples = arena.allocateFrom(JAVA_FLOAT, x);
            MemorySegment outputs = arena.allocate(JAVA_FLOAT, 60);
            predictor.predict(samples, outputs);
            assertArrayEquals(wanted, outputs.asSlice(0, 200).toArray(JAVA_FLOAT));
            assertEquals(0, outputs.getAtIndex(JAVA_FLOAT, 50), "behind the outputs");
            assertArrayEquals(x, samples.toArray(JAVA_FLOAT), "the samples are left as they were");

            float[] heap = new float[50];
            predictor.predict(MemorySegment.ofArray(x), MemorySegment.ofArray(heap));
            assertArrayEquals(wanted, heap);
        }
    }

    @Test
    void sessionsLendTheWorkspace() {
        float[] x = samples(2, 4);
        try (Predictor predictor = predictor("onednn").concurrency(1).build()) {
            float[] wanted = predictor.predict(x);
            PredictionSession session = predictor.session(2);
            MemorySegment input = session.input();
            for (int run = 0; run < 2; run++) {
                MemorySegment.copy(x, 0, input, JAVA_FLOAT, 0, x.length);
                session.normalize();
                session.run();
                assertArrayEquals(wanted, session.output().toArray(JAVA_FLOAT));
            }
            session.close();
            session.close();
            assertThrows(IllegalStateException.class, session::run);
            assertThrows(IllegalStateException.class, () -> input.getAtIndex(JAVA_FLOAT, 0));
            assertArrayEquals(wanted, predictor.predict(x), "the workspace was given back");
        }
    }

    @Test
    void closingLetsCallsEndAndTurnsOthersAway() throws Exception {
        Predictor predictor = predictor("onednn").concurrency(2).build();
        float[] x = samples(1, 1);
        float[] wanted = predictor.predict(x);
        AtomicInteger right = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        CountDownLatch started = new CountDownLatch(4);
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> loops = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                loops.add(threads.submit(() -> {
                    for (boolean first = true; ; first = false) {
                        try {
                            if (!Arrays.equals(wanted, predictor.predict(x))) return;
                            right.incrementAndGet();
                        } catch (IllegalStateException e) {
                            refused.incrementAndGet();
                            assertTrue(e.getMessage().contains("closed"), e.getMessage());
                            return;
                        } finally {
                            if (first) started.countDown();
                        }
                    }
                }));
            }
            started.await();
            predictor.close();
            predictor.close();
            for (Future<?> loop : loops) loop.get();
        }
        assertTrue(right.get() >= 4, right.get() + " answers");
        assertEquals(4, refused.get());
        assertEquals(0, predictor.plans());
    }

    @Test
    void followsTheModel() {
        float[] x = samples(1, 1);
        try (Predictor predictor = predictor("onednn").build()) {
            float[] before = predictor.predict(x);
            PredictionSession session = predictor.session(1);
            model.parameters().specs().stream()
                    .filter(s -> s.learned() && s.name().endsWith("bias"))
                    .forEach(s -> model.parameters().get(s.name()).fill(0.5f));
            model.parameters().touch();
            float[] after = predictor.predict(x);
            assertTrue(!Arrays.equals(before, after));
            // What was lent before goes on with what it had.
            MemorySegment.copy(x, 0, session.input(), JAVA_FLOAT, 0, x.length);
            session.normalize();
            session.run();
            assertArrayEquals(before, session.output().toArray(JAVA_FLOAT));
            session.close();
            assertEquals(1, predictor.plans());
        }
    }

    @Test
    void warmIsAllThatIsNeededOfTheModel() {
        float[] x = samples(3, 1);
        try (Predictor predictor = predictor("onednn").build()) {
            predictor.warm(3);
            assertEquals(2, predictor.plans(), "batches of 2 and 1");
            model.close();
            assertEquals(30, predictor.predict(x).length);
            assertThrows(IllegalStateException.class, () -> predictor.predict(samples(4, 1)));
        }
    }

    @Test
    void wrongSizesAreNamed() {
        try (Predictor predictor = predictor("onednn").build()) {
            float[] x = samples(1, 1);
            Exception size = assertThrows(IllegalArgumentException.class, () -> predictor.predict(new float[7]));
            assertTrue(size.getMessage().contains("768"), size.getMessage());
            assertThrows(IllegalArgumentException.class, () -> predictor.predict(new float[0]));
            MemorySegment samples = MemorySegment.ofArray(x);
            Exception room = assertThrows(
                    IllegalArgumentException.class,
                    () -> predictor.predict(samples, MemorySegment.ofArray(new float[9])));
            assertTrue(room.getMessage().contains("40 bytes"), room.getMessage());
            MemorySegment fixed = MemorySegment.ofArray(new float[10]).asReadOnly();
            assertThrows(IllegalArgumentException.class, () -> predictor.predict(samples, fixed));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> predictor.predict(samples.asSlice(0, 3071), MemorySegment.ofArray(new float[10])));
            assertThrows(IllegalArgumentException.class, () -> predictor.session(0));
            assertThrows(IllegalArgumentException.class, () -> predictor.warm(0));
            assertThrows(
                    IllegalArgumentException.class, () -> predictor("onednn").concurrency(0));
            assertThrows(
                    IllegalArgumentException.class, () -> predictor("onednn").plans(0));
        }
    }
}
