package dev.ondine.cli;

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
    private static final String COMPARISON = "comparison.html";

    @Parameters(arity = "1..*", paramLabel = "RUN", description = "Folders of ondine train's.")
    private List<Path> folders;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            description = "Where the page is to lie. Default: " + RunReport.FILE
                    + " in the run's folder, or of several runs " + COMPARISON + " here.")
    private Path html;

    @Mixin
    private BackendOptions computing;

    @Override
    public Integer call() throws IOException {
        computing.check(this);
        if (html != null) PageFile.check(this, "--html", html);
        List<RunHistory> runs = new ArrayList<>();
        for (Path folder : folders) {
            if (!Files.isDirectory(folder)) throw new IOException(folder + ": there is no such folder");
            runs.add(RunHistory.read(folder));
        }
        Path page = html;
        if (runs.size() == 1) {
            Path folder = folders.getFirst();
            if (page == null) page = folder.resolve(RunReport.FILE);
            RunReport.write(folder, page, computing.open(this), computing.options());
        } else {
            if (page == null) page = Path.of(COMPARISON);
            PageFile.write(page, RunPage.comparing(runs));
        }
        field("Report", page.toString());
        return DONE;
    }
}
