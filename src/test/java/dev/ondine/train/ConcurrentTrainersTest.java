package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.ondine.backend.Backends;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several trainers and predictors in one virtual machine, each on a Java thread of its own and so with an OpenMP team of its own. */
@Timeout(300)
class ConcurrentTrainersTest {
    private static final Shape IMAGE = Shape.of(1, 28, 28);
    private static final int THREADS = 2;
    private static final int STEPS = 10;

    /** What training and then predicting comes to: the losses, and the outputs for one sample. */
    private static float[] train(long seed, CountDownLatch start) throws InterruptedException {
        float[] results = new float[STEPS + 10];
        try (Model model = Model.of(Models.create("lenet-bn", IMAGE, 10), IMAGE, seed)) {
            try (Trainer trainer = Trainer.of(model)
                    .backend(Backends.named("onednn"))
                    .threads(THREADS)
                    .build()) {
                TrainingBatch batch = trainer.batch(16);
                Fixtures.fill(batch.input(), batch.target(), seed);
                start.countDown();
                start.await();
                for (int i = 0; i < STEPS; i++) results[i] = batch.step();
            }
            try (Predictor predictor =
                    new Predictor(model, Normalization.identity(1), Backends.named("onednn"), THREADS)) {
                System.arraycopy(predictor.predict(new float[28 * 28]), 0, results, STEPS, 10);
            }
        }
        return results;
    }

    @Test
    void twoAtOnceComputeTheBitsOfEachAlone() throws Exception {
        List<float[]> alone = new ArrayList<>();
        for (int seed = 1; seed <= 2; seed++) alone.add(train(seed, new CountDownLatch(1)));
        try (ExecutorService executor = Executors.newFixedThreadPool(2)) {
            CountDownLatch start = new CountDownLatch(2);
            Future<float[]> first = executor.submit(() -> train(1, start));
            Future<float[]> second = executor.submit(() -> train(2, start));
            assertArrayEquals(alone.get(0), first.get());
            assertArrayEquals(alone.get(1), second.get());
        }
    }
}
