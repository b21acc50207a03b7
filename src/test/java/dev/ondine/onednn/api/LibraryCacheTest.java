package dev.ondine.onednn.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.onednn.api.NativePlatform.PinnedFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The cache with small files in place of the libraries. */
class LibraryCacheTest {
    private static final byte[] LIBRARY = "the library".getBytes(StandardCharsets.UTF_8);
    private static final byte[] RUNTIME = "its runtime".getBytes(StandardCharsets.UTF_8);
    private static final NativePlatform PLATFORM =
            new NativePlatform("test", pinned("library", LIBRARY), pinned("runtime", RUNTIME));

    @TempDir
    Path root;

    private static PinnedFile pinned(String name, byte[] content) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
            return new PinnedFile(name, content.length, HexFormat.of().formatHex(digest));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    /** An artifact with this library in it. */
    private static ClassLoader artifact(byte[] library) {
        return new ClassLoader(null) {
            @Override
            public InputStream getResourceAsStream(String name) {
                return switch (name) {
                    case "org/bytedeco/dnnl/test/library" -> new ByteArrayInputStream(library);
                    case "org/bytedeco/dnnl/test/runtime" -> new ByteArrayInputStream(RUNTIME);
                    default -> null;
                };
            }
        };
    }

    private LibraryLocation locate(byte[] library) {
        return new LibraryCache(PLATFORM, artifact(library)).locate(root);
    }

    @Test
    void extractsIntoAFolderOfTheChecksum() throws IOException {
        LibraryLocation location = locate(LIBRARY);

        assertEquals(LibraryLocation.Source.CACHE, location.source());
        assertEquals(
                root.toAbsolutePath()
                        .resolve("onednn-" + PLATFORM.library().sha256().substring(0, 16)),
                location.path().getParent());
        assertArrayEquals(LIBRARY, Files.readAllBytes(location.path()));
        assertArrayEquals(RUNTIME, Files.readAllBytes(location.path().resolveSibling("runtime")));
        assertTrue(location.toString().contains("cached"), location.toString());
    }

    @Test
    void needsNoArtifactOnceItIsCached() {
        LibraryLocation first = locate(LIBRARY);
        assertEquals(first, new LibraryCache(PLATFORM, ClassLoader.getPlatformClassLoader()).locate(root));
    }

    @Test
    void artifactWithAnotherContentIsRefusedAndLeavesNothing() throws IOException {
        byte[] damaged = LIBRARY.clone();
        damaged[3] ^= 1;

        String message = assertThrows(OneDnnUnavailableException.class, () -> locate(damaged))
                .getMessage();

        assertTrue(message.contains("org/bytedeco/dnnl/test/library"), message);
        assertTrue(message.contains(PLATFORM.library().sha256()), message);
        try (Stream<Path> files = Files.walk(root)) {
            assertEquals(1, files.filter(Files::isRegularFile).count(), "the runtime only");
        }
        assertArrayEquals(LIBRARY, Files.readAllBytes(locate(LIBRARY).path()), "the right artifact works afterwards");
    }

    @Test
    void cleansUpAfterProcessesThatWereKilledLongAgo() throws IOException {
        Path folder = Files.createDirectories(locate(LIBRARY).path().getParent());
        Path old = Files.createFile(folder.resolve("library.1.tmp"));
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(1))));
        Path recent = Files.createFile(folder.resolve("library.2.tmp"));
        Files.delete(folder.resolve("library"));

        locate(LIBRARY);

        assertFalse(Files.exists(old));
        assertTrue(Files.exists(recent), "may belong to a process that is extracting now");
    }

    @ParameterizedTest
    @CsvSource({
        "linux, /home/u/.cache/ondine",
        "mac os x, /home/u/Library/Caches/ondine",
        "windows 11, /home/u/AppData/Local/ondine"
    })
    void defaultFolderIsThePlatforms(String os, String folder) {
        assertEquals(Path.of(folder), LibraryCache.defaultFolder(null, Map.of(), "/home/u", os));
    }

    @Test
    void settingsComeBeforeThePlatformsCustom() {
        Map<String, String> environment =
                Map.of("XDG_CACHE_HOME", "/xdg", "LOCALAPPDATA", "/local", "ONDINE_CACHE", "/own");

        assertEquals(Path.of("/given"), LibraryCache.defaultFolder("/given", environment, "/home/u", "linux"));
        assertEquals(Path.of("/own"), LibraryCache.defaultFolder("", environment, "/home/u", "linux"));
        Map<String, String> custom = Map.of("XDG_CACHE_HOME", "/xdg", "LOCALAPPDATA", "/local");
        assertEquals(Path.of("/xdg/ondine"), LibraryCache.defaultFolder(null, custom, "/home/u", "linux"));
        assertEquals(Path.of("/local/ondine"), LibraryCache.defaultFolder(null, custom, "/home/u", "windows 11"));
    }

    @Test
    void platformsByTheNamesThatJavaGivesThem() {
        assertEquals(NativePlatform.LINUX_X86_64, NativePlatform.of("Linux", "amd64"));
        assertEquals(NativePlatform.LINUX_ARM64, NativePlatform.of("Linux", "aarch64"));
        assertEquals(NativePlatform.MACOSX_X86_64, NativePlatform.of("Mac OS X", "x86_64"));
        assertEquals(NativePlatform.MACOSX_ARM64, NativePlatform.of("Mac OS X", "aarch64"));
        assertEquals(NativePlatform.WINDOWS_X86_64, NativePlatform.of("Windows 11", "amd64"));
        for (String[] none : new String[][] {{"Linux", "riscv64"}, {"Windows 11", "aarch64"}, {"AIX", "ppc64"}}) {
            String message = assertThrows(OneDnnUnavailableException.class, () -> NativePlatform.of(none[0], none[1]))
                    .getMessage();
            assertTrue(message.contains(none[0] + " on " + none[1]), message);
            assertTrue(message.contains("reference"), message);
        }
    }

    @ParameterizedTest
    @CsvSource({"2,7,false", "3,3,false", "3,4,true", "3,13,true", "3,99,true", "4,0,false"})
    void versionsThatCanBeUsed(int major, int minor, boolean usable) {
        LibraryLocation location = new LibraryLocation(root, LibraryLocation.Source.OVERRIDE);
        OneDnnVersion version = new OneDnnVersion(major, minor, 0, "N/A");
        if (usable) {
            OneDnn.checkVersion(version, location);
        } else {
            String message = assertThrows(
                            OneDnnUnavailableException.class, () -> OneDnn.checkVersion(version, location))
                    .getMessage();
            assertTrue(message.contains("oneDNN " + major + "." + minor), message);
            assertTrue(message.contains("3.4"), message);
        }
    }
}
