package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyTest {
    @TempDir
    Path folder;

    /** All trainings, on as few digits as the largest batch takes. */
    @Test
    void writesAPage() throws IOException {
        Path page = folder.resolve("study.html");
        Ondine.Outcome run = Ondine.run(
                "study", "batchnorm", "--data", "digits:256,40", "--epochs", 1, "--html", page, "--threads", 1);
        assertEquals(0, run.code(), run.err());
        assertEquals(14, run.out().lines().filter(l -> l.contains("/14  ")).count(), run.out());
        assertFalse(run.out().contains("\r"), "no control characters but on a terminal");
        String html = Files.readString(page);
        assertTrue(html.contains("What was seen") && html.contains("Each number is one run"), "the paragraph");
        assertTrue(run.out().contains("Each number"), run.out());
    }

    @Test
    void refusesWhatCannotBe() {
        Path page = folder.resolve("study.html");
        Ondine.Outcome few = Ondine.run("study", "batchnorm", "--data", "digits:100,40", "--html", page);
        assertEquals(2, few.code());
        assertTrue(few.err().contains("256"), few.err());
        assertEquals(2, Ondine.run("study", "dropout").code());
        Ondine.Outcome nowhere = Ondine.run("study", "batchnorm", "--html", folder.resolve("none/study.html"));
        assertEquals(2, nowhere.code());
        assertTrue(nowhere.err().contains("there is no folder"), nowhere.err());
        assertFalse(Files.exists(page));
    }
}
