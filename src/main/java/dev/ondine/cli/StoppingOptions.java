package dev.ondine.cli;

import dev.ondine.train.Evaluation;
import dev.ondine.train.Monitor;
import java.util.Map;
import picocli.CommandLine.Option;

/** Which epoch is the best, and when there have been enough. */
final class StoppingOptions {
    @Option(
            names = "--monitor",
            paramLabel = "NAME",
            description = "By which number of the test part an epoch is better than another: accuracy or loss. Default:"
                    + " ${DEFAULT-VALUE}.")
    private String monitorName = "accuracy";

    @Option(
            names = "--patience",
            paramLabel = "N",
            description = "End training after so many epochs in a row without a better one. Default: all epochs.")
    private Integer patience;

    private Monitor monitor;

    void check(Command command) {
        monitor = command.constant("--monitor", Monitor.class, monitorName);
        if (patience != null) command.require(patience >= 1, "--patience", "at least 1", patience);
    }

    Monitor monitor() {
        return monitor;
    }

    /** 0: no end but the last epoch's. */
    int patience() {
        return patience == null ? 0 : patience;
    }

    String show(Evaluation test) {
        return monitor == Monitor.ACCURACY ? Text.percent(test.accuracy()) : Text.fixed(test.loss(), 4);
    }

    void log(Map<String, Object> line) {
        line.put("monitor", monitor.toString());
        if (patience != null) line.put("patience", patience);
    }
}
