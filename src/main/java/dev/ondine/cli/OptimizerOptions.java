package dev.ondine.cli;

import dev.ondine.nn.Model;
import dev.ondine.nn.Names;
import dev.ondine.nn.ParameterRole;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.train.Clipping;
import dev.ondine.train.Optimizer;
import dev.ondine.train.ParameterGroup;
import dev.ondine.train.Trainer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Option;

/** How parameters follow their gradients, and which of them differently. */
final class OptimizerOptions {
    /** Optimizers by the names of the command line, with their usual learning rate and weight decay. */
    enum Name {
        SGD(0.1, 5e-4),
        NESTEROV(0.1, 5e-4),
        ADAM(0.002, 0),
        ADAMW(0.002, 0.01),
        RMSPROP(0.001, 0),
        LARS(2, 5e-4),
        LAMB(0.005, 0.01),
        MUON(0.02, 0.01);

        private final double rate;
        private final double decay;

        Name(double rate, double decay) {
            this.rate = rate;
            this.decay = decay;
        }

        /** NaN: it has no momentum that could be chosen. */
        private double momentum() {
            return switch (this) {
                case SGD, NESTEROV, LARS -> 0.9;
                case RMSPROP -> 0;
                case MUON -> 0.95;
                case ADAM, ADAMW, LAMB -> Double.NaN;
            };
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Option(
            names = "--optimizer",
            paramLabel = "NAME",
            description = "sgd, nesterov, adam, adamw, rmsprop, lars, lamb or muon (convolutions by Muon, the rest by"
                    + " adamw). Default: ${DEFAULT-VALUE}.")
    private String name = "nesterov";

    @Option(
            names = "--lr",
            paramLabel = "X",
            description =
                    "Learning rate before the schedule. Default: 0.1 for sgd and nesterov, 0.002 for adam and adamw,"
                            + " 0.001 for rmsprop, 2 for lars, 0.005 for lamb, 0.02 for muon.")
    private Double rate;

    @Option(
            names = "--momentum",
            paramLabel = "X",
            description = "Default: 0.9 for sgd, nesterov and lars, 0 for rmsprop, 0.95 for muon.")
    private Double momentum;

    @Option(
            names = "--weight-decay",
            paramLabel = "X",
            description = "Default: 5e-4 for sgd, nesterov and lars, 0 for adam and rmsprop, else 0.01.")
    private Double weightDecay;

    @Option(names = "--no-decay-norm", description = "No weight decay for biases and for γ and β of normalizations.")
    private boolean noDecayNorm;

    @Option(
            names = "--lr-norm",
            paramLabel = "X",
            description =
                    "Learning rate of γ and β, as a multiple of the others'; 0 leaves them as they begin. Default:"
                            + " ${DEFAULT-VALUE}.")
    private double normRate = 1;

    @Option(
            names = "--freeze",
            paramLabel = "NAME",
            split = ",",
            description = "Leave parameters as they begin whose names are or begin with this: conv1.weight,layer1.")
    private List<String> frozen;

    @Option(
            names = "--clip-norm",
            paramLabel = "X",
            description = "Scale all gradients so that their norm is this at most. Default: as they are.")
    private Double clipNorm;

    @Option(
            names = "--clip-value",
            paramLabel = "X",
            description = "Cut each element of a gradient off at this, either way. Default: as they are.")
    private Double clipValue;

    @Option(
            names = "--lookahead",
            paramLabel = "N",
            description = "After every so many steps go back half of the way (Lookahead). Default: never.")
    private Integer lookahead;

    @Option(
            names = "--accumulate",
            paramLabel = "N",
            description = "Make one step of the gradients of so many batches. Default: ${DEFAULT-VALUE}.")
    private int accumulate = 1;

    private Name optimizer;

    void check(Command command) {
        optimizer = command.constant("--optimizer", Name.class, name);
        if (rate != null) command.require(rate > 0 && Double.isFinite(rate), "--lr", "a number above 0", rate);
        if (momentum != null) {
            if (Double.isNaN(optimizer.momentum())) {
                throw command.wrong("--momentum", optimizer + " has none; sgd, nesterov, rmsprop, lars and muon have");
            }
            command.require(momentum >= 0 && momentum < 1, "--momentum", "at least 0 and below 1", momentum);
            command.require(momentum > 0 || optimizer != Name.NESTEROV, "--momentum", "above 0 for nesterov", momentum);
            command.require(momentum >= 0.5 || optimizer != Name.MUON, "--momentum", "at least 0.5 for muon", momentum);
        }
        if (weightDecay != null) {
            command.require(
                    weightDecay >= 0 && Double.isFinite(weightDecay), "--weight-decay", "0 or more", weightDecay);
        }
        command.require(normRate >= 0 && Double.isFinite(normRate), "--lr-norm", "0 or more", normRate);
        positive(command, "--clip-norm", clipNorm);
        positive(command, "--clip-value", clipValue);
        if (lookahead != null) command.require(lookahead >= 1, "--lookahead", "at least 1", lookahead);
        command.require(accumulate >= 1, "--accumulate", "at least 1", accumulate);
        if (rate == null) rate = optimizer.rate;
        if (momentum == null && !Double.isNaN(optimizer.momentum())) momentum = optimizer.momentum();
        if (weightDecay == null) weightDecay = optimizer.decay;
    }

    private static void positive(Command command, String option, Double value) {
        if (value != null) command.require(value > 0 && Double.isFinite(value), option, "a number above 0", value);
    }

    private Optimizer optimizer() {
        Optimizer inner = switch (optimizer) {
            case SGD, NESTEROV -> new Optimizer.Sgd(rate, momentum, weightDecay, optimizer == Name.NESTEROV);
            case ADAM -> Optimizer.Adam.of(rate).weightDecay(weightDecay);
            case ADAMW -> Optimizer.Adam.decoupled(rate).weightDecay(weightDecay);
            case RMSPROP -> Optimizer.RmsProp.of(rate).momentum(momentum).weightDecay(weightDecay);
            case LARS -> Optimizer.Lars.of(rate).momentum(momentum).weightDecay(weightDecay);
            case LAMB -> Optimizer.Lamb.of(rate).weightDecay(weightDecay);
            case MUON -> Optimizer.Muon.of(rate).momentum(momentum).weightDecay(weightDecay);
        };
        return lookahead == null ? inner : new Optimizer.Lookahead(inner, lookahead, 0.5);
    }

    /** Tells a trainer all of this. */
    Trainer.Builder apply(Command command, Model model, Trainer.Builder trainer) {
        trainer.optimizer(optimizer()).accumulate(accumulate);
        trainer.clipping(new Clipping(clipNorm == null ? 0 : clipNorm, clipValue == null ? 0 : clipValue));
        for (String wanted : frozen == null ? List.<String>of() : frozen) {
            List<ParameterSpec> specs = model.parameters().specs();
            if (specs.stream().noneMatch(p -> p.learned() && isNamed(p, wanted))) {
                throw command.wrong(
                        "--freeze",
                        "the model has no parameter that is or begins with '" + wanted + "'; the nearest is '"
                                + Names.nearest(
                                        wanted,
                                        specs.stream().map(ParameterSpec::name).toList())
                                + "'");
            }
            trainer.group(ParameterGroup.of(p -> isNamed(p, wanted)).fixed());
        }
        if (normRate == 0) {
            trainer.group(ParameterGroup.of(p -> p.role().isNormalization()).fixed());
        } else if (normRate != 1) {
            ParameterGroup norm =
                    ParameterGroup.of(p -> p.role().isNormalization()).rate(normRate);
            trainer.group(noDecayNorm ? norm.weightDecay(0) : norm);
        }
        if (noDecayNorm) {
            trainer.group(
                    ParameterGroup.of(p -> p.role() != ParameterRole.WEIGHT).weightDecay(0));
        }
        return trainer;
    }

    private static boolean isNamed(ParameterSpec parameter, String name) {
        return parameter.name().equals(name) || parameter.name().startsWith(name + ".");
    }

    int accumulate() {
        return accumulate;
    }

    /** {@code nesterov, lr 0.1, cosine, momentum 0.9, weight decay 0.0005}. */
    String describe(ScheduleOptions schedule) {
        StringBuilder text = new StringBuilder();
        if (lookahead != null) text.append("lookahead over ");
        text.append(optimizer)
                .append(", lr ")
                .append(Text.plain(rate))
                .append(", ")
                .append(schedule);
        if (momentum != null) text.append(", momentum ").append(Text.plain(momentum));
        text.append(", weight decay ").append(Text.plain(weightDecay));
        if (noDecayNorm) text.append(" but for norms and biases");
        if (normRate != 1) text.append(", norms' lr times ").append(Text.plain(normRate));
        if (frozen != null) text.append(", frozen ").append(String.join(" ", frozen));
        if (clipNorm != null) text.append(", norm clipped at ").append(Text.plain(clipNorm));
        if (clipValue != null) text.append(", clipped at ").append(Text.plain(clipValue));
        return text.toString();
    }

    void log(Map<String, Object> line) {
        line.put("optimizer", optimizer.toString());
        line.put("lr", rate);
        if (momentum != null) line.put("momentum", momentum);
        line.put("weight_decay", weightDecay);
    }
}
