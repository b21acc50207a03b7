package dev.ondine.cli;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** The {@code ondine} command. */
public final class Main {
    private static final String LOG_FORMAT = "java.util.logging.SimpleFormatter.format";

    /** Looking through a command's annotations takes some milliseconds: only those of the command that is run are. */
    private static final SequencedMap<String, Supplier<Command>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("train", TrainCommand::new);
        COMMANDS.put("eval", EvalCommand::new);
        COMMANDS.put("report", ReportCommand::new);
        COMMANDS.put("predict", PredictCommand::new);
        COMMANDS.put("doctor", DoctorCommand::new);
        COMMANDS.put("import", ImportCommand::new);
        COMMANDS.put("export", ExportCommand::new);
        COMMANDS.put("run", RunCommand::new);
        COMMANDS.put("show", ShowCommand::new);
        COMMANDS.put("study", StudyCommand::new);
        COMMANDS.put("verify", VerifyCommand::new);
        COMMANDS.put("bench", BenchCommand::new);
        COMMANDS.put("loadtest", LoadTestCommand::new);
        COMMANDS.put("profile", ProfileCommand::new);
        COMMANDS.put("explain", ExplainCommand::new);
        COMMANDS.put("peak", PeakCommand::new);
        COMMANDS.put("models", ModelsCommand::new);
        COMMANDS.put("info", InfoCommand::new);
    }

    private Main() {}

    /** The names of the commands, as help lists them. */
    static Iterable<String> commands() {
        return COMMANDS.keySet();
    }

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
            COMMANDS.forEach((name, command) -> ondine.addSubcommand(name, command.get()));
        }
        ondine.setOut(out)
                .setErr(err)
                .setUsageHelpWidth(100)
                .setParameterExceptionHandler(Failures::wrongUsage)
                .setExecutionExceptionHandler(Failures::failed);
        try {
            CommandLine train = ondine.getSubcommands().get("train");
            if (only != null && train != null) ConfigFile.attach(train, args);
            return ondine.execute(args);
        } catch (ParameterException e) {
            return Failures.wrongUsage(e, args);
        } catch (OutOfMemoryError e) {
            return Failures.outOfMemory(e, ondine);
        }
    }
}
