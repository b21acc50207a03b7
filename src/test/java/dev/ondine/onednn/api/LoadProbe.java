package dev.ondine.onednn.api;

import dev.ondine.backend.Backends;

/** The main class of processes that tests start: loads oneDNN, uses it, says where it came from. */
final class LoadProbe {
    /** The exit code if oneDNN could not be loaded; the message is on standard output. */
    static final int UNAVAILABLE = 3;

    private LoadProbe() {}

    public static void main(String[] args) {
        try {
            OneDnn.load();
        } catch (OneDnnUnavailableException e) {
            System.out.println("unavailable: " + e.getMessage());
            checkThatFailureIsFinal(e);
            System.exit(UNAVAILABLE);
        }
        System.out.println("loaded " + OneDnn.version() + " with " + OpenMp.maxThreads() + " threads, default "
                + Backends.defaultThreads() + ", "
                + OneDnn.location().source() + " " + OneDnn.location().path());
    }

    private static void checkThatFailureIsFinal(OneDnnUnavailableException first) {
        try {
            OneDnn.version();
            System.out.println("but it worked the second time");
        } catch (OneDnnUnavailableException e) {
            if (!e.getMessage().equals(first.getMessage())) System.out.println("but then: " + e.getMessage());
        }
    }
}
