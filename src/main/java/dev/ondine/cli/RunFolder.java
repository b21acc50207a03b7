package dev.ondine.cli;

import dev.ondine.io.JsonLines;
import dev.ondine.train.Checkpoints;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.Map;

/** Where a training run leaves its checkpoint and its log. */
final class RunFolder implements AutoCloseable {
    private final Path folder;
    private final boolean created;
    private JsonLines log;

    private RunFolder(Path folder, boolean created) {
        this.folder = folder;
        this.created = created;
    }

    /** A folder that is not there yet: {@code runs/digits-cnn-bn-20260131-235959}. */
    static Path fresh(String data, String model) {
        int colon = data.indexOf(':');
        String kind = colon < 0 ? data : data.substring(0, colon);
        // Of onnx:FILE, the file's own name.
        String plain =
                model.substring(model.replace('\\', '/').lastIndexOf('/') + 1).replace(':', '-');
        LocalDateTime now = LocalDateTime.now(ZoneId.systemDefault());
        String name = kind + "-" + plain + "-" + now.getYear() + Text.twoDigits(now.getMonthValue())
                + Text.twoDigits(now.getDayOfMonth()) + "-" + Text.twoDigits(now.getHour())
                + Text.twoDigits(now.getMinute()) + Text.twoDigits(now.getSecond());
        Path folder = Path.of("runs", name);
        for (int i = 2; Files.exists(folder); i++) folder = Path.of("runs", name + "-" + i);
        return folder;
    }

    /** Whether there is a checkpoint in a folder already. */
    static boolean holdsModel(Path folder) {
        return Files.exists(folder.resolve(Checkpoints.MODEL));
    }

    /**
     * Makes the folder, with those above it, and tries whether files can be made in it. What a killed process left unfinished there is
     * removed.
     *
     * @throws IOException if not: before anything is computed that could be lost
     */
    static RunFolder open(Path folder) throws IOException {
        boolean created = !Files.exists(folder);
        try {
            Files.createDirectories(folder);
            Files.delete(Files.createTempFile(folder, ".ondine-", ".tmp"));
            try (DirectoryStream<Path> unfinished = Files.newDirectoryStream(folder, ".ondine-*.tmp")) {
                for (Path file : unfinished) Files.deleteIfExists(file);
            }
        } catch (FileAlreadyExistsException e) {
            throw new IOException(
                    "cannot write to the output folder " + folder + ": " + e.getFile()
                            + " is a file; name another with --out",
                    e);
        } catch (IOException e) {
            throw new IOException(
                    "cannot write to the output folder " + folder + " (" + Failures.text(e)
                            + "); name another with --out",
                    e);
        }
        return new RunFolder(folder, created);
    }

    /**
     * Removes what an earlier run left here that would be taken for this one's: what it would be resumed from, the history of its layers,
     * its averaged model. Not before the first step: who was told that an option is wrong has lost nothing.
     */
    void begin() throws IOException {
        Files.deleteIfExists(folder.resolve(Checkpoints.STATE));
        // Who did not say --force has no run here, and files of these names would be another's.
        if (!holdsModel(folder)) return;
        Files.deleteIfExists(averaged());
        Files.deleteIfExists(folder.resolve(LayerLog.FILE));
        try (DirectoryStream<Path> events = Files.newDirectoryStream(folder, LayerLog.EVENTS + "*" + LayerLog.OURS)) {
            for (Path file : events) Files.deleteIfExists(file);
        }
    }

    Path model() {
        return folder.resolve(Checkpoints.MODEL);
    }

    /** The model of the best epoch; not there before the first. */
    Path best() {
        return folder.resolve(Checkpoints.BEST);
    }

    /** The model with the averaged weights, if an average is kept. */
    Path averaged() {
        return folder.resolve(Checkpoints.AVERAGED);
    }

    Path config() {
        return folder.resolve(ConfigFile.NAME);
    }

    Path path() {
        return folder;
    }

    Path log() {
        return folder.resolve("log.jsonl");
    }

    @Override
    public String toString() {
        return folder.toString();
    }

    /** Whether this run has written to its log. */
    boolean hasLog() {
        return log != null;
    }

    long logLength() throws IOException {
        return Files.exists(log()) ? Files.size(log()) : 0;
    }

    /** Removes what was added to the log since it was so long; only before anything is added to it here. */
    void cutLog(long length) throws IOException {
        if (logLength() <= length) return;
        try (FileChannel channel = FileChannel.open(log(), StandardOpenOption.WRITE)) {
            channel.truncate(length);
        }
    }

    void log(Map<String, ?> line) throws IOException {
        if (log == null) log = JsonLines.open(log());
        log.append(line);
    }

    /** Removes the folder again if it was made for this run and nothing has come into it. */
    @Override
    public void close() throws IOException {
        if (log != null) {
            log.close();
        } else if (created) {
            Files.deleteIfExists(folder);
        }
    }
}
