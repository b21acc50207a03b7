package dev.ondine.onednn.api;

import dev.ondine.onednn.api.LibraryLocation.Source;
import dev.ondine.onednn.api.NativePlatform.PinnedFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

/**
 * Takes the libraries out of the native artifact, once: into a folder named by their checksum, so that two versions
 * never meet. Each file is written under a temporary name, checked, and moved into place, so that processes that start
 * together, or one that is killed half-way, leave only whole files there.
 */
final class LibraryCache {
    private static final Duration ABANDONED = Duration.ofHours(1);

    private final NativePlatform platform;
    private final ClassLoader artifact;

    /**
     * A cache for the libraries of a platform.
     *
     * @param artifact finds the artifact's files
     */
    LibraryCache(NativePlatform platform, ClassLoader artifact) {
        this.platform = platform;
        this.artifact = artifact;
    }

    /** The folder that {@code -Dondine.cache}, {@code ONDINE_CACHE} or the platform's custom names. */
    static Path defaultFolder() {
        return defaultFolder(
                System.getProperty("ondine.cache"),
                System.getenv(),
                System.getProperty("user.home", "."),
                System.getProperty("os.name").toLowerCase(Locale.ROOT));
    }

    static Path defaultFolder(String property, Map<String, String> environment, String home, String os) {
        if (isSet(property)) return Path.of(property);
        String variable = environment.get("ONDINE_CACHE");
        if (isSet(variable)) return Path.of(variable);
        if (os.startsWith("mac")) return Path.of(home, "Library", "Caches", "ondine");
        boolean windows = os.startsWith("windows");
        String custom = environment.get(windows ? "LOCALAPPDATA" : "XDG_CACHE_HOME");
        if (isSet(custom)) return Path.of(custom, "ondine");
        return windows ? Path.of(home, "AppData", "Local", "ondine") : Path.of(home, ".cache", "ondine");
    }

    private static boolean isSet(String value) {
        return value != null && !value.isBlank();
    }

    /**
     * The library, with the OpenMP runtime beside it, extracted if it is not there yet.
     *
     * @param root the cache folder; created if need be
     * @throws OneDnnUnavailableException if the artifact is missing or damaged, or no folder can be written
     */
    LibraryLocation locate(Path root) {
        PinnedFile library = platform.library();
        Path folder = root.toAbsolutePath().resolve("onednn-" + library.sha256().substring(0, 16));
        try {
            extractMissing(folder);
            return new LibraryLocation(folder.resolve(library.name()), Source.CACHE);
        } catch (IOException e) {
            return locateTemporarily(folder, e);
        }
    }

    private LibraryLocation locateTemporarily(Path refused, IOException reason) {
        try {
            Path folder = Files.createTempDirectory("ondine-");
            folder.toFile().deleteOnExit();
            for (PinnedFile file : files()) folder.resolve(file.name()).toFile().deleteOnExit();
            extractMissing(folder);
            System.getLogger("dev.ondine")
                    .log(
                            Level.WARNING,
                            () -> "cannot keep oneDNN in " + refused + " (" + reason
                                    + "); extracted it to " + folder
                                    + " for this run only. Name a writable folder with -Dondine.cache=DIR or"
                                    + " ONDINE_CACHE");
            return new LibraryLocation(folder.resolve(platform.library().name()), Source.TEMPORARY);
        } catch (IOException e) {
            throw new OneDnnUnavailableException(
                    "cannot extract oneDNN, " + platform.library().size() / 1_000_000 + " MB, neither to " + refused
                            + " ("
                            + reason + ") nor to the temporary folder " + System.getProperty("java.io.tmpdir") + " ("
                            + e
                            + "); name a writable folder with room with -Dondine.cache=DIR or ONDINE_CACHE",
                    e);
        }
    }

    private List<PinnedFile> files() {
        PinnedFile openMp = platform.openMp();
        return openMp == null ? List.of(platform.library()) : List.of(openMp, platform.library());
    }

    private void extractMissing(Path folder) throws IOException {
        for (PinnedFile file : files()) {
            // Whole files only are ever moved here: the size tells those that something else has cut off since.
            if (!isComplete(folder.resolve(file.name()), file)) extract(file, folder);
        }
    }

    private static boolean isComplete(Path path, PinnedFile file) {
        try {
            return Files.size(path) == file.size();
        } catch (IOException _) {
            return false;
        }
    }

    private void extract(PinnedFile file, Path folder) throws IOException {
        createFolders(folder);
        deleteAbandoned(folder);
        Path target = folder.resolve(file.name());
        Path temporary = folder.resolve(file.name() + "." + UUID.randomUUID() + ".tmp");
        try {
            copyChecked(file, temporary);
            moveIntoPlace(temporary, target, file);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static void createFolders(Path folder) throws IOException {
        try {
            Files.createDirectories(folder);
        } catch (FileAlreadyExistsException e) {
            throw new IOException("there is a file where the folder " + e.getFile() + " should be", e);
        }
    }

    /** What processes that were killed while extracting left behind. */
    private static void deleteAbandoned(Path folder) throws IOException {
        FileTime limit = FileTime.from(Instant.now().minus(ABANDONED));
        try (DirectoryStream<Path> leftovers = Files.newDirectoryStream(folder, "*.tmp")) {
            for (Path path : leftovers) {
                if (Files.exists(path) && Files.getLastModifiedTime(path).compareTo(limit) < 0)
                    Files.deleteIfExists(path);
            }
        }
    }

    private void copyChecked(PinnedFile file, Path temporary) throws IOException {
        String resource = platform.resource(file);
        MessageDigest digest = sha256();
        try (InputStream in = artifact.getResourceAsStream(resource)) {
            if (in == null) {
                throw new OneDnnUnavailableException("no " + resource + " on the class path; add the dependency "
                        + NativePlatform.ARTIFACT + " with the classifier " + platform.classifier()
                        + ", or name another build of oneDNN with -Dondine.dnnl.path=PATH or ONDINE_DNNL_PATH");
            }
            try (OutputStream out = new DigestOutputStream(Files.newOutputStream(temporary), digest)) {
                in.transferTo(out);
            }
        }
        String found = HexFormat.of().formatHex(digest.digest());
        if (!found.equals(file.sha256())) {
            throw new OneDnnUnavailableException(
                    resource + " on the class path has the SHA-256 " + found + " instead of "
                            + file.sha256() + ": the artifact is damaged or not " + NativePlatform.ARTIFACT
                            + ". Delete it from the local Maven repository so that it is downloaded again, or name"
                            + " another build of oneDNN with -Dondine.dnnl.path=PATH");
        }
    }

    private static void moveIntoPlace(Path temporary, Path target, PinnedFile file) throws IOException {
        try {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            // Windows refuses to replace a library that another process has just put there and loaded.
            if (!isComplete(target, file)) throw e;
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
