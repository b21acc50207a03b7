package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.profile.Peak;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeakCommandTest {
    private static final String CACHE = "ondine.cache";

    @TempDir
    Path folder;

    private String before;

    /** What a busy machine measures in a test must not be kept for the user. */
    @BeforeEach
    void useAnotherCache() {
        OneDnn.load();
        before = System.getProperty(CACHE);
        System.setProperty(CACHE, folder.toString());
    }

    @AfterEach
    void useTheUsualCache() {
        if (before == null) System.clearProperty(CACHE);
        else System.setProperty(CACHE, before);
    }

    @Test
    void printsOneObjectAndKeepsTheResult() throws IOException {
        assertTrue(Peak.cached(1).isEmpty());
        Ondine.Outcome run = Ondine.run("peak", "--threads", 1, "--json");
        assertEquals(0, run.code(), run.err());
        assertEquals("", run.err());
        assertEquals(1, run.out().lines().count(), run.out());
        Peak kept = Peak.cached(1).orElseThrow();
        int levels = 0;
        double flops = 0;
        try (JsonParser json = new JsonFactory().createParser(run.out())) {
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                if (token != JsonToken.FIELD_NAME) continue;
                if (json.currentName().equals("read_bytes_per_s")) levels++;
                if (json.currentName().equals("f32_flops")) {
                    json.nextToken();
                    flops = json.getDoubleValue();
                }
            }
        }
        assertEquals(kept.float32().flops(), flops);
        assertEquals(kept.levels().size(), levels);
        assertTrue(Peak.cached(2).isEmpty());
    }

    @Test
    void threadsAreDoubled() {
        assertEquals(List.of(1), PeakCommand.counts(1));
        assertEquals(List.of(1, 2), PeakCommand.counts(2));
        assertEquals(List.of(1, 2, 4, 6), PeakCommand.counts(6));
        assertEquals(List.of(1, 2, 4, 8), PeakCommand.counts(8));
    }
}
