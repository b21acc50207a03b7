package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DatasetsTest {
    private static final Shape ONE = Shape.of(1, 1, 1);
    private static final List<String> CLASSES = List.of("a", "b", "c");

    private static Dataset bytes(int size) {
        byte[][] images = new byte[size][1];
        for (int i = 0; i < size; i++) images[i][0] = (byte) i;
        return new ByteImages(
                "some", ONE, images, IntStream.range(0, size).map(i -> i % 3).toArray(), CLASSES);
    }

    private static Dataset floats(int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) values[i] = i / 255f;
        return new ArrayDataset(
                "some", ONE, values, IntStream.range(0, size).map(i -> i % 3).toArray(), CLASSES);
    }

    private static int[] contents(Dataset set) {
        float[] value = new float[1];
        return IntStream.range(0, set.size())
                .map(i -> {
                    set.read(i, value, 0);
                    int content = Math.round(value[0] * 255);
                    assertEquals(content % 3, set.label(i));
                    return content;
                })
                .toArray();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "mnist10k",
                "",
                "digits:",
                "digits:x",
                "digits:0",
                "digits:-3",
                "digits:1,2,3",
                "digits:5,",
                "digits:99999999999",
                "mnist",
                "mnist:",
                "mnist: ",
                "cifar10:",
                "images:",
                "images:x?size=3",
                "images:x?size=0x3",
                "images:x?size=axb",
                "MNIST:x",
                "mnist:\0"
            })
    void anUnknownSpecificationListsTheForms(String spec) {
        String message = assertThrows(IllegalArgumentException.class, () -> Datasets.open(spec, 1))
                .getMessage();
        assertTrue(message.startsWith("data set '" + spec + "': "), message);
        for (String form : List.of("digits:TRAIN[,TEST]", "mnist:DIR", "cifar10:DIR", "images:DIR_OR_ZIP")) {
            assertTrue(message.contains(form), message);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mnist:nowhere/at/all", "cifar10:nowhere/at/all", "images:nowhere/at/all"})
    void aMissingFolderIsNamed(String spec) {
        String message =
                assertThrows(DataException.class, () -> Datasets.open(spec, 1)).getMessage();
        assertTrue(message.contains("nowhere") && message.contains("no such folder"), message);
    }

    @Test
    void digitsByCount() {
        DataSplit split = Datasets.open("digits:30,20", 5);
        assertEquals(30, split.train().size());
        assertEquals(20, split.test().size());
        assertEquals(Digits.TEST, Datasets.open("digits:30", 5).test().size());
    }

    @Test
    void takeTheFirst() {
        for (Dataset set : List.of(bytes(9), floats(9))) {
            assertArrayEquals(new int[] {0, 1, 2, 3}, contents(Datasets.take(set, 4)));
            assertEquals(9, Datasets.take(set, 1000).size());
            assertEquals("some", Datasets.take(set, 4).name());
            assertEquals(CLASSES, Datasets.take(set, 4).classes());
            assertEquals(ONE, Datasets.take(set, 4).sampleShape());
        }
    }

    @Test
    void takeAtRandom() {
        int[] bytes = contents(Datasets.take(bytes(100), 40, 3));
        assertEquals(40, Arrays.stream(bytes).distinct().count());
        assertArrayEquals(bytes, contents(Datasets.take(floats(100), 40, 3)));
        assertFalse(Arrays.equals(bytes, contents(Datasets.take(bytes(100), 40, 4))));
        assertArrayEquals(
                IntStream.range(0, 100).toArray(),
                Arrays.stream(contents(Datasets.take(bytes(100), 100, 3)))
                        .sorted()
                        .toArray());
    }

    @Test
    void indicesAndRoomAreChecked() {
        for (Dataset set : List.of(bytes(9), floats(9), Datasets.take(floats(20), 9))) {
            for (int index : new int[] {-1, 9, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
                bounds("sample " + index + " was asked of the data set 'some'", () -> set.label(index));
                bounds("samples 0 to 8", () -> set.read(index, new float[1], 0));
            }
            bounds("do not fit at offset 1", () -> set.read(0, new float[1], 1));
            bounds("do not fit at offset -1", () -> set.read(0, new float[1], -1));
        }
    }

    @Test
    void arraysThatDoNotAgreeAreRefused() {
        Shape shape = Shape.of(1, 2, 2);
        byte[][] images = new byte[3][4];
        message("2 samples, but 3 labels", () -> new ByteImages("x", shape, new byte[2][4], new int[3], CLASSES));
        message("image 0 has 4 values", () -> new ByteImages("x", Shape.of(1, 2, 3), images, new int[3], CLASSES));
        message("sample 1 has the label 3", () -> new ByteImages("x", shape, images, new int[] {0, 3, 1}, CLASSES));
        message("sample 2 has the label -1", () -> new ByteImages("x", shape, images, new int[] {0, 0, -1}, CLASSES));
        message("has no samples", () -> new ByteImages("x", shape, new byte[0][], new int[0], CLASSES));
        message("(channels, height, width)", () -> new ByteImages("x", Shape.of(4), images, new int[3], CLASSES));
        message("does not hold whole samples", () -> new ArrayDataset("x", shape, new float[7], new int[1], CLASSES));
        message("sample 0 has 3 values", () -> new ArrayDataset("x", shape, new float[1][3], new int[1], CLASSES));
        message("at least 1", () -> Datasets.take(bytes(3), 0));
    }

    @Test
    void partsOfASplitMustAgree() {
        Dataset grey = bytes(3);
        Dataset wide = new ByteImages("wide", Shape.of(1, 1, 2), new byte[1][2], new int[1], CLASSES);
        Dataset fewer = new ByteImages("fewer", ONE, new byte[1][1], new int[1], List.of("a"));
        message("mine: the samples to train on have the shape (1, 1, 1)", () -> new DataSplit("mine", grey, wide));
        message("mine: the classes to train on are [a, b, c]", () -> new DataSplit("mine", grey, fewer));
    }

    @Test
    void moreThanTheHeapHoldsIsRefusedBeforeItIsMade() {
        String message = assertThrows(DataException.class, () -> Datasets.open("digits:" + Integer.MAX_VALUE, 1))
                .getMessage();
        assertTrue(message.contains("-Xmx"), message);
    }

    private static void message(String part, Executable run) {
        String message = assertThrows(IllegalArgumentException.class, run).getMessage();
        assertTrue(message.contains(part), message);
    }

    private static void bounds(String part, Executable run) {
        String message = assertThrows(IndexOutOfBoundsException.class, run).getMessage();
        assertTrue(message.contains(part), message);
    }
}
