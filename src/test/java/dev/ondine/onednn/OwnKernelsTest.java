package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OwnLibrary;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which library the plans' own kernels come from. */
class OwnKernelsTest {
    @BeforeAll
    static void load() {
        OneDnn.load();
    }

    @Test
    void theLibraryIsChosenInOrder(@TempDir Path folder) {
        Path absent = folder.resolve("absent");
        assertTrue(
                OwnKernels.choose(Optional.of("none"), OwnLibrary.candidates()).isEmpty());
        assertTrue(OwnKernels.choose(Optional.empty(), List.of(absent)).isEmpty());
        var e = assertThrows(
                IllegalStateException.class, () -> OwnKernels.choose(Optional.of(absent.toString()), List.of()));
        assertTrue(e.getMessage().startsWith(absent + " cannot be loaded"), e.getMessage());
        String platform = System.getProperty("os.name").startsWith("Windows") ? "bin" : "lib";
        Path foreign = Path.of(System.getProperty("java.home"), platform, System.mapLibraryName("zip"));
        assertTrue(OwnKernels.choose(Optional.empty(), List.of(foreign)).isEmpty());
    }
}
