package dev.ondine.cli;

import dev.ondine.backend.Backend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes the pages of runs, and one that compares them. */
@CommandLine.Command(
        name = "report",
        sortOptions = false,
        description = {
            "Write a run's page, report.html in its folder, anew: curves, classes, mistakes, batch normalizations.",
            "Of several runs, write a page that compares them.",
            ""
        })
final class ReportCommand extends Command {
    @Parameters(arity = "1..*", paramLabel = "RUN", description = "Folders of ondine train's.")
    private List<Path> folders;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            description = "Where the comparison is to lie. Default: ${DEFAULT-VALUE}.")
    private Path html = Path.of("comparison.html");

    @Mixin
    private BackendOptions computing;

    @Override
    public Integer call() throws IOException {
        computing.check(this);
        List<RunHistory> runs = new ArrayList<>();
        for (Path folder : folders) {
            if (!Files.isDirectory(folder)) throw new IOException(folder + ": there is no such folder");
            runs.add(RunHistory.read(folder));
        }
        if (runs.size() == 1) {
            Backend backend = computing.open(this);
            field(
                    "Report",
                    RunReport.write(folders.getFirst(), backend, computing.options())
                            .toString());
            return DONE;
        }
        PageFile.check(this, "--html", html);
        PageFile.write(html, RunPage.comparing(runs));
        field("Report", html.toString());
        return DONE;
    }
}
