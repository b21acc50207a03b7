package dev.ondine.packaging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * All that is exported has a comment. The build itself fails for every other warning of javadoc; parameters and results are not asked
 * for one by one, where a sentence says it.
 */
@Timeout(120)
class JavadocTest {
    private static final String MISSING = "warning: no comment";

    @TempDir
    Path folder;

    @Test
    void everythingExportedHasAComment() {
        Optional<ToolProvider> javadoc = ToolProvider.findFirst("javadoc");
        assumeTrue(javadoc.isPresent(), "this Java has no javadoc");
        String modules = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(file -> new File(file)
                        .getName()
                        .matches("(jackson-core|protobuf-java|picocli|progressbar)-[\\d.]+\\.jar"))
                .collect(Collectors.joining(File.pathSeparator));
        StringWriter messages = new StringWriter();
        PrintWriter out = new PrintWriter(messages);
        int code = javadoc.get()
                .run(
                        out,
                        out,
                        "-quiet",
                        "-locale",
                        "en",
                        "-encoding",
                        "UTF-8",
                        "-Xdoclint:all",
                        "-XD-Xlint:-incubating",
                        "-Xmaxwarns",
                        "10000",
                        "-d",
                        folder.toString(),
                        "--module-path",
                        modules,
                        "--module-source-path",
                        "dev.ondine=src/main/java" + File.pathSeparator + "bindings/java",
                        "--module",
                        "dev.ondine");
        String told = messages.toString();
        assertEquals(0, code, told);
        // Of parameters and results it does tell: so it looked.
        assertTrue(told.contains("warning: no @return"), told);
        assertTrue(Files.exists(folder.resolve("dev.ondine/dev/ondine/nn/BatchNorm.html")), "pages were written");
        assertEquals(
                List.of(), told.lines().filter(line -> line.endsWith(MISSING)).toList());
    }
}
