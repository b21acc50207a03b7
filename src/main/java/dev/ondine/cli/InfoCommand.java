package dev.ondine.cli;

import dev.ondine.backend.Backends;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OneDnnUnavailableException;
import dev.ondine.onednn.api.OpenMp;
import dev.ondine.train.UpdateKernels;
import picocli.CommandLine;

/** Says what this machine offers and what Ondine makes of it. */
@CommandLine.Command(name = "info", description = "Show JDK, processor, oneDNN, threads and native extras.")
final class InfoCommand extends Command {
    @Override
    public Integer call() {
        field("Ondine", OndineCommand.Version.current());
        field(
                "JDK",
                Runtime.version() + ", " + System.getProperty("java.vm.name") + ", " + System.getProperty("java.home"));
        field(
                "System",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                        + System.getProperty("os.arch"));
        field("Processor", Machine.cpu());
        field("Java heap", "up to " + Text.grouped(Runtime.getRuntime().maxMemory() >> 20) + " MB");
        try {
            OneDnn.load();
            field("oneDNN", OneDnn.version().toString());
            field("  from", OneDnn.location().toString());
            field("  uses", OneDnn.effectiveIsa() + (OneDnn.supportsBfloat16() ? ", bfloat16 in hardware" : ""));
            field(
                    "Threads",
                    Backends.defaultThreads() + (OpenMp.isAvailable() ? " (OpenMP)" : " (oneDNN's own choice)"));
        } catch (OneDnnUnavailableException e) {
            field("oneDNN", "not available: " + e.getMessage());
            field("Threads", "1: the reference backend has no more");
        }
        field("Updates", UpdateKernels.best().describe());
        return DONE;
    }
}
