package dev.ondine.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Where the files of an image data set lie: a folder or a zip. Read into memory only, never unpacked to disk. One
 * thread each.
 */
sealed interface ImageSource extends AutoCloseable {
    /** A compressed image that is larger than this is refused. */
    int LARGEST_FILE = 64 << 20;

    static ImageSource open(Path path) throws IOException {
        if (Files.isDirectory(path)) return new Folder(path);
        if (Files.isRegularFile(path)) return new Zip(path);
        throw new DataException(path + ": no such folder or zip file");
    }

    /** The names of everything inside, with slashes; those of folders end with one. */
    List<String> names() throws IOException;

    /** The content of a file. */
    byte[] bytes(String name) throws IOException;

    /** What messages call a file. */
    String describe(String name);

    @Override
    void close() throws IOException;

    /** The whole of a stream that is said to be {@code claimed} bytes long: memory is taken only as they turn up. */
    private static byte[] limited(String described, long claimed, InputStream stream) throws IOException {
        try (InputStream in = stream) {
            if (claimed > LARGEST_FILE) {
                throw new DataException(
                        described + ": is " + claimed + " bytes long; one image may have " + LARGEST_FILE);
            }
            byte[] bytes = in.readNBytes((int) claimed);
            if (bytes.length < claimed || in.read() >= 0) {
                throw new DataException(described + ": is not " + claimed + " bytes long, as it is said to be");
            }
            return bytes;
        }
    }

    /** A folder on disk. */
    record Folder(Path root) implements ImageSource {
        @Override
        public List<String> names() throws IOException {
            List<String> names = new ArrayList<>();
            list(root, names);
            if (names.isEmpty()) {
                for (Path child : folders(root)) list(child, names);
            }
            return names;
        }

        /** Lists {@code train} and {@code test} of a folder, and nothing else that may lie there. */
        private void list(Path base, List<String> names) throws IOException {
            for (String part : ImageLayout.PARTS) {
                if (!Files.isDirectory(base.resolve(part))) continue;
                try (Stream<Path> files = Files.walk(base.resolve(part), 2, FileVisitOption.FOLLOW_LINKS)) {
                    for (Path file : (Iterable<Path>) files::iterator) {
                        String name = root.relativize(file)
                                .toString()
                                .replace(root.getFileSystem().getSeparator(), "/");
                        names.add(Files.isDirectory(file) ? name + "/" : name);
                    }
                }
            }
        }

        private static List<Path> folders(Path root) throws IOException {
            try (Stream<Path> children = Files.list(root)) {
                return children.filter(Files::isDirectory).sorted().toList();
            }
        }

        @Override
        public byte[] bytes(String name) throws IOException {
            return ImageSource.limited(
                    describe(name), Files.size(root.resolve(name)), Files.newInputStream(root.resolve(name)));
        }

        @Override
        public String describe(String name) {
            return root.resolve(name).toString();
        }

        @Override
        public void close() {}
    }

    /** A zip file. Each thread opens its own: reads of one block each other. */
    record Zip(Path path, ZipFile file) implements ImageSource {
        Zip(Path path) throws IOException {
            this(path, open(path));
        }

        private static ZipFile open(Path path) {
            try {
                return new ZipFile(path.toFile());
            } catch (IOException e) {
                throw new DataException(path + ": is no zip file that can be read: " + e.getMessage(), e);
            }
        }

        @Override
        public List<String> names() {
            return file.stream().map(ZipEntry::getName).toList();
        }

        @Override
        public byte[] bytes(String name) throws IOException {
            ZipEntry entry = file.getEntry(name);
            if (entry == null) throw new IOException("it is gone");
            return ImageSource.limited(describe(name), entry.getSize(), file.getInputStream(entry));
        }

        @Override
        public String describe(String name) {
            return path + "!/" + name;
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
