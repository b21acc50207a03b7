package dev.ondine.onednn.api;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.List;
import java.util.Optional;

/**
 * Where Ondine's own native library lies, which {@code build-native.sh} builds and nobody needs:
 *
 * <ol>
 *   <li>{@code -Dondine.native.path=none}: it is not to be used.
 *   <li>{@code -Dondine.native.path=FILE}: that file, or an error.
 *   <li>{@code native/} beside the jar, then the work tree's {@code native/build/}: the first that is there, if it can be used.
 * </ol>
 *
 * Load it after oneDNN, so that the OpenMP runtime found by both is oneDNN's.
 */
public final class OwnLibrary {
    private OwnLibrary() {}

    /** The file that {@code -Dondine.native.path} names, or {@code none}; nothing if it is not set. */
    public static Optional<String> property() {
        return Optional.ofNullable(System.getProperty("ondine.native.path"));
    }

    /** Where to look for it without the property: beside the jar (or the classes), then in the work tree around it. */
    public static List<Path> candidates() {
        CodeSource source = OwnLibrary.class.getProtectionDomain().getCodeSource();
        if (source == null || source.getLocation() == null) return List.of();
        try {
            URI location = source.getLocation().toURI();
            Path folder = Path.of(location).toAbsolutePath().getParent();
            String name = System.mapLibraryName("ondine");
            return List.of(
                    folder.resolve("native").resolve(name),
                    folder.resolve("../native/build").resolve(name).normalize());
        } catch (URISyntaxException | IllegalArgumentException | FileSystemNotFoundException _) {
            // Classes that lie in no file (inside another jar, say): there is nothing beside them.
            return List.of();
        }
    }
}
