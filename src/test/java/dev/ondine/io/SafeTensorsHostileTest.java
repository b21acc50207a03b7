package dev.ondine.io;

import static dev.ondine.io.SafeTensorsBytes.file;
import static dev.ondine.io.SafeTensorsBytes.tensor;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Files that are damaged or made to do harm: every one is refused, with a message that says what is wrong and where.
 */
@Timeout(60)
class SafeTensorsHostileTest {
    @TempDir
    Path folder;

    /** A file and what the message must contain besides the path. */
    record Case(String name, byte[] bytes, String... message) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Case> cases() {
        byte[] none = {};
        List<Case> cases = new ArrayList<>(List.of(
                new Case("empty file", none, "0 bytes"),
                new Case("shorter than a header length", new byte[7], "7 bytes"),
                new Case(
                        "header longer than the file",
                        file(100, "{}".getBytes(StandardCharsets.UTF_8)),
                        "offset 0",
                        "100",
                        "2 bytes"),
                new Case("header longer than allowed", file(100_000_001, new byte[2]), "100000001", "100000000"),
                new Case("negative header length", file(-1, new byte[2]), "18446744073709551615"),
                new Case("no header", file(""), "'{'"),
                new Case("header of spaces", file("    "), "'{'"),
                new Case("not JSON", file("{hello}"), "not valid JSON", "offset 9"),
                new Case("zip archive", file("PK\3\4...."), "'{'"),
                new Case("array", file("[1,2]"), "'{'"),
                new Case("byte order mark", file("\ufeff{}"), "'{'"),
                new Case("UTF-16", file("{}".getBytes(StandardCharsets.UTF_16LE)), "not valid JSON"),
                new Case("truncated JSON", file("{\"w\":{\"dtype\":\"F3"), "not valid JSON"),
                new Case("invalid UTF-8", file(new byte[] {'{', '"', (byte) 0xc3, '(', '"', ':'}), "UTF-8"),
                new Case("overlong UTF-8", file(new byte[] {'{', '"', (byte) 0xc0, (byte) 0xaf, '"', ':'}), "UTF-8"),
                new Case("comment", file("{/**/}"), "not valid JSON"),
                new Case("trailing comma", file("{" + one("[1]", "[0,4]") + ",}", new byte[4]), "not valid JSON"),
                new Case("second object after the header", file("{}{}"), "follows"),
                new Case("garbage after the header", file("{}  x"), "not valid JSON", "offset 12"),
                new Case("zeros after the header", file("{}\0\0"), "not valid JSON"),
                new Case(
                        "deep nesting at the top",
                        file("{\"a\":" + "[".repeat(1_000_000)),
                        "\"a\"",
                        "must be an object"),
                new Case(
                        "deep nesting in a shape",
                        file("{\"a\":{\"shape\":" + "[".repeat(1_000_000)),
                        "\"a\"",
                        "shape"),
                new Case(
                        "deep nesting in metadata",
                        file("{\"__metadata__\":" + "{\"a\":".repeat(1_000_000)),
                        "__metadata__",
                        "string")));
        cases.addAll(List.of(
                new Case(
                        "duplicate tensor",
                        file("{" + one("[1]", "[0,4]") + "," + one("[1]", "[4,8]") + "}", new byte[8]),
                        "Duplicate",
                        "'w'"),
                new Case(
                        "duplicate field",
                        file(
                                "{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                                new byte[4]),
                        "Duplicate",
                        "'dtype'"),
                new Case("duplicate metadata", file("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}"), "Duplicate", "'a'"),
                new Case(
                        "twice metadata",
                        file("{\"__metadata__\":{},\"__metadata__\":{}}"),
                        "Duplicate",
                        "__metadata__"),
                new Case("metadata not an object", file("{\"__metadata__\":\"x\"}"), "__metadata__", "object"),
                new Case(
                        "metadata a number",
                        file("{\"__metadata__\":{\"epoch\":3}}"),
                        "\"epoch\"",
                        "string",
                        "offset 33"),
                new Case("metadata null", file("{\"__metadata__\":{\"epoch\":null}}"), "\"epoch\"", "string"),
                new Case("metadata nested", file("{\"__metadata__\":{\"epoch\":{}}}"), "\"epoch\"", "string"),
                new Case("tensor a number", file("{\"w\":3}"), "\"w\"", "object"),
                new Case("tensor null", file("{\"w\":null}"), "\"w\"", "object"),
                new Case("empty name", file("{" + tensor("", "F32", "[1]", "[0,4]") + "}", new byte[4]), "empty name"),
                new Case(
                        "no dtype",
                        file("{\"w\":{\"shape\":[1],\"data_offsets\":[0,4]}}", new byte[4]),
                        "\"w\"",
                        "no dtype"),
                new Case(
                        "no shape",
                        file("{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", new byte[4]),
                        "\"w\"",
                        "no shape"),
                new Case("no offsets", file("{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}"), "\"w\"", "no data_offsets"),
                new Case("no fields", file("{\"w\":{}}"), "\"w\"", "no dtype"),
                new Case(
                        "unknown field",
                        file(
                                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"strides\":[1],\"data_offsets\":[0,4]}}",
                                new byte[4]),
                        "\"w\"",
                        "\"strides\""),
                new Case(
                        "unknown dtype",
                        file("{" + tensor("w", "F33", "[1]", "[0,4]") + "}", new byte[4]),
                        "\"w\"",
                        "F33"),
                new Case(
                        "dtype in lower case",
                        file("{" + tensor("w", "f32", "[1]", "[0,4]") + "}", new byte[4]),
                        "\"f32\""),
                new Case(
                        "dtype a number",
                        file("{\"w\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]}}"),
                        "dtype",
                        "string")));
        cases.addAll(List.of(
                shape("1", "shape", "array"),
                shape("\"1\"", "shape", "array"),
                shape("[-1]", "negative", "-1"),
                shape("[1.0]", "\"1.0\"", "whole"),
                shape("[1e0]", "1e0"),
                shape("[0.5]", "0.5"),
                shape("[\"1\"]", "whole numbers"),
                shape("[null]", "null"),
                shape("[true]", "true"),
                shape("[[1]]", "whole numbers"),
                shape("[0]", "\"w\"", "no elements", "[0]"),
                shape("[3,0,2]", "no elements", "[3, 0, 2]"),
                shape("[9223372036854775808]", "9223372036854775808", "2^63"),
                shape("[" + "9".repeat(5000) + "]", "not valid JSON"),
                shape("[4294967296,4294967296]", "2^63 elements"),
                shape("[4611686018427387904]", "2^63 bits"),
                shape("[" + "1,".repeat(64) + "1]", "more than 64"),
                shape("[1000000000000]", "takes 4000000000000"),
                shape("[2]", "[0, 4]", "4 bytes", "F32 (2) takes 8")));
        cases.addAll(List.of(
                offsets("[0]", "1 data_offsets"),
                offsets("[]", "0 data_offsets"),
                offsets("[0,4,8]", "more than 2"),
                offsets("{}", "data_offsets", "array"),
                offsets("[-4,0]", "negative", "-4"),
                offsets("[4,0]", "end before they begin"),
                offsets("[0.0,4]", "0.0"),
                offsets("[0,9223372036854775808]", "2^63"),
                offsets("[0,3]", "3 bytes", "takes 4"),
                offsets("[0,0]", "0 bytes", "takes 4"),
                offsets("[0,8]", "only 4 bytes", "truncated"),
                offsets("[9223372036854775803,9223372036854775807]", "only 4 bytes")));
        cases.addAll(List.of(
                new Case(
                        "half a byte",
                        file("{" + tensor("w", "F4", "[3]", "[0,1]") + "}", new byte[1]),
                        "F4",
                        "whole number of bytes"),
                new Case(
                        "trailing bytes",
                        file("{" + one("[1]", "[0,4]") + "}", new byte[5]),
                        "1 bytes",
                        "\"w\"",
                        "trailing"),
                new Case("trailing bytes without tensors", file("{}", new byte[5]), "5 bytes at offset 10", "trailing"),
                new Case("truncated data", file("{" + one("[2]", "[0,8]") + "}", new byte[7]), "\"w\"", "only 7 bytes"),
                new Case(
                        "hole at the beginning",
                        file("{" + one("[1]", "[4,8]") + "}", new byte[8]),
                        "4 bytes",
                        "\"w\"",
                        "holes"),
                new Case("hole between", two("[0,4]", "[8,12]", 12), "4 bytes", "\"v\"", "holes"),
                new Case("overlap", two("[0,4]", "[2,6]", 6), "\"v\"", "inside tensor \"w\""),
                new Case("overlap against the order", two("[2,6]", "[0,4]", 6), "\"w\"", "inside tensor \"v\""),
                new Case("the same place", two("[0,4]", "[0,4]", 4), "inside tensor"),
                new Case(
                        "name with control characters",
                        file("{" + tensor("a\\u001b[31m\\n", "F33", "[1]", "[0,4]") + "}", new byte[4]),
                        "a\\u001b[31m\\u000a"),
                new Case("endless name", file("{\"" + "n".repeat(100_000) + "\":{}}"), "not valid JSON"),
                new Case("very long name", file("{\"" + "n".repeat(60_000) + "\":{}}"), "nnn… (60000 characters)"),
                new Case("offset behind characters of several bytes", file("{\"é€😀\":{\"dtype\":1}}"), "offset 30")));
        return cases;
    }

    private static String one(String shape, String offsets) {
        return tensor("w", "F32", shape, offsets);
    }

    private static byte[] two(String first, String second, int bytes) {
        return file("{" + one("[1]", first) + "," + tensor("v", "F32", "[1]", second) + "}", new byte[bytes]);
    }

    private static Case shape(String shape, String... message) {
        String name = "shape " + (shape.length() > 60 ? shape.substring(0, 60) : shape);
        return new Case(name, file("{" + one(shape, "[0,4]") + "}", new byte[4]), message);
    }

    private static Case offsets(String offsets, String... message) {
        return new Case("offsets " + offsets, file("{" + one("[1]", offsets) + "}", new byte[4]), message);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isRefused(Case c) throws IOException {
        Path path = SafeTensorsBytes.write(folder, c.bytes);
        String message = assertThrows(
                        SafeTensorsException.class, () -> SafeTensors.open(path).close())
                .getMessage();
        assertTrue(message.startsWith(path + ": "), message);
        for (String part : c.message)
            assertTrue(message.contains(part), () -> "\"" + part + "\" is missing in: " + message);
        assertTrue(
                message.length() < path.toString().length() + 600, "a message fit to be read, not " + message.length());
        assertTrue(message.chars().noneMatch(Character::isISOControl), message);
        Files.delete(path); // Nothing keeps it open.
    }

    @Test
    void tooManyTensorsAndEntriesAreRefusedEarly() throws IOException {
        StringBuilder metadata = new StringBuilder("{\"__metadata__\":{\"\":\"\"");
        for (int i = 0; i <= SafeTensors.MAX_TENSORS; i++)
            metadata.append(",\"").append(i).append("\":\"\"");
        StringBuilder tensors = new StringBuilder("{");
        for (int i = 0; i <= SafeTensors.MAX_TENSORS; i++) {
            tensors.append(tensor("" + i, "U8", "[1]", "[" + i + "," + (i + 1) + "]"))
                    .append(',');
        }
        for (String header : List.of(metadata + "}}", tensors + "}")) {
            Path path = SafeTensorsBytes.write(folder, file(header, new byte[SafeTensors.MAX_TENSORS + 1]));
            String message = assertThrows(SafeTensorsException.class, () -> SafeTensors.open(path))
                    .getMessage();
            assertTrue(message.contains("more than " + SafeTensors.MAX_TENSORS), message);
        }
    }

    /** Names of one hash code would make a simple table quadratic. */
    @Test
    @Timeout(20)
    void collidingNamesDoNotCostTime() throws IOException {
        StringBuilder header = new StringBuilder("{");
        int n = 1 << 16;
        for (int i = 0; i < n; i++) {
            StringBuilder name = new StringBuilder();
            for (int bit = 0; bit < 16; bit++) name.append((i >> bit & 1) == 0 ? "Aa" : "BB");
            header.append(i == 0 ? "" : ",")
                    .append(tensor(name.toString(), "U8", "[1]", "[" + i + "," + (i + 1) + "]"));
        }
        Path path = SafeTensorsBytes.write(folder, file(header + "}", new byte[n]));
        try (SafeTensorsFile file = SafeTensors.open(path)) {
            assertEquals(n, file.names().size());
        }
    }

    /** Any damage is either refused with the one exception or leaves a file whose tensors can all be read. */
    @Test
    void randomDamageIsRefusedOrHarmless() throws IOException {
        byte[] good = file(
                "{\"__metadata__\":{\"format\":\"pt\"}," + tensor("conv.weight", "F32", "[2,3]", "[0,24]") + ","
                        + tensor("steps", "I64", "[]", "[24,32]") + "}  ",
                new byte[32]);
        SplittableRandom random = new SplittableRandom(7);
        int refused = 0;
        for (int i = 0; i < 3000; i++) {
            byte[] bytes = good.clone();
            for (int k = random.nextInt(3); k >= 0; k--) {
                int at = random.nextInt(good.length);
                bytes[at] = (byte)
                        (random.nextBoolean() ? random.nextInt(256) : "0123456789[]{},:\"-".charAt(random.nextInt(18)));
            }
            Path path = SafeTensorsBytes.write(folder, bytes);
            try (SafeTensorsFile file = SafeTensors.open(path)) {
                for (String name : file.names()) {
                    if (file.info(name).dataType().isPresent()) file.read(name).close();
                }
            } catch (SafeTensorsException _) {
                refused++;
            } catch (RuntimeException e) {
                fail("damage " + i + " was not refused properly", e);
            }
        }
        assertTrue(refused > 1000, "only " + refused + " of 3000 were refused");
    }

    @Test
    void whatIsNoFileIsSaidSo() {
        Path missing = folder.resolve("missing.safetensors");
        String message = assertThrows(NoSuchFileException.class, () -> SafeTensors.open(missing))
                .getMessage();
        assertTrue(message.contains(missing.toString()) && message.contains("no such file"), message);
        message = assertThrows(FileSystemException.class, () -> SafeTensors.open(folder))
                .getMessage();
        assertTrue(message.contains(folder.toString()) && message.contains("folder"), message);
    }

    @Test
    void aFileCutWhileOpenIsAnErrorNotACrash() throws IOException {
        Path path = SafeTensorsBytes.write(folder, file("{" + one("[65536]", "[0,262144]") + "}", new byte[262144]));
        try (SafeTensorsFile file = SafeTensors.open(path)) {
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                channel.truncate(70_000);
            }
            String message =
                    assertThrows(IOException.class, () -> file.read("w")).getMessage();
            assertTrue(
                    message.contains(path.toString()) && message.contains("\"w\"") && message.contains("offset 70000"),
                    message);
        }
    }
}
