package dev.ondine.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What the commands have in common. {@link #call} returns the exit code. */
abstract class Command implements Callable<Integer> {
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int INTERRUPTED = 130;

    @Spec
    private CommandSpec spec;

    final PrintWriter out() {
        return spec.commandLine().getOut();
    }

    final PrintWriter err() {
        return spec.commandLine().getErr();
    }

    /** Wrong usage of an option. */
    final ParameterException wrong(String option, String problem) {
        return new ParameterException(spec.commandLine(), "Invalid value for option '" + option + "': " + problem);
    }

    final void require(boolean right, String option, String expected, Object actual) {
        if (!right) throw wrong(option, expected + ", not " + actual);
    }

    final void requireOneOf(String option, List<String> possible, String actual) {
        if (!possible.contains(actual)) {
            throw wrong(option, "'" + actual + "' is none of " + String.join(", ", possible));
        }
    }

    /** Prints {@code name} in a column of its own, then {@code text}. */
    final void field(String name, String text) {
        out().println(Text.left(name, 13) + text);
    }
}
