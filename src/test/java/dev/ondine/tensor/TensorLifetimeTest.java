package dev.ondine.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class TensorLifetimeTest {
    interface Use {
        void of(Tensor t);
    }

    static List<Named<Use>> uses() {
        return List.of(
                Named.of("getFloat", t -> t.getFloat(0, 0)),
                Named.of("setFloat", t -> t.setFloat(1, 0, 0)),
                Named.of("getFloatAt", t -> t.getFloatAt(0)),
                Named.of("setFloatAt", t -> t.setFloatAt(0, 1)),
                Named.of("getDouble", t -> t.getDouble(0, 0)),
                Named.of("segment", Tensor::segment),
                Named.of("toFloatArray", Tensor::toFloatArray),
                Named.of("toDoubleArray", Tensor::toDoubleArray),
                Named.of("copyFrom array", t -> t.copyFrom(new float[6])),
                Named.of("copyFrom tensor", t -> t.copyFrom(t)),
                Named.of("copyTo", t -> t.copyTo(new float[6])),
                Named.of("convertTo", t -> t.convertTo(DataType.BFLOAT16).close()),
                Named.of("reshape", t -> t.reshape(6)),
                Named.of("fill", t -> t.fill(1)));
    }

    @ParameterizedTest
    @MethodSource("uses")
    void useAfterCloseIsAnErrorInEveryThread(Use use) throws InterruptedException {
        Tensor owned = Tensor.allocate(DataType.FLOAT32, Shape.of(2, 3));
        Tensor reshaped = owned.reshape(3, 2);
        Arena arena = Arena.ofShared();
        Tensor borrowed = Tensor.allocate(arena, DataType.FLOAT32, Shape.of(2, 3));
        use.of(owned);
        owned.close();
        arena.close();
        for (Tensor t : List.of(owned, reshaped, borrowed)) {
            String here =
                    assertThrows(IllegalStateException.class, () -> use.of(t)).getMessage();
            assertTrue(here.contains(t.toString()) && here.contains("closed"), here);
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            Thread other = new Thread(() -> use.of(t));
            other.setUncaughtExceptionHandler((_, e) -> thrown.set(e));
            other.start();
            other.join();
            assertEquals(
                    here,
                    assertInstanceOf(IllegalStateException.class, thrown.get()).getMessage());
        }
    }

    @Test
    void closingTwiceAndDescribingAfterwardsIsFine() {
        Tensor t = Tensor.allocate(DataType.INT64, Shape.of(4));
        t.close();
        t.close();
        assertEquals("s64 (4)", t.toString());
        assertEquals(32, t.bytes());
    }

    @Test
    void closingABorrowedTensorLeavesTheMemory() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor t = Tensor.allocate(arena, DataType.FLOAT32, Shape.of(4));
            t.setFloat(3, 2);
            t.close();
            assertEquals(3, t.getFloat(2));
        }
    }

    /** Closed in the middle of another thread's work, many times over: that thread gets the error, the JVM goes on. */
    @Test
    void closingWhileAnotherThreadReadsNeverCrashes() throws InterruptedException {
        for (int round = 0; round < 50; round++) {
            Tensor t = Tensor.allocate(DataType.FLOAT32, Shape.of(1 << 16));
            boolean bulk = round % 2 == 0;
            CountDownLatch reading = new CountDownLatch(1);
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            Thread reader = new Thread(() -> {
                float[] into = new float[1 << 16];
                for (long i = 0; ; i++) {
                    if (bulk) t.copyTo(into);
                    else t.getFloatAt(i & 0xffff);
                    reading.countDown();
                }
            });
            reader.setUncaughtExceptionHandler((_, e) -> thrown.set(e));
            reader.start();
            reading.await();
            t.close();
            reader.join();
            assertInstanceOf(IllegalStateException.class, thrown.get());
        }
    }
}
