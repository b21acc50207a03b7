package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which library the updates come from. */
class UpdateKernelsChoiceTest {
    @Test
    void theFirstLibraryThatIsThereIsTaken() {
        Path library = Path.of("native", "build", System.mapLibraryName("ondine"));
        assumeTrue(Files.isRegularFile(library), "build-native.sh has not been run");
        UpdateKernels chosen =
                UpdateKernels.choose(Optional.empty(), List.of(Path.of("absent"), library.toAbsolutePath()));
        assertInstanceOf(NativeUpdateKernels.class, chosen);
        assertTrue(chosen.describe().startsWith(library.toAbsolutePath() + " ("), chosen.describe());
        assertInstanceOf(JavaUpdateKernels.class, UpdateKernels.choose(Optional.of("none"), List.of(library)));
    }

    @Test
    void withoutALibraryJavaDoesIt(@TempDir Path folder) {
        UpdateKernels chosen = UpdateKernels.choose(Optional.empty(), List.of(folder.resolve("absent")));
        assertInstanceOf(JavaUpdateKernels.class, chosen);
        assertEquals("Java (build-native.sh builds a faster one)", chosen.describe());
    }

    @Test
    void aLibraryThatIsNamedMustBeUsable(@TempDir Path folder) {
        Path absent = folder.resolve("absent");
        var missing = assertThrows(
                IllegalStateException.class, () -> UpdateKernels.choose(Optional.of(absent.toString()), List.of()));
        assertTrue(missing.getMessage().startsWith(absent + " cannot be loaded"), missing.getMessage());
        var foreign = assertThrows(
                IllegalStateException.class,
                () -> UpdateKernels.choose(Optional.of(javaLibrary().toString()), List.of()));
        assertTrue(
                foreign.getMessage().startsWith(javaLibrary() + " is not a library of Ondine's"), foreign.getMessage());
    }

    @Test
    void aLibraryThatIsFoundButNoUseIsNamed() {
        UpdateKernels chosen = UpdateKernels.choose(Optional.empty(), List.of(javaLibrary()));
        assertInstanceOf(JavaUpdateKernels.class, chosen);
        assertTrue(chosen.describe().startsWith("Java (" + javaLibrary() + " is not"), chosen.describe());
    }

    /** A library that is surely there and surely another one. */
    private static Path javaLibrary() {
        String folder = System.getProperty("os.name").startsWith("Windows") ? "bin" : "lib";
        return Path.of(System.getProperty("java.home"), folder, System.mapLibraryName("zip"));
    }
}
