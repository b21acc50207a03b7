package dev.ondine.onednn.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.backend.Team;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class OpenMpTeamTest {
    @BeforeAll
    static void load() {
        OneDnn.load();
        assumeTrue(OpenMpTeam.isAvailable(), "this OpenMP runtime runs no Java");
    }

    @Test
    void everyThreadRunsItsPartOnce() {
        for (int threads : new int[] {1, 2, 3, 7}) {
            Team team = new OpenMpTeam(threads);
            AtomicIntegerArray runs = new AtomicIntegerArray(threads);
            for (int i = 0; i < 100; i++) {
                team.run((part, parts) -> {
                    assertEquals(threads, parts);
                    runs.incrementAndGet(part);
                });
            }
            for (int part = 0; part < threads; part++) assertEquals(100, runs.get(part), "part " + part);
        }
    }

    /** The threads are others, and the calling one is among them. */
    @Test
    void partsRunOnThreadsOfTheirOwn() {
        Thread[] ran = new Thread[3];
        new OpenMpTeam(3).run((part, _) -> ran[part] = Thread.currentThread());
        assertSame(Thread.currentThread(), ran[0]);
        assertEquals(3, List.of(ran).stream().distinct().count());
    }

    @Test
    void whatAPartThrowsComesOutAfterAllHaveEnded() {
        Team team = new OpenMpTeam(3);
        for (int thrower = 0; thrower < 3; thrower++) {
            int mine = thrower;
            RuntimeException thrown = new IllegalArgumentException("part " + mine);
            AtomicInteger ended = new AtomicInteger();
            Exception caught = assertThrows(
                    IllegalArgumentException.class,
                    () -> team.run((part, _) -> {
                        if (part == mine) throw thrown;
                        ended.incrementAndGet();
                    }));
            assertSame(thrown, caught);
            assertEquals(2, ended.get());
        }
        assertThrows(StackOverflowError.class, () -> team.run((part, _) -> endless(part)));
        AtomicInteger after = new AtomicInteger();
        team.run((_, _) -> after.incrementAndGet());
        assertEquals(3, after.get(), "what went wrong before is forgotten");
    }

    @SuppressWarnings("InfiniteRecursion") // the point of it
    private static int endless(int depth) {
        return endless(depth + 1) + 1;
    }

    @Test
    void severalThreadsMayUseOneTeam() throws InterruptedException {
        Team team = new OpenMpTeam(2);
        AtomicIntegerArray sums = new AtomicIntegerArray(4);
        List<Thread> callers = new ArrayList<>();
        for (int c = 0; c < 4; c++) {
            int caller = c;
            callers.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; i < 200; i++) team.run((part, _) -> sums.addAndGet(caller, part + 1));
            }));
        }
        for (Thread t : callers) t.join();
        for (int c = 0; c < 4; c++) assertEquals(200 * (1 + 2), sums.get(c), "caller " + c);
    }

    @Test
    void aPartMayRunATeamItself() {
        AtomicInteger inner = new AtomicInteger();
        Team team = new OpenMpTeam(2);
        team.run((_, _) -> team.run((part, parts) -> inner.addAndGet(part == parts - 1 ? 1 : 0)));
        assertEquals(2, inner.get());
    }

    @Test
    void aRunAllocatesNothing() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        Team team = new OpenMpTeam(2);
        Team.Task task = (_, _) -> {};
        for (int i = 0; i < 20_000; i++) team.run(task);
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 1000; i++) team.run(task);
        long bytes = threads.getCurrentThreadAllocatedBytes() - before;
        // Reading the counter allocates now and then; a run that allocated would show a thousand objects.
        assertTrue(bytes < 16_000, bytes + " bytes in 1000 runs");
    }
}
