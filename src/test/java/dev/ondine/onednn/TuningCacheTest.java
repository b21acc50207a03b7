package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TuningCacheTest {
    @TempDir
    private Path folder;

    @Test
    void keepsWhatWasFound() {
        Path file = folder.resolve("tuning").resolve("a.json");
        TuningCache cache = TuningCache.open(file);
        assertNull(cache.get("convolution"));
        cache.put("convolution", "jit:avx2 src aBcd8b");
        cache.save();
        assertEquals("jit:avx2 src aBcd8b", TuningCache.open(file).get("convolution"));
    }

    @Test
    void keepsWhatAnotherProcessFoundMeanwhile() {
        Path file = folder.resolve("a.json");
        TuningCache mine = TuningCache.open(file);
        TuningCache other = TuningCache.open(file);
        mine.put("mine", "jit");
        mine.put("both", "of mine");
        other.put("other's", "brg");
        other.put("both", "of the other");
        other.save();
        mine.save();
        TuningCache both = TuningCache.open(file);
        assertEquals("jit", both.get("mine"));
        assertEquals("brg", both.get("other's"));
        assertEquals("of mine", both.get("both"), "plans of this process were made with its own");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{\"a\": 1}", "{\"a\": \"b\"", "{\"a\"", "\u0000\u0001"})
    void makesADamagedFileAnew(String damaged) throws IOException {
        Path file = folder.resolve("a.json");
        Files.writeString(file, damaged);
        TuningCache cache = TuningCache.open(file);
        assertNull(cache.get("a"));
        cache.put("a", "jit");
        cache.save();
        assertEquals("jit", TuningCache.open(file).get("a"));
    }

    @Test
    void goesOnIfTheFileCannotBeWritten() throws IOException {
        Files.writeString(folder.resolve("file"), "not a folder");
        TuningCache cache = TuningCache.open(folder.resolve("file").resolve("a.json"));
        cache.put("a", "jit");
        cache.save();
        assertEquals("jit", cache.get("a"));
    }

    @Test
    void fileNamesTellMachinesApart() {
        String name = TuningCache.fileName("amd-epyc-1a2b", "AVX512_CORE", "3.13.0", 2);
        assertEquals("amd-epyc-1a2b-avx512-core-3.13.0-2-threads.json", name);
        assertTrue(!name.equals(TuningCache.fileName("amd-epyc-1a2b", "AVX512_CORE", "3.13.0", 4)));
    }
}
