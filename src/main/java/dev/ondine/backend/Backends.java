package dev.ondine.backend;

import dev.ondine.onednn.OneDnnBackend;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.vector.VectorBackend;
import java.util.List;

/** Finds backends. */
public final class Backends {
    private static final System.Logger LOG = System.getLogger(Backends.class.getName());

    private Backends() {}

    /** The names that {@link #named} knows. */
    public static List<String> names() {
        return List.of("onednn", "vector", "reference");
    }

    /**
     * The backend of this name.
     *
     * @throws IllegalArgumentException for an unknown name
     * @throws BackendUnavailableException if oneDNN is asked for and cannot be loaded, or the Vector API and Java was started without
     */
    public static Backend named(String name) {
        return switch (name) {
            case "onednn" -> {
                OneDnn.load();
                yield new OneDnnBackend();
            }
            case "vector" -> new VectorBackend();
            case "reference" -> new ReferenceBackend();
            default -> throw new IllegalArgumentException("no backend is called '" + name + "'; there are " + names());
        };
    }

    /** The native backend if oneDNN can be loaded; otherwise the reference, after a warning that says why. */
    public static Backend best() {
        try {
            return named("onednn");
        } catch (BackendUnavailableException e) {
            LOG.log(System.Logger.Level.WARNING, "training in plain Java, which is slow: " + e.getMessage());
            return named("reference");
        }
    }

    /** As many threads as processors are available to this process, by its cgroup and affinity. */
    public static int defaultThreads() {
        return Runtime.getRuntime().availableProcessors();
    }
}
