package dev.ondine.cli;

import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** What stands before the commands. */
@CommandLine.Command(
        name = "ondine",
        description = "Trains convolutional networks with batch normalization on CPUs, from Java, through oneDNN.",
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = OndineCommand.Version.class,
        footer = {"", "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted."})
final class OndineCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Show this help and exit.")
    @SuppressWarnings("UnusedVariable") // picocli acts on it
    private boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Show the version and exit.")
    @SuppressWarnings("UnusedVariable") // picocli acts on it
    private boolean version;

    @Option(
            names = "--debug",
            scope = ScopeType.INHERIT,
            description =
                    "Show where in the program an error came from. As the environment variable ONDINE_DEBUG does.")
    private boolean debug;

    boolean debug() {
        return debug || System.getenv("ONDINE_DEBUG") != null;
    }

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(), "A command is missing, one of: " + String.join(", ", Main.commands()) + ".");
    }

    /** The version of the jar; classes that lie in none have none. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"ondine " + current()};
        }

        static String current() {
            String version = Main.class.getPackage().getImplementationVersion();
            return version == null ? "of the work tree" : version;
        }
    }
}
