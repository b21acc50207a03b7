package dev.ondine.onednn.api;

import dev.ondine.onednn.api.LibraryLocation.Source;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Another build of oneDNN than the artifact's, which the user named. */
final class LibraryOverride {
    private LibraryOverride() {}

    /** What {@code -Dondine.dnnl.path} or {@code ONDINE_DNNL_PATH} names; nothing if neither is set. */
    static Optional<LibraryLocation> find(String property, Map<String, String> environment, NativePlatform platform) {
        boolean byProperty = property != null && !property.isBlank();
        String value = byProperty ? property : environment.get("ONDINE_DNNL_PATH");
        if (value == null || value.isBlank()) return Optional.empty();
        String setting = (byProperty ? "-Dondine.dnnl.path=" : "ONDINE_DNNL_PATH=") + value;
        try {
            return Optional.of(new LibraryLocation(find(Path.of(value), setting, platform), Source.OVERRIDE));
        } catch (InvalidPathException e) {
            throw new OneDnnUnavailableException(setting + " is not a path: " + e.getMessage(), e);
        }
    }

    private static Path find(Path path, String setting, NativePlatform platform) {
        if (!Files.exists(path)) {
            throw new OneDnnUnavailableException(setting
                    + " does not exist; name the library file or its folder, or unset it to use the artifact's");
        }
        if (!Files.isDirectory(path)) return path.toAbsolutePath();
        String pinned = platform.library().name();
        Set<String> names = new LinkedHashSet<>();
        names.add(pinned);
        names.add(System.mapLibraryName("dnnl"));
        for (String name : names) {
            if (Files.isRegularFile(path.resolve(name)))
                return path.resolve(name).toAbsolutePath();
        }
        throw new OneDnnUnavailableException(setting + " is a folder without " + String.join(" or ", names)
                + "; name the library file, or unset it to use the artifact's");
    }
}
