package dev.ondine.cli;

import dev.ondine.io.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Pages and pictures as files: whole, or as they were before. */
final class PageFile {
    private PageFile() {}

    /** Refuses a place where no file can be, before what is to come into it is computed. */
    static void check(Command command, String option, Path file) {
        Path folder = file.toAbsolutePath().getParent();
        if (Files.isDirectory(file)) throw command.wrong(option, file + " is a folder; name a file");
        if (!Files.isDirectory(folder)) throw command.wrong(option, "there is no folder " + folder);
        if (!Files.isWritable(folder)) throw command.wrong(option, folder + " cannot be written to");
    }

    static void write(Path file, String text) throws IOException {
        write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    static void write(Path file, byte[] content) throws IOException {
        AtomicFile.write(file, channel -> {
            ByteBuffer bytes = ByteBuffer.wrap(content);
            while (bytes.hasRemaining()) channel.write(bytes);
        });
    }
}
