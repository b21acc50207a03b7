package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Cifar10Test {
    @TempDir
    Path folder;

    private static byte[] records(int first, int... labels) {
        byte[] bytes = new byte[3073 * labels.length];
        for (int i = 0; i < labels.length; i++) {
            for (int j = 1; j < 3073; j++) bytes[3073 * i + j] = (byte) (first + i + j);
            bytes[3073 * i] = (byte) labels[i];
        }
        return bytes;
    }

    @BeforeEach
    void goodFiles() throws IOException {
        for (int i = 1; i <= 5; i++) write("data_batch_" + i + ".bin", records(10 * i, i, i + 1));
        write("test_batch.bin", records(99, 7));
    }

    private void write(String name, byte[] bytes) throws IOException {
        Files.write(folder.resolve(name), bytes);
    }

    private void error(String... parts) {
        String message =
                assertThrows(DataException.class, () -> Cifar10.open(folder)).getMessage();
        for (String part : parts) assertTrue(message.contains(part), message);
    }

    @Test
    void readsTheBatchesInOrder() {
        DataSplit split = Cifar10.open(folder);
        assertEquals(10, split.train().size());
        assertEquals(1, split.test().size());
        assertEquals(Shape.of(3, 32, 32), split.train().sampleShape());
        assertEquals(3, split.train().label(4));
        assertEquals(4, split.train().label(5));
        assertEquals("automobile", split.train().classes().get(1));
        float[] x = new float[3072];
        split.train().read(5, x, 0);
        for (int i = 0; i < 3072; i++) assertEquals((31 + i + 1 & 0xff) / 255f, x[i]);
    }

    @Test
    void namesFromTheFileAndTheUsualFolderAround() throws IOException {
        write("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n".getBytes());
        assertEquals("j", Cifar10.open(folder).test().classes().get(9));
        Path inner = Files.createDirectory(folder.resolve("cifar-10-batches-bin"));
        for (String name : new String[] {
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
            "test_batch.bin"
        }) {
            Files.move(folder.resolve(name), inner.resolve(name));
        }
        assertEquals(10, Cifar10.open(folder).train().size());
        Files.write(inner.resolve("batches.meta.txt"), "a\nb\n".getBytes());
        error("batches.meta.txt", "2 names");
    }

    @Test
    void aMissingFileIsNamed() throws IOException {
        Files.delete(folder.resolve("data_batch_4.bin"));
        error("data_batch_4.bin", "no such file");
    }

    @Test
    void aTruncatedOrEmptyFile() throws IOException {
        byte[] good = records(0, 1, 2);
        write("data_batch_2.bin", Arrays.copyOf(good, good.length - 1));
        error("data_batch_2.bin", "6145 bytes", "3073");
        write("data_batch_2.bin", Arrays.copyOf(good, good.length + 1));
        error("data_batch_2.bin", "6147 bytes");
        write("data_batch_2.bin", new byte[0]);
        error("data_batch_2.bin", "0 bytes");
    }

    @Test
    void aLabelAboveNine() throws IOException {
        write("test_batch.bin", records(0, 1, 10));
        error("test_batch.bin", "label at offset 3073 is 10");
        write("test_batch.bin", records(0, 200));
        error("test_batch.bin", "label at offset 0 is 200");
    }
}
