package dev.ondine.packaging;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The table of docs/modules.md: what lies beside the jar, and who needs it. */
record Bill(List<Row> rows) {
    static final Path PAGE = Path.of("docs/modules.md");

    /**
     * A jar.
     *
     * @param jar its name, without the version
     * @param module its module's name
     * @param size in megabytes, as text
     * @param license as the page calls it
     * @param purpose what it is for
     * @param need where it must be
     */
    record Row(String jar, String module, String size, String license, String purpose, String need) {
        boolean isOf(Path file) {
            return file.getFileName().toString().startsWith(jar + "-");
        }
    }

    static Bill read() {
        try {
            return new Bill(Files.readAllLines(PAGE).stream()
                    .filter(line -> line.startsWith("| `"))
                    .map(line -> line.substring(1).split("\\|"))
                    .filter(cells -> cells.length == 6)
                    .map(cells -> new Row(
                            code(cells[0]),
                            code(cells[1]),
                            text(cells[2]),
                            text(cells[3]),
                            text(cells[4]),
                            text(cells[5])))
                    .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The jars of lib/ that the page says are needed so. */
    List<Path> files(String... needs) {
        return Packaged.libraries().stream()
                .filter(file -> rows.stream()
                        .anyMatch(row -> row.isOf(file) && List.of(needs).contains(row.need)))
                .toList();
    }

    private static String text(String cell) {
        return cell.strip();
    }

    private static String code(String cell) {
        return cell.strip().replace("`", "");
    }
}
