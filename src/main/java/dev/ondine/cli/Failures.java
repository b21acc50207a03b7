package dev.ondine.cli;

import dev.ondine.backend.BackendUnavailableException;
import dev.ondine.data.DataException;
import dev.ondine.onednn.api.OneDnnException;
import dev.ondine.train.TrainingException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Says what went wrong in a line or two, and chooses the exit code. */
final class Failures {
    private Failures() {}

    static int wrongUsage(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("ondine: " + e.getMessage());
        UnmatchedArgumentException.printSuggestions(e, err);
        err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        stackTrace(e, command);
        return CommandLine.ExitCode.USAGE;
    }

    static int failed(Exception e, CommandLine command, ParseResult parsed) {
        command.getErr().println("ondine: " + text(e));
        if (!isExpected(e) && !isDebugging(command)) {
            command.getErr().println("This is a fault of Ondine's. With --debug it shows where.");
        }
        stackTrace(e, command);
        return Command.FAILED;
    }

    static int outOfMemory(OutOfMemoryError e, CommandLine ondine) {
        String reason = e.getMessage() == null ? "out of memory" : e.getMessage();
        long limit = Runtime.getRuntime().maxMemory() >> 20;
        ondine.getErr()
                .println("ondine: out of memory: " + reason + ". The Java heap may take " + limit
                        + " MB: choose a smaller --batch or less data, or allow more with ONDINE_JAVA_OPTS=-Xmx8g.");
        stackTrace(e, ondine);
        return Command.FAILED;
    }

    /** Whether an error is one of the world's or the user's, which its message explains. */
    private static boolean isExpected(Throwable e) {
        return e instanceof IOException
                || e instanceof IllegalArgumentException // a ModelException, too
                || e instanceof DataException
                || e instanceof TrainingException
                || e instanceof OneDnnException
                || e instanceof BackendUnavailableException;
    }

    static String text(Throwable e) {
        if (e instanceof FileSystemException f && f.getReason() == null) {
            // Without a reason the message is only the path, and the class says what happened.
            return f.getFile() + ": "
                    + switch (f) {
                        case NoSuchFileException _ -> "there is no such file";
                        case AccessDeniedException _ -> "permission denied";
                        default -> f.getClass().getSimpleName();
                    };
        }
        return isExpected(e) && e.getMessage() != null ? e.getMessage() : e.toString();
    }

    private static void stackTrace(Throwable e, CommandLine command) {
        if (isDebugging(command)) e.printStackTrace(command.getErr());
    }

    private static boolean isDebugging(CommandLine command) {
        CommandLine top = command.getParent() == null ? command : command.getParent();
        return top.getCommandSpec().userObject() instanceof OndineCommand ondine && ondine.debug();
    }
}
