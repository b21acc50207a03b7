package dev.ondine.cli;

import dev.ondine.train.Checkpoints;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** Where a run's files are to lie, how often they are written, and whether a run goes on. */
final class SavingOptions {
    private static final Pattern OFTEN = Pattern.compile("([0-9]+)(s|m)?");

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Where checkpoint and log are to lie. Default: a new folder in runs/.")
    private Path out;

    @Option(names = "--force", description = "Replace the checkpoint in a folder that has one.")
    private boolean force;

    @Option(
            names = "--checkpoint-every",
            paramLabel = "N|Ns|Nm",
            description =
                    "Save also within an epoch: after so many steps, seconds or minutes. Default: after each epoch.")
    private String often;

    @Option(
            names = "--resume",
            paramLabel = "RUN",
            description =
                    "Go on with the run in this folder where it was last saved, with its settings; it ends with the"
                            + " weights that it would have without the break.")
    private Path resume;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description =
                    "Take options from a file: lines of 'epochs = 30'. Those given here win. Each run leaves its own"
                            + " as " + ConfigFile.NAME + " in its folder.")
    @SuppressWarnings("UnusedVariable") // ConfigFile has read it before
    private Path config;

    private long number;

    /** @param fresh a new folder, if none is named */
    Path folder(Command command, Path fresh) {
        if (resume != null) {
            if (out != null) throw command.wrong("--out", "a run is resumed in its own folder, " + resume);
            if (force) throw command.wrong("--force", "a run that is resumed replaces its own files");
            return resume;
        }
        Path path = out != null ? out : fresh;
        if (RunFolder.holdsModel(path) && !force) {
            throw command.wrong(
                    "--out",
                    path + " holds a checkpoint already; name another folder, replace it with --force, or go on with it"
                            + " by --resume " + path);
        }
        return path;
    }

    void check(Command command) {
        if (often == null) return;
        Matcher matcher = OFTEN.matcher(often);
        if (matcher.matches()) {
            try {
                number = Long.parseLong(matcher.group(1));
            } catch (NumberFormatException _) {
                number = 0;
            }
        }
        command.require(
                number > 0, "--checkpoint-every", "a number of steps (500), seconds (60s) or minutes (10m)", often);
    }

    boolean resumes() {
        return resume != null;
    }

    Checkpoints apply(Checkpoints checkpoints) {
        if (often == null) return checkpoints;
        if (often.endsWith("s")) return checkpoints.everySeconds(number);
        if (often.endsWith("m")) return checkpoints.everySeconds(60.0 * number);
        return checkpoints.everySteps(number);
    }
}
