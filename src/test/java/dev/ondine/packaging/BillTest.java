package dev.ondine.packaging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The page that lists the jars is right about each of them. */
@EnabledIfSystemProperty(named = Packaged.PROPERTY, matches = ".+")
class BillTest {
    private final Bill bill = Bill.read();

    @Test
    void everyJarHasItsRow() {
        for (Path file : Packaged.libraries()) {
            assertEquals(
                    1,
                    bill.rows().stream().filter(row -> row.isOf(file)).count(),
                    "rows of " + file + " in " + Bill.PAGE);
        }
        assertEquals(Packaged.libraries().size(), bill.rows().size(), "a row of " + Bill.PAGE + " has no jar");
    }

    @Test
    void modulesAreCalledSo() {
        for (Path file : Packaged.libraries()) {
            Bill.Row row = row(file);
            // The platform is part of both names.
            String found = module(file).name();
            if (row.jar().equals("dnnl")) assertTrue(found.startsWith(row.module()), found);
            else assertEquals(row.module(), found);
        }
    }

    /** Rounded to a hundredth of a megabyte. The native jar is another on each platform; the page gives that of Linux on x86-64. */
    @Test
    void sizesAreRight() throws IOException {
        for (Path file : Packaged.libraries()) {
            String name = file.getFileName().toString();
            if (name.startsWith("dnnl") && !name.endsWith("linux-x86_64.jar")) continue;
            String size = String.format(Locale.ROOT, "%.2f MB", Files.size(file) / 1e6);
            assertEquals(row(file).size(), size, name);
        }
        assertTrue(Files.size(Packaged.jar()) < 3_000_000, "Ondine's own jar is small");
    }

    @Test
    void noticeNamesEveryLicence() throws IOException {
        String notice = Files.readString(Path.of("NOTICE")).replaceAll("\\s+", " ");
        for (Bill.Row row : bill.rows()) {
            // The NOTICE's entry of this jar begins with its coordinates.
            int start = notice.indexOf("[" + row.jar() + "]");
            assertTrue(start >= 0, "NOTICE has no [" + row.jar() + "]");
            int end = notice.indexOf(" [", start + 1);
            String entry = notice.substring(start, end < 0 ? notice.length() : end);
            for (String license : row.license().split(", "))
                assertTrue(entry.contains(license), license + ": " + entry);
        }
        try (JarFile jar = new JarFile(Packaged.jar().toFile())) {
            for (String name : List.of("META-INF/LICENSE", "META-INF/NOTICE")) {
                byte[] inside = jar.getInputStream(jar.getEntry(name)).readAllBytes();
                assertEquals(
                        Files.readString(Path.of(name.substring(9))), new String(inside, StandardCharsets.UTF_8), name);
            }
        }
    }

    /** The descriptor agrees with the page: what embedders may leave out is optional, the rest is not. */
    @Test
    void descriptorRequiresWhatThePageSays() {
        ModuleDescriptor ondine = module(Packaged.jar());
        Set<String> required = ondine.requires().stream()
                .filter(r -> !r.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC))
                .map(ModuleDescriptor.Requires::name)
                .filter(name -> !name.startsWith("java.") && !name.startsWith("jdk."))
                .collect(Collectors.toSet());
        Set<String> listed = bill.rows().stream()
                .filter(row -> row.need().equals("module path"))
                .map(Bill.Row::module)
                .collect(Collectors.toSet());
        assertEquals(listed, required);
    }

    /** Nothing that is generated, native or of the command line can be seen from outside. */
    @Test
    void exportsAreThoseThatThePageLists() throws IOException {
        Set<String> exported = module(Packaged.jar()).exports().stream()
                .map(ModuleDescriptor.Exports::source)
                .collect(Collectors.toSet());
        Set<String> listed = Files.readAllLines(Bill.PAGE).stream()
                .filter(line -> line.startsWith("- `dev.ondine."))
                .map(line -> line.split("`")[1])
                .collect(Collectors.toSet());
        assertEquals(listed, exported);
    }

    private Bill.Row row(Path file) {
        return bill.rows().stream().filter(row -> row.isOf(file)).findFirst().orElseThrow();
    }

    private static ModuleDescriptor module(Path jar) {
        return ModuleFinder.of(jar).findAll().iterator().next().descriptor();
    }
}
