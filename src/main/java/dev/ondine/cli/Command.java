package dev.ondine.cli;

import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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

    final CommandSpec spec() {
        return spec;
    }

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
        if (!right) throw wrong(option, "must be " + expected + ", not " + actual);
    }

    /** The constant of this name, in any case. */
    final <E extends Enum<E>> E constant(String option, Class<E> type, String name) {
        for (E constant : type.getEnumConstants()) {
            if (constant.toString().equalsIgnoreCase(name)) return constant;
        }
        throw wrong(option, isNone(name, Arrays.stream(type.getEnumConstants()).map(Object::toString)));
    }

    final void requireOneOf(String option, List<String> possible, String actual) {
        if (!possible.contains(actual)) {
            throw wrong(option, isNone(actual, possible.stream()));
        }
    }

    /** A model that is trained and evaluated here: it tells the classes of whole samples apart, or gives back its input. */
    final void requireTrainable(String option, String model) {
        if (Models.isImported(model)) return;
        List<String> possible = Models.all().stream()
                .filter(entry -> entry.task() != ModelEntry.Task.SEGMENTATION)
                .map(ModelEntry::name)
                .toList();
        requireOneOf(option, possible, model);
    }

    /** A model that gives logits. */
    final void requireClassifier(String option, String model) {
        if (Models.isImported(model)) return;
        if (Models.names().contains(model) && !Models.classifiers().contains(model)) {
            throw wrong(option, "'" + model + "' does not tell the classes of whole samples apart");
        }
        requireOneOf(option, Models.classifiers(), model);
    }

    private static String isNone(String actual, Stream<String> possible) {
        return "'" + actual + "' is none of " + possible.collect(Collectors.joining(", "));
    }

    /** Prints {@code name} in a column of its own, then {@code text}. */
    final void field(String name, String text) {
        out().println(Text.left(name, 13) + text);
    }
}
