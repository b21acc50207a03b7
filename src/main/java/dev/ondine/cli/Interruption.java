package dev.ondine.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Lets the work in progress end well when somebody presses Ctrl-C or ends the process: asks it to stop, and keeps Java from exiting
 * until it has. Whoever works closes this when all is saved.
 */
final class Interruption implements AutoCloseable {
    /** Then the process ends, saved or not: a step of the reference backend on a large network may take for ever. */
    private static final long LONGEST_WAIT_SECONDS = 300;

    private final CountDownLatch ended = new CountDownLatch(1);
    private final Thread hook;

    /** @param stop asks the work to end; called on a thread of its own */
    Interruption(Runnable stop) {
        hook = new Thread(() -> waitForEnd(stop), "ondine-interruption");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void waitForEnd(Runnable stop) {
        Posix.letSignalsKill();
        stop.run();
        try {
            boolean _ = ended.await(LONGEST_WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        ended.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // Java is shutting down: the hook is waiting, and now goes on.
        }
    }
}
