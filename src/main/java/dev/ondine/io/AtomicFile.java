package dev.ondine.io;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Writes a file in such a way that its name always stands for a complete one: the earlier file until the new one is
 * safely on disk, the new one from then on, even if the disk fills up, the process is killed or the power fails.
 */
public final class AtomicFile {
    private AtomicFile() {}

    /** Writes the content of a file. */
    @FunctionalInterface
    public interface Body {
        /** Writes the whole content; the channel stands at its beginning. */
        void write(FileChannel channel) throws IOException;
    }

    /**
     * Writes to a new file in the same folder, forces it to disk, then renames it over the target. If anything fails
     * the new file is removed and the target is as it was. A process that is killed meanwhile leaves a hidden
     * {@code .ondine-….tmp} behind, which may be deleted. A target that is a symbolic link stays one; the file that it
     * points to is replaced.
     *
     * @throws FileSystemException if the file cannot be written, or the body failed with an IOException: path, reason
     *     and what to do about it
     * @throws RuntimeException whatever the body throws
     */
    public static void write(Path target, Body body) throws IOException {
        // An interrupted thread cannot use a FileChannel, and "stop, but save first" is often said by an interrupt.
        boolean interrupted = Thread.interrupted();
        try {
            replace(target, body);
        } finally {
            if (interrupted) Thread.currentThread().interrupt();
        }
    }

    private static void replace(Path target, Body body) throws IOException {
        Path real =
                Files.isSymbolicLink(target) && Files.exists(target) ? target.toRealPath() : target.toAbsolutePath();
        Path folder = real.getParent();
        if (folder == null || Files.exists(real) && !Files.isRegularFile(real)) {
            throw failure(target, "it is a folder or a device, not a file", "name a file", null);
        }
        if (!Files.isDirectory(folder)) {
            throw failure(target, "the folder " + folder + " does not exist", "create it or name another", null);
        }
        String random = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
        Path temporary = folder.resolve(".ondine-" + random + ".tmp");
        try {
            writeAndForce(temporary, body);
            Files.move(temporary, real, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            remove(temporary, e);
            throw explained(target, folder, e);
        } catch (RuntimeException | Error e) {
            remove(temporary, e);
            throw e;
        }
        forceFolder(folder);
    }

    private static void writeAndForce(Path file, Body body) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            body.write(channel);
            channel.force(true);
        }
    }

    private static void remove(Path temporary, Throwable failure) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /** Puts the rename on disk as well, where the system can do that (Windows cannot open folders). */
    private static void forceFolder(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException _) {
            // The new file is complete and in its place; only a power failure in this second could bring back the
            // earlier one.
        }
    }

    private static IOException explained(Path target, Path folder, IOException e) {
        if (e instanceof AccessDeniedException) {
            return failure(
                    target,
                    "the folder " + folder + " may not be written to",
                    "change its permissions or name another",
                    e);
        }
        String reason = reason(e);
        String lower = reason.toLowerCase(Locale.ROOT);
        if (lower.contains("no space left") || lower.contains("not enough space") || lower.contains("quota")) {
            return failure(
                    target, "the disk is full (" + reason + ")", "free some space or name a folder on another disk", e);
        }
        if (lower.contains("read-only file system")) {
            return failure(target, "the disk is mounted read-only", "name a folder on another disk", e);
        }
        return failure(target, reason, "see that the disk is in order or name another folder", e);
    }

    private static String reason(IOException e) {
        if (e instanceof FileSystemException f && f.getReason() != null) return f.getReason();
        // Without a reason the message is only a path and the class says what happened.
        return e instanceof FileSystemException || e.getMessage() == null ? e.toString() : e.getMessage();
    }

    private static FileSystemException failure(Path target, String reason, String cure, IOException cause) {
        FileSystemException e = new FileSystemException(
                target.toString(),
                null,
                "not written: " + reason + "; " + cure + ". An earlier file there is unchanged");
        if (cause != null) e.initCause(cause);
        return e;
    }
}
