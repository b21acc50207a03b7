package dev.ondine.cli;

import dev.ondine.train.Monitor;
import java.util.Map;
import picocli.CommandLine.Option;

/** Which epoch is the best, and when there have been enough. */
final class StoppingOptions {
    @Option(
            names = "--monitor",
            paramLabel = "NAME",
            description = "By which number of the test part an epoch is better than another: accuracy or loss. Default:"
                    + " accuracy; for an autoencoder loss.")
    private String monitorName;

    @Option(
            names = "--patience",
            paramLabel = "N",
            description = "End training after so many epochs in a row without a better one. Default: all epochs.")
    private Integer patience;

    private Monitor monitor;

    /** @param reconstructs whether the model tells no classes apart, and has no accuracy */
    void check(Command command, boolean reconstructs) {
        if (monitorName == null) monitorName = (reconstructs ? Monitor.LOSS : Monitor.ACCURACY).toString();
        monitor = command.constant("--monitor", Monitor.class, monitorName);
        if (reconstructs && monitor == Monitor.ACCURACY) {
            throw command.wrong("--monitor", "the model gives back its input and has no accuracy; its loss is there");
        }
        if (patience != null) command.require(patience >= 1, "--patience", "at least 1", patience);
    }

    Monitor monitor() {
        return monitor;
    }

    /** 0: no end but the last epoch's. */
    int patience() {
        return patience == null ? 0 : patience;
    }

    String show(double value) {
        return monitor == Monitor.ACCURACY ? Text.percent(value) : Text.fixed(value, 4);
    }

    void log(Map<String, Object> line) {
        line.put("monitor", monitor.toString());
        if (patience != null) line.put("patience", patience);
    }
}
