package dev.ondine.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeamTest {
    private static final Duration LONG_ENOUGH = Duration.ofSeconds(20);

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void everyMemberDoesItsPartOnceARound(int members) {
        int[] done = new int[members];
        int rounds = 1000;
        try (Team team = new Team(members)) {
            for (int i = 0; i < rounds; i++) team.run(member -> done[member]++);
        }
        int[] expected = new int[members];
        Arrays.fill(expected, rounds);
        assertArrayEquals(expected, done);
    }

    /** Between rounds that are far apart the helpers park, and are woken. */
    @Test
    void parkedHelpersWakeUp() throws InterruptedException {
        int[] done = new int[3];
        try (Team team = new Team(3)) {
            for (int i = 0; i < 5; i++) {
                Thread.sleep(20);
                team.run(member -> done[member]++);
            }
        }
        assertArrayEquals(new int[] {5, 5, 5}, done);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7, 100})
    void partsCoverEverythingOnce(int count) {
        try (Team team = new Team(5)) {
            assertEquals(0, team.first(0, count));
            for (int member = 0; member < 5; member++) {
                assertTrue(team.first(member, count) <= team.first(member + 1, count));
            }
            assertEquals(count, team.first(5, count));
        }
    }

    @Test
    void whatAHelperThrowsReachesTheCallerAndTheTeamLivesOn() {
        RuntimeException thrown = new RuntimeException("a fault");
        int[] done = new int[2];
        try (Team team = new Team(2)) {
            var e = assertThrows(
                    IllegalStateException.class,
                    () -> team.run(member -> {
                        if (member == 1) throw thrown;
                    }));
            assertSame(thrown, e.getCause());
            team.run(member -> done[member]++);
        }
        assertArrayEquals(new int[] {1, 1}, done);
    }

    @Test
    void closingEndsTheThreads() throws InterruptedException {
        Thread[] helpers = new Thread[3];
        Team team = new Team(3);
        team.run(member -> helpers[member] = Thread.currentThread());
        assertSame(Thread.currentThread(), helpers[0]);
        team.close();
        for (int i = 1; i < helpers.length; i++) {
            assertTrue(helpers[i].isDaemon());
            assertTrue(helpers[i].join(LONG_ENOUGH), "still runs: " + helpers[i]);
            assertFalse(helpers[i].isAlive());
        }
    }
}
