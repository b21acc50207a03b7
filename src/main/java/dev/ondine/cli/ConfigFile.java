package dev.ondine.cli;

import dev.ondine.io.AtomicFile;
import dev.ondine.nn.Names;
import java.io.IOException;
import java.io.Reader;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/**
 * A command's options from a file of Java properties, {@code epochs = 30} standing for {@code --epochs 30}. What is given on the command
 * line wins. Properties are what picocli's own file of defaults is made of: flat, as options are, with comments, and read by the JDK.
 */
final class ConfigFile implements CommandLine.IDefaultValueProvider {
    static final String NAME = "config.properties";

    private static final String CONFIG = "--config";
    private static final String RESUME = "--resume";

    /** What is said anew each time, or is no setting of a run. */
    private static final Set<String> NOT_KEPT =
            Set.of(CONFIG, RESUME, "--out", "--force", "--help", "--version", "--debug");

    private final Properties values;

    private ConfigFile(Properties values) {
        this.values = values;
    }

    /**
     * Lets a command have the file that its arguments name; does nothing if they name none, or ask for help.
     *
     * @throws ParameterException if the file cannot be read, or says something that the command does not know
     */
    static void attach(CommandLine command, String[] arguments) {
        if (List.of(arguments).contains("--help") || List.of(arguments).contains("-h")) return;
        Optional<String> config = after(CONFIG, arguments);
        Optional<String> resume = after(RESUME, arguments);
        if (config.isPresent() && resume.isPresent()) {
            throw new ParameterException(
                    command, CONFIG + " and " + RESUME + " do not go together: a run is resumed with its own settings");
        }
        if (config.isPresent()) command.setDefaultValueProvider(read(command, CONFIG, Path.of(config.get())));
        if (resume.isPresent()) {
            Path file = Path.of(resume.get()).resolve(NAME);
            if (!Files.exists(file)) {
                throw wrong(command, RESUME, "there is no run to resume in " + resume.get() + ": it has no " + NAME);
            }
            command.setDefaultValueProvider(read(command, RESUME, file));
        }
    }

    private static Optional<String> after(String option, String[] arguments) {
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].startsWith(option + "=")) return Optional.of(arguments[i].substring(option.length() + 1));
            if (arguments[i].equals(option) && i + 1 < arguments.length) return Optional.of(arguments[i + 1]);
        }
        return Optional.empty();
    }

    private static ConfigFile read(CommandLine command, String option, Path file) {
        Once values = new Once();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            values.load(reader);
        } catch (IOException e) {
            throw wrong(command, option, Failures.text(e));
        } catch (IllegalArgumentException e) {
            throw wrong(command, option, file + ": " + e.getMessage());
        }
        Set<String> known = new TreeSet<>();
        for (OptionSpec o : command.getCommandSpec().options()) if (isKept(o)) known.add(key(o));
        for (String key : values.stringPropertyNames()) {
            if (!known.contains(key)) {
                throw wrong(
                        command,
                        option,
                        file + ": there is no option '" + key + "' for a file; the nearest is '"
                                + Names.nearest(key, known) + "'");
            }
        }
        return new ConfigFile(values);
    }

    /** Properties that may be said but once. */
    private static final class Once extends Properties {
        private static final long serialVersionUID = 1;

        @Override
        public synchronized Object put(Object key, Object value) {
            if (containsKey(key)) throw new IllegalArgumentException("'" + key + "' is given twice");
            return super.put(key, ((String) value).strip());
        }
    }

    @Override
    public String defaultValue(ArgSpec argument) {
        return argument instanceof OptionSpec option && isKept(option) ? values.getProperty(key(option)) : null;
    }

    /** Writes the values that a command's options have, so that {@code --config} with this file gives them all again. */
    static void write(Path file, CommandSpec command) throws IOException {
        List<String> lines = new ArrayList<>();
        lines.add("# ondine " + command.name() + " --config THIS_FILE does the same again.");
        for (OptionSpec option : command.options()) {
            Object value = option.getValue();
            if (isKept(option) && value != null) lines.add(line(key(option), text(value)));
        }
        byte[] text = (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
        AtomicFile.write(file, channel -> {
            ByteBuffer buffer = ByteBuffer.wrap(text);
            while (buffer.hasRemaining()) channel.write(buffer);
        });
    }

    /** Several values have commas between them. */
    private static String text(Object value) {
        if (!(value instanceof Collection<?> several)) return value.toString();
        return several.stream().map(Object::toString).collect(Collectors.joining(","));
    }

    /** As the JDK escapes it, without the date that it adds. */
    private static String line(String key, String value) throws IOException {
        Properties one = new Properties();
        one.setProperty(key, value);
        StringWriter text = new StringWriter();
        one.store(text, null);
        return text.toString()
                .lines()
                .filter(l -> !l.startsWith("#"))
                .findFirst()
                .orElseThrow();
    }

    private static boolean isKept(OptionSpec option) {
        for (String name : option.names()) if (NOT_KEPT.contains(name)) return false;
        return true;
    }

    private static String key(OptionSpec option) {
        return option.longestName().substring("--".length());
    }

    private static ParameterException wrong(CommandLine command, String option, String problem) {
        return new ParameterException(command, "Invalid value for option '" + option + "': " + problem);
    }
}
