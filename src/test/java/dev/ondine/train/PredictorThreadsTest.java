package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** On which threads a predictor's calls are computed. */
@Timeout(60)
class PredictorThreadsTest {
    private static final Shape IMAGE = Shape.of(3, 16, 16);
    private static final int CALLERS = 6;

    private final Model model = Model.of(Models.create("cnn-bn", IMAGE, 10), IMAGE, 1);

    @AfterEach
    void close() {
        model.close();
    }

    private Predictor predictor(int threads, int concurrency) {
        return Predictor.builder(model, Normalization.identity(3))
                .backend(Backends.named("onednn"))
                .threads(threads)
                .concurrency(concurrency)
                .build();
    }

    private static float[] sample(int i) {
        float[] sample = new float[(int) IMAGE.elements()];
        for (int k = 0; k < sample.length; k++) sample[k] = ((k * 31 + i * 17) % 97) / 97f;
        return sample;
    }

    /** Of this process by Linux' names for them; a thread that native code starts is called as the one that started it. */
    private static long threadsCalled(String prefix) throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            return tasks.filter(task -> name(task).startsWith(prefix)).count();
        }
    }

    private static String name(Path task) {
        try {
            return Files.readString(task.resolve("comm"));
        } catch (IOException e) {
            // One that has just ended.
            assertTrue(e instanceof NoSuchFileException || !Files.exists(task), e.toString());
            return "";
        }
    }

    /** However many call, there are only the threads that were asked for: two for each of two calls at once. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void callersGetNoThreadsOfTheirOwn() throws Exception {
        // Threads of predictors that were closed before may take a moment to end.
        long before = threadsCalled("ondine-predict");
        try (Predictor predictor = predictor(2, 2)) {
            CountDownLatch done = new CountDownLatch(CALLERS);
            CountDownLatch counted = new CountDownLatch(1);
            AtomicInteger right = new AtomicInteger();
            List<Thread> callers = new ArrayList<>();
            float[] expected = predictor.predict(sample(0));
            for (int i = 0; i < CALLERS; i++) {
                callers.add(Thread.ofPlatform().name("caller-" + i).start(() -> {
                    for (int call = 0; call < 20; call++) {
                        if (Arrays.equals(expected, predictor.predict(sample(0)))) right.incrementAndGet();
                    }
                    try (PredictionSession session = predictor.session(4)) {
                        session.run();
                    }
                    done.countDown();
                    try {
                        counted.await();
                    } catch (InterruptedException _) {
                        Thread.currentThread().interrupt();
                    }
                }));
            }
            done.await();
            assertEquals(CALLERS, threadsCalled("caller-"));
            assertTrue(threadsCalled("ondine-predict") <= before + 2 * 2);
            counted.countDown();
            for (Thread caller : callers) caller.join();
            assertEquals(20 * CALLERS, right.get());
        }
    }

    /** A call on one thread is its caller's own business. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void oneThreadIsTheCallers() throws Exception {
        long before = threadsCalled("ondine-predict");
        try (Predictor predictor = predictor(1, 2)) {
            predictor.predict(sample(0));
            assertTrue(threadsCalled("ondine-predict") <= before);
        }
    }

    /** It must not give its workspace back while that is computed on. */
    @Test
    void whoIsInterruptedGetsTheResultAndStaysInterrupted() {
        try (Predictor predictor = predictor(2, 1)) {
            float[] expected = predictor.predict(sample(3));
            Thread.currentThread().interrupt();
            float[] result = predictor.predict(sample(3));
            assertTrue(Thread.interrupted());
            assertArrayEquals(expected, result);
            assertFalse(Thread.interrupted());
        }
    }

    @Test
    void failuresAreTheCallers() {
        Predictor predictor = predictor(2, 1);
        predictor.warm(1);
        predictor.close();
        predictor.close();
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> predictor.predict(sample(0)));
        assertEquals("this predictor is closed", e.getMessage());
        // Found on the thread that compiles: the parameters are gone.
        try (Predictor late = predictor(2, 1)) {
            model.close();
            assertThrows(IllegalStateException.class, () -> late.predict(sample(0)));
            assertThrows(IllegalStateException.class, () -> late.warm(2));
        }
    }
}
