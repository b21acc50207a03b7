package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.onednn.OneDnnBackend;
import dev.ondine.onednn.api.OneDnnUnavailableException;
import java.util.List;
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

    @Option(
            names = "--tune",
            paramLabel = "on|off",
            description =
                    "Choose oneDNN's kernels by timing them, which takes seconds once per shape and is remembered."
                            + " Default: off, by rule.")
    private String tune = "off";

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "f32; bf16: activations and weights in bfloat16, on processors that multiply it (AVX512_BF16,"
                    + " AMX); or bf16-emulated: the same numbers on any processor, slowly. Default: ${DEFAULT-VALUE}.")
    private String dtype = Precision.FLOAT32.shortName();

    /** Checks the options. */
    void check(Command command) {
        command.requireOneOf("--tune", List.of("on", "off"), tune);
        if (tunes() && name != null && !name.equals(NATIVE)) {
            throw command.wrong("--tune", "only oneDNN has kernels to choose among; the backend " + name + " has not");
        }
        if (name != null) command.requireOneOf("--backend", Backends.names(), name);
        command.requireOneOf("--dtype", Precision.names(), dtype);
        if (threads != null) command.require(threads > 0, "--threads", "at least 1", threads);
    }

    /** What was left open is from now on what came of it, so that it can be written down. */
    void settle(Backend backend) {
        name = backend.name();
        threads = threads();
    }

    int threads() {
        return threads != null ? threads : Backends.defaultThreads();
    }

    Precision precision() {
        return Precision.named(dtype);
    }

    /** How a model is compiled for evaluation. */
    PlanOptions options() {
        return PlanOptions.threads(threads()).precision(precision());
    }

    /**
     * The backend that was asked for; else the best.
     *
     * @throws OneDnnUnavailableException if it was asked for and is not there
     * @throws dev.ondine.backend.UnsupportedPrecisionException if it has nothing for the precision here
     */
    Backend open(Command command) {
        Backend backend = find(command);
        if (backend.name().equals(NATIVE) && precision() == Precision.BFLOAT16) OneDnnBackend.requireBfloat16();
        return backend;
    }

    private Backend find(Command command) {
        if (name != null) return tuned(Backends.named(name));
        try {
            return tuned(Backends.named(NATIVE));
        } catch (OneDnnUnavailableException e) {
            command.err().println("ondine: going on in plain Java, which is slow: " + e.getMessage());
            return Backends.named("reference");
        }
    }

    private boolean tunes() {
        return tune.equals("on");
    }

    private Backend tuned(Backend backend) {
        return backend instanceof OneDnnBackend b ? b.tuned(tunes()) : backend;
    }

    /** {@code onednn, 2 threads}, and the precision if it is not float32. */
    String describe(Backend backend) {
        String type = precision().isBfloat16() ? ", " + precision().shortName() : "";
        if (backend.name().equals("reference")) return backend.name() + " (plain Java, one thread)" + type;
        String java = backend.name().equals(NATIVE) ? "" : " (plain Java)";
        return backend.name() + java + ", " + threads() + (threads() == 1 ? " thread" : " threads")
                + (tunes() ? ", tuned" : "")
                + type;
    }
}
