package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.onednn.api.OneDnnUnavailableException;
import picocli.CommandLine.Option;

/** What computes, and on how many threads. */
final class BackendOptions {
    private static final String NATIVE = "onednn";

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            description =
                    "onednn; or, in plain Java, to compare with: vector, tuned, or reference, slow. Default: onednn;"
                            + " reference if that cannot be loaded here.")
    private String name;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads to compute on. Default: the processors that this process may use.")
    private Integer threads;

    /** Checks the options. */
    void check(Command command) {
        if (name != null) command.requireOneOf("--backend", Backends.names(), name);
        if (threads != null) command.require(threads > 0, "--threads", "at least 1", threads);
    }

    int threads() {
        return threads != null ? threads : Backends.defaultThreads();
    }

    /**
     * The backend that was asked for; else the best.
     *
     * @throws OneDnnUnavailableException if it was asked for and is not there
     */
    Backend open(Command command) {
        if (name != null) return Backends.named(name);
        try {
            return Backends.named(NATIVE);
        } catch (OneDnnUnavailableException e) {
            command.err().println("ondine: going on in plain Java, which is slow: " + e.getMessage());
            return Backends.named("reference");
        }
    }

    /** {@code onednn, 2 threads}. */
    String describe(Backend backend) {
        if (backend.name().equals("reference")) return backend.name() + " (plain Java, one thread)";
        String java = backend.name().equals(NATIVE) ? "" : " (plain Java)";
        return backend.name() + java + ", " + threads() + (threads() == 1 ? " thread" : " threads");
    }
}
