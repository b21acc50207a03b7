package dev.ondine.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs the command: in this process, with its streams caught, or in one of its own. */
final class Ondine {
    private Ondine() {}

    /** What a run came to. */
    record Outcome(int code, String out, String err) {}

    /** Runs in this process. */
    static Outcome run(Object... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] texts = new String[arguments.length];
        for (int i = 0; i < texts.length; i++) texts[i] = arguments[i].toString();
        int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), texts);
        return new Outcome(code, out.toString(), err.toString());
    }

    /** Prepares a process of its own; its streams go to files {@code out} and {@code err} in a folder. */
    static ProcessBuilder process(Path folder, Object... arguments) {
        return java(folder, System.getProperty("java.class.path"), Main.class.getName(), arguments);
    }

    /** As {@link #process}, of any class. */
    static ProcessBuilder java(Path folder, String classPath, String main, Object... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classPath,
                main));
        for (Object argument : arguments) command.add(argument.toString());
        return new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(folder.resolve("out").toFile())
                .redirectError(folder.resolve("err").toFile());
    }
}
