package dev.ondine.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine;

/** The {@code ondine} command. */
public final class Main {
    private static final String LOG_FORMAT = "java.util.logging.SimpleFormatter.format";

    /** Looking through a command's annotations takes some milliseconds: only those of the command that is run are. */
    private static final Map<String, Supplier<Command>> COMMANDS = Map.of(
            "train", TrainCommand::new,
            "eval", EvalCommand::new,
            "verify", VerifyCommand::new,
            "bench", BenchCommand::new,
            "profile", ProfileCommand::new,
            "explain", ExplainCommand::new,
            "peak", PeakCommand::new,
            "models", ModelsCommand::new,
            "info", InfoCommand::new);

    private static final List<String> ORDER =
            List.of("train", "eval", "verify", "bench", "profile", "explain", "peak", "models", "info");

    private Main() {}

    /** Runs a command and exits with its code: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
    public static void main(String[] args) {
        // The library's warnings in one line instead of two.
        if (System.getProperty(LOG_FORMAT) == null) System.setProperty(LOG_FORMAT, "%4$s: %5$s%n");
        System.exit(run(new PrintWriter(System.out, true), new PrintWriter(System.err, true), args));
    }

    /** Runs a command and returns its exit code. */
    static int run(PrintWriter out, PrintWriter err, String... args) {
        CommandLine ondine = new CommandLine(new OndineCommand());
        Supplier<Command> only = args.length > 0 ? COMMANDS.get(args[0]) : null;
        if (only != null) {
            ondine.addSubcommand(args[0], only.get());
        } else {
            for (String name : ORDER)
                ondine.addSubcommand(name, COMMANDS.get(name).get());
        }
        ondine.setOut(out)
                .setErr(err)
                .setUsageHelpWidth(100)
                .setParameterExceptionHandler(Failures::wrongUsage)
                .setExecutionExceptionHandler(Failures::failed);
        try {
            return ondine.execute(args);
        } catch (OutOfMemoryError e) {
            return Failures.outOfMemory(e, ondine);
        }
    }
}
