package dev.ondine.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.io.SafeTensorsWriter.Entry;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Whatever happens while a file is written, its name stands for a complete one, and no rubbish stays behind. */
@Timeout(60)
class AtomicFileTest {
    private static final Path FULL = Path.of("/dev/full");

    @TempDir
    Path folder;

    private Path target;

    @BeforeEach
    void anEarlierFile() throws IOException {
        target = Files.writeString(folder.resolve("model.safetensors"), "earlier");
    }

    @Test
    void replacesTheFile() throws IOException {
        AtomicFile.write(target, channel -> {
            write(channel, "later");
            assertEquals("earlier", Files.readString(target), "until everything is written");
        });
        assertEquals("later", Files.readString(target));
        assertOnlyTarget();
    }

    @Test
    void createsAFile() throws IOException {
        Path other = folder.resolve("other");
        AtomicFile.write(other, channel -> write(channel, "new"));
        assertEquals("new", Files.readString(other));
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aFullDiskLeavesTheEarlierFile() throws IOException {
        assumeTrue(Files.exists(FULL));
        IOException e = assertThrows(
                FileSystemException.class,
                () -> AtomicFile.write(target, channel -> {
                    write(channel, "half of it");
                    // Every write to this device fails as on a full disk.
                    try (FileChannel full = FileChannel.open(FULL, StandardOpenOption.WRITE)) {
                        write(full, "the rest");
                    }
                }));
        assertMessage(e, target.toString(), "disk is full", "free some space");
        assertEquals("earlier", Files.readString(target));
        assertOnlyTarget();
    }

    @Test
    void anyFailureLeavesTheEarlierFile() throws IOException {
        IOException io = new IOException("Input/output error");
        FileSystemException e = assertThrows(
                FileSystemException.class,
                () -> AtomicFile.write(target, channel -> {
                    write(channel, "half");
                    throw io;
                }));
        assertMessage(e, target.toString(), "Input/output error", "unchanged");
        assertSame(io, e.getCause());
        IllegalStateException thrown = new IllegalStateException("closed");
        assertSame(
                thrown,
                assertThrows(
                        IllegalStateException.class,
                        () -> AtomicFile.write(target, channel -> {
                            write(channel, "half");
                            throw thrown;
                        })));
        assertThrows(
                StackOverflowError.class,
                () -> AtomicFile.write(target, _ -> {
                    throw new StackOverflowError();
                }));
        assertEquals("earlier", Files.readString(target));
        assertOnlyTarget();
    }

    @Test
    void aMissingFolderAndAFolderAreNamed() throws IOException {
        Path missing = folder.resolve("missing").resolve("a.bin");
        assertMessage(
                assertThrows(FileSystemException.class, () -> AtomicFile.write(missing, c -> write(c, ""))),
                missing.toString(),
                "does not exist",
                "create it");
        Path sub = Files.createDirectory(folder.resolve("sub"));
        assertMessage(
                assertThrows(FileSystemException.class, () -> AtomicFile.write(sub, c -> write(c, ""))),
                sub.toString(),
                "is a folder");
        Path below = target.resolve("a.bin");
        assertMessage(
                assertThrows(FileSystemException.class, () -> AtomicFile.write(below, c -> write(c, ""))),
                below.toString(),
                "does not exist");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aDeviceIsNotReplaced() {
        assumeTrue(Files.exists(FULL));
        assertMessage(
                assertThrows(FileSystemException.class, () -> AtomicFile.write(FULL, c -> write(c, ""))), "device");
        assertTrue(Files.exists(FULL) && !Files.isRegularFile(FULL));
    }

    @Test
    void aFolderThatMayNotBeWrittenToIsNamed() throws IOException {
        Path locked = Files.createDirectory(folder.resolve("locked"));
        assumeTrue(locked.toFile().setWritable(false), "this file system knows no permissions");
        try {
            assumeFalse(Files.isWritable(locked), "the superuser writes anywhere");
            Path file = locked.resolve("a.bin");
            assertMessage(
                    assertThrows(FileSystemException.class, () -> AtomicFile.write(file, c -> write(c, ""))),
                    file.toString(),
                    "may not be written to",
                    "permissions");
        } finally {
            assertTrue(locked.toFile().setWritable(true));
        }
    }

    /** The kernel's own folders refuse even the superuser. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void aFolderThatNobodyWritesToIsNamed() {
        Path file = Path.of("/sys/ondine-test.bin");
        assumeTrue(Files.isDirectory(file.getParent()));
        assertMessage(
                assertThrows(FileSystemException.class, () -> AtomicFile.write(file, c -> write(c, ""))),
                file.toString(),
                "not written",
                "another");
    }

    @Test
    @EnabledOnOs({OS.LINUX, OS.MAC})
    void aLinkStaysALink() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("latest"), target);
        AtomicFile.write(link, c -> write(c, "later"));
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("later", Files.readString(target));
    }

    @Test
    void anInterruptedThreadStillSaves() throws IOException {
        Thread.currentThread().interrupt();
        AtomicFile.write(target, c -> write(c, "later"));
        assertTrue(Thread.interrupted(), "and stays interrupted");
        assertEquals("later", Files.readString(target));
    }

    @Test
    void readersNeverSeeAnIncompleteFile() throws Exception {
        String a = "a".repeat(300_000);
        String b = "b".repeat(200_000);
        AtomicFile.write(target, c -> write(c, a));
        AtomicBoolean done = new AtomicBoolean();
        Thread writer = Thread.ofPlatform().start(() -> {
            try {
                for (int i = 0; i < 40; i++) {
                    String content = i % 2 == 0 ? b : a;
                    AtomicFile.write(target, c -> write(c, content));
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                done.set(true);
            }
        });
        int reads = 0;
        for (; !done.get(); reads++) {
            String seen = Files.readString(target);
            assertTrue(seen.equals(a) || seen.equals(b), "an incomplete file of " + seen.length() + " characters");
        }
        writer.join();
        assertTrue(reads > 0);
        assertEquals(a, Files.readString(target));
        assertOnlyTarget();
    }

    @Test
    void aTensorClosedMeanwhileLeavesTheEarlierCheckpoint() throws IOException {
        try (Tensor good = Tensor.of(new float[] {1, 2}, 2)) {
            SafeTensorsWriter.write(target, Map.of(), List.of(new Entry("w", good)));
            Tensor closed = Tensor.allocate(DataType.FLOAT32, Shape.of(3));
            closed.close();
            List<Entry> entries = List.of(new Entry("w", good), new Entry("v", closed));
            assertTrue(
                    assertThrows(IllegalStateException.class, () -> SafeTensorsWriter.write(target, Map.of(), entries))
                            .getMessage()
                            .contains("f32 (3)"));
        }
        try (SafeTensorsFile file = SafeTensors.open(target)) {
            assertEquals(2, file.tensor("w").getFloat(1));
        }
        assertOnlyTarget();
    }

    @Test
    void whatCannotBeReadBackIsNotWritten() throws IOException {
        try (Tensor t = Tensor.of(new float[] {1}, 1)) {
            for (List<Entry> wrong : List.of(
                    List.of(new Entry("", t)),
                    List.of(new Entry("__metadata__", t)),
                    List.of(new Entry("w", t), new Entry("w", t)))) {
                assertMessage(
                        assertThrows(
                                IllegalArgumentException.class, () -> SafeTensorsWriter.write(target, Map.of(), wrong)),
                        target.toString(),
                        "name");
            }
            Map<String, String> huge = Map.of("a", "x".repeat(SafeTensors.MAX_HEADER));
            assertMessage(
                    assertThrows(
                            IllegalArgumentException.class,
                            () -> SafeTensorsWriter.write(target, huge, List.of(new Entry("w", t)))),
                    target.toString(),
                    "header");
        }
        assertEquals("earlier", Files.readString(target));
        assertOnlyTarget();
    }

    private void assertOnlyTarget() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(target), files.toList());
        }
    }

    private static void assertMessage(Exception e, String... parts) {
        for (String part : parts)
            assertTrue(e.getMessage().contains(part), () -> "\"" + part + "\" is missing in: " + e.getMessage());
    }

    private static void write(FileChannel channel, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) channel.write(bytes);
    }
}
