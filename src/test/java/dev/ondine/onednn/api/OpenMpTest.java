package dev.ondine.onednn.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

class OpenMpTest {
    @Test
    void numberOfThreadsBelongsToTheCallingThread() throws InterruptedException {
        assumeTrue(OpenMp.isAvailable(), "this build of oneDNN does not run on OpenMP");
        int before = OpenMp.maxThreads();
        int[] elsewhere = new int[1];
        Thread other = new Thread(() -> {
            OpenMp.setThreads(before + 3);
            elsewhere[0] = OpenMp.maxThreads();
        });
        other.start();
        other.join();

        assertEquals(before + 3, elsewhere[0]);
        assertEquals(before, OpenMp.maxThreads());
    }
}
