package dev.ondine.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class JsonLinesTest {
    @TempDir
    Path folder;

    @Test
    void writesOneObjectALineAtOnce() throws IOException {
        Path path = folder.resolve("log.jsonl");
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("epoch", 3);
        line.put("loss", 0.1f);
        line.put("rate", 1e-7);
        line.put("images", 1L << 40);
        line.put("tiny", (byte) -1);
        line.put("big", BigInteger.TWO.pow(70));
        line.put("decimal", new BigDecimal("0.10"));
        line.put("note", "a \"quoted\"\nline é");
        line.put("best", true);
        line.put("nothing", null);
        line.put("nan", Double.NaN);
        line.put("inf", Float.NEGATIVE_INFINITY);
        try (JsonLines log = JsonLines.open(path)) {
            log.append(line);
            assertEquals(
                    List.of("{\"epoch\":3,\"loss\":0.1,\"rate\":1.0E-7,\"images\":1099511627776,\"tiny\":-1,"
                            + "\"big\":1180591620717411303424,\"decimal\":0.10,\"note\":\"a \\\"quoted\\\"\\nline é\","
                            + "\"best\":true,\"nothing\":null,\"nan\":null,\"inf\":null}"),
                    Files.readAllLines(path));
            log.append(Map.of());
        }
        try (JsonLines log = JsonLines.open(path)) {
            log.append(Map.of("epoch", 4));
        }
        assertEquals(List.of("{}", "{\"epoch\":4}"), Files.readAllLines(path).subList(1, 3));
    }

    @Test
    void aLineThatWasCutDoesNotSpoilTheNext() throws IOException {
        Path path = Files.writeString(folder.resolve("log.jsonl"), "{\"epoch\":1}\n{\"epo");
        try (JsonLines log = JsonLines.open(path)) {
            log.append(Map.of("epoch", 2));
            log.append(Map.of("epoch", 3));
        }
        assertEquals(List.of("{\"epoch\":1}", "{\"epo", "{\"epoch\":2}", "{\"epoch\":3}"), Files.readAllLines(path));
    }

    @Test
    void aValueOfAnotherKindIsRefusedAndNothingWritten() throws IOException {
        Path path = folder.resolve("log.jsonl");
        try (JsonLines log = JsonLines.open(path)) {
            String message = assertThrows(IllegalArgumentException.class, () -> log.append(Map.of("shape", List.of(1))))
                    .getMessage();
            assertTrue(message.contains("\"shape\""), message);
            assertEquals(0, Files.size(path));
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aFullDiskIsReported() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full));
        try (JsonLines log = JsonLines.open(full)) {
            String message = assertThrows(FileSystemException.class, () -> log.append(Map.of("epoch", 1)))
                    .getMessage();
            assertTrue(message.contains(full.toString()) && message.contains("disk"), message);
        }
    }

    @Test
    void aMissingFolderIsReported() {
        Path path = folder.resolve("missing").resolve("log.jsonl");
        String message = assertThrows(FileSystemException.class, () -> JsonLines.open(path))
                .getMessage();
        assertTrue(message.contains(path.toString()) && message.contains("folder"), message);
    }
}
