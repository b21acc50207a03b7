package dev.ondine.profile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.onednn.api.OneDnn;
import dev.ondine.profile.Peak.Arithmetic;
import dev.ondine.profile.Peak.Level;
import dev.ondine.profile.PeakKernels.Rate;
import dev.ondine.profile.PeakKernels.Traffic;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeakTest {
    private static final double SHORT = 0.02;

    /** No core does more in a cycle: two multiply-adds of 16 float32, or of 32 bfloat16. */
    private static final double MOST_FLOPS_IN_A_CYCLE = 2 * 2 * 32;

    /** A processor's clock may rise between two measurements. */
    private static final double CLOCK_TOLERANCE = 1.3;

    private static final Peak KNOWN = new Peak(
            "a processor",
            2,
            "a test",
            OptionalDouble.empty(),
            new Arithmetic("FMA", 200e9),
            Optional.of(new Arithmetic("dot", 400e9)),
            List.of(
                    new Level(1 << 20, 100e9, 80e9, OptionalDouble.of(60e9)),
                    new Level(4 << 20, 60e9, 50e9, OptionalDouble.empty()),
                    new Level(64 << 20, 18e9, 17e9, OptionalDouble.of(20e9))));

    @TempDir
    Path folder;

    private static NativePeakKernels nativeKernels() {
        PeakKernels best = PeakKernels.best();
        assumeTrue(best instanceof NativePeakKernels, "build-native.sh has not been run");
        return (NativePeakKernels) best;
    }

    private static void check(Peak peak) {
        assertTrue(peak.float32().flops() > 1e8, peak.toString());
        for (Level level : peak.levels()) {
            assertTrue(level.read() > 1e7 && level.copy() > 1e7, peak.toString());
            assertTrue(
                    level.best() >= level.read()
                            && level.best() >= level.stream().orElse(0),
                    peak.toString());
        }
    }

    @Test
    void javaMeasures() {
        Peak peak = Peak.measure(new JavaPeakKernels(), 2, SHORT, List.of(1L << 18, 1L << 20));
        check(peak);
        assertEquals(2, peak.threads());
        assertEquals(OneDnn.supportsBfloat16(), peak.bfloat16().isPresent());
        assertEquals(
                List.of(1L << 18, 1L << 20),
                peak.levels().stream().map(Level::bytes).toList());
    }

    /** What plans run must not be held against less than it reaches: loops in Java alone stay below. */
    @Test
    void withoutTheLibraryOneDnnsKernelsAreAmongWhatIsMeasured() {
        List<Rate> rates = new JavaPeakKernels().arithmetic(SHORT, 2);
        Rate product = rates.stream()
                .filter(r -> r.instructions().startsWith("oneDNN") && !r.bfloat16())
                .findFirst()
                .orElseThrow();
        assertTrue(product.flops() > 1e8 && product.flops() < 1e14, rates.toString());
        double copy = OneDnnPeak.inPlace(1 << 20, SHORT, 2).orElseThrow();
        assertTrue(copy > 1e7 && copy < 1e14, copy + " bytes a second");
    }

    @Test
    void nativeMeasuresWithinWhatACoreCanDo() {
        NativePeakKernels kernels = nativeKernels();
        Peak peak = Peak.measure(kernels, 1, SHORT, List.of(1L << 18, 1L << 20));
        check(peak);
        double clock = peak.clock().orElseThrow();
        assertTrue(clock > 1e8 && clock < 1e10, peak.toString());
        for (Rate rate : kernels.arithmetic(SHORT, 1)) {
            assertTrue(rate.flops() < MOST_FLOPS_IN_A_CYCLE * CLOCK_TOLERANCE * clock, rate + " at " + clock);
        }
    }

    /** The instructions that were meant are the ones that run: each wider kind is faster, by less than it is wider. */
    @Test
    void widerInstructionsAreFaster() {
        List<Rate> rates = nativeKernels().arithmetic(5 * SHORT, 1).stream()
                .filter(r -> !r.bfloat16())
                .toList();
        assumeTrue(rates.size() > 1, "only one kind of instructions here");
        // SSE2: 4 products or 4 sums an instruction; AVX2: 8 of both.
        assertEquals("AVX2 FMA", rates.get(1).instructions());
        double gain = rates.get(1).flops() / rates.get(0).flops();
        assertTrue(gain > 1.5 && gain < 8, rates.toString());
    }

    @Test
    void storesThatPassTheCachesBy() {
        NativePeakKernels kernels = nativeKernels();
        boolean x86 = System.getProperty("os.arch").equals("amd64");
        assertEquals(x86, kernels.bandwidth(Traffic.STREAM, 1 << 20, SHORT, 1).isPresent());
        assertThrows(OutOfMemoryError.class, () -> kernels.bandwidth(Traffic.READ, 1L << 60, SHORT, 1));
    }

    @Test
    void aThreadThatFailsEndsTheMeasurement() {
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> {
            IllegalStateException e = assertThrows(
                    IllegalStateException.class,
                    () -> JavaPeakKernels.bestTime(SHORT, 2, i -> {
                        if (i == 1) throw new IllegalArgumentException("for a test");
                        return amount -> {};
                    }));
            assertInstanceOf(IllegalArgumentException.class, e.getCause());
        });
        assertThrows(OutOfMemoryError.class, () -> new JavaPeakKernels().bandwidth(Traffic.READ, 1L << 60, SHORT, 2));
    }

    @Test
    void bandwidthBetweenMeasuredSizes() {
        assertEquals(100e9, KNOWN.bandwidth(1000));
        assertEquals(100e9, KNOWN.bandwidth(1 << 20));
        // Half-way from 1 to 4 MiB by ratio.
        assertEquals(80e9, KNOWN.bandwidth(2 << 20), 1);
        assertEquals(60e9, KNOWN.bandwidth(4 << 20), 1);
        assertEquals(40e9, KNOWN.bandwidth(16 << 20), 1);
        assertEquals(20e9, KNOWN.bandwidth(1e12));
        assertEquals(20e9, KNOWN.bandwidth());
    }

    @Test
    void theLeastTimeIsThatOfTheSlowerOfBoth() {
        assertEquals(1, KNOWN.seconds(200e9, 1e9), 1e-12);
        assertEquals(2, KNOWN.seconds(200e9, 40e9), 1e-12);
        assertEquals(0, KNOWN.seconds(0, 0));
    }

    @Test
    void resultsAreKept() throws IOException {
        PeakStore store = new PeakStore(folder);
        assertEquals(Optional.empty(), store.read("key"));
        store.write("key", KNOWN);
        assertEquals(Optional.of(KNOWN), store.read("key"));
        assertEquals(Optional.empty(), store.read("other"));
        Path file = folder.resolve("peak").resolve("key.properties");
        String text = Files.readString(file);
        Files.writeString(file, text.replace("float32.flops=2.0E11", "float32.flops=-1"));
        assertNotEquals(text, Files.readString(file));
        assertEquals(Optional.empty(), store.read("key"), "a rate below zero is damage");
        Files.writeString(file, text.substring(0, text.length() / 2));
        assertEquals(Optional.empty(), store.read("key"), "half a file is none");
    }

    @Test
    void sizesReachFromTheCachesIntoMemory() {
        for (long cache : new long[] {1 << 20, 32 << 20, 1L << 30}) {
            List<Long> sizes = Peak.sizes(cache);
            assertEquals(sizes.stream().sorted().distinct().toList(), sizes);
            assertTrue(sizes.getFirst() < cache && sizes.getLast() >= 4 * cache, sizes.toString());
        }
    }

    @Test
    void cachesAreCountedOnce() throws IOException {
        for (int cpu = 0; cpu < 4; cpu++) {
            cache(cpu, "index0", "1", Integer.toString(cpu), "32K");
            // Two pairs of cores with a cache each.
            cache(cpu, "index3", "3", cpu < 2 ? "0-1" : "2-3", "32768K");
        }
        assertEquals(OptionalLong.of(64 << 20), Processor.lastLevelCache(folder));
        assertEquals(OptionalLong.empty(), Processor.lastLevelCache(folder.resolve("missing")));
    }

    private void cache(int cpu, String index, String level, String shared, String size) throws IOException {
        Path cache = Files.createDirectories(
                folder.resolve("cpu" + cpu).resolve("cache").resolve(index));
        Files.writeString(cache.resolve("level"), level + "\n");
        Files.writeString(cache.resolve("shared_cpu_list"), shared + "\n");
        Files.writeString(cache.resolve("size"), size + "\n");
    }

    @Test
    void processorsAreToldApart() {
        Map<String, String> cpu = Map.of("model name", "AMD EPYC (x)", "flags", "avx2");
        String key = Processor.key(cpu, "amd64");
        assertTrue(key.matches("amd-epyc-x-[0-9a-f]+"), key);
        assertNotEquals(key, Processor.key(Map.of("model name", "AMD EPYC (x)", "flags", "avx2 avx512f"), "amd64"));
        assertTrue(Processor.key(Map.of(), "aarch64").startsWith("aarch64-"));
    }
}
