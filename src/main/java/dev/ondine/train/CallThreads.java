package dev.ondine.train;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Where a predictor's calls are computed: on their callers' threads if each takes one; else on as many threads of the predictor's own as there
 * are calls at once.
 *
 * <p>OpenMP keeps a team for every thread that ever computed on several. With callers that come on many threads there would be
 * many times more threads than processors, most of them idle, and GNU's OpenMP counts them all: when there are more than processors
 * its threads hardly wait for one another any more but fall asleep after every operation. A ResNet-20 then takes three times as long.
 */
final class CallThreads implements AutoCloseable {
    private static final int IDLE_SECONDS = 60;

    /** Nothing if callers compute themselves. */
    private final ThreadPoolExecutor own;

    /**
     * @param calls at the same time
     * @param threads of one call
     */
    CallThreads(int calls, int threads) {
        if (threads == 1) {
            own = null;
            return;
        }
        // All of them are started, one after another, before any gets a second call: never more than calls.
        own = new ThreadPoolExecutor(
                calls,
                calls,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                Thread.ofPlatform().daemon().name("ondine-predict-", 0)::unstarted);
        own.allowCoreThreadTimeOut(true);
    }

    /** Does it there and waits for it, interrupted or not: its workspace is not free before. What it throws is thrown. */
    <T> T call(Supplier<T> work) {
        if (own == null) return work.get();
        try {
            return CompletableFuture.supplyAsync(work, own).join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException r) throw r;
            if (e.getCause() instanceof Error r) throw r;
            throw e;
        }
    }

    /** When nobody calls any more. */
    @Override
    public void close() {
        if (own != null) own.shutdown();
    }
}
