package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.verify.Verification;
import dev.ondine.verify.VerifyCase;
import dev.ondine.verify.VerifyCases;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Compares a backend with the reference, operation by operation. */
@CommandLine.Command(
        name = "verify",
        sortOptions = false,
        description = {"Compare a backend with the pure-Java reference, operation by operation.", ""},
        footer = {
            "",
            "Each operation runs forward and backward on both, with the same random numbers. Errors are"
                    + " relative to the largest magnitude in a tensor; shown is the one nearest to its tolerance."
        })
final class VerifyCommand extends Command {
    private static final List<VerifyCase> CASES = VerifyCases.all();

    private static final int OPERATION = width(VerifyCase::operation);
    private static final int SHAPE = width(VerifyCase::shape);
    private static final int NUMBER = 9;
    private static final int TENSOR = 8;

    @Mixin
    private BackendOptions computing;

    @Option(names = "--all", description = "Show every tensor instead of each operation's worst.")
    private boolean all;

    private static int width(Function<VerifyCase, String> column) {
        return 2 + CASES.stream().map(column).mapToInt(String::length).max().orElse(0);
    }

    @Override
    public Integer call() {
        computing.check(this);
        Backend backend = computing.open(this);
        out().println(row("operation", "shape", "tensor", "error", "tolerance", "", "runs"));
        List<Verification.Result> failed = new ArrayList<>();
        for (VerifyCase verified : CASES) {
            Verification.Result result = Verification.run(
                    verified, backend, PlanOptions.threads(computing.threads()).precision(computing.precision()));
            if (!result.ok()) failed.add(result);
            print(result);
        }
        out().println();
        out().println(CASES.size() + " cases, " + (failed.isEmpty() ? "all right." : failed.size() + " wrong:"));
        for (Verification.Result result : failed) out().println("  " + result.verified() + ": " + result.failures());
        return failed.isEmpty() ? DONE : FAILED;
    }

    private void print(Verification.Result result) {
        VerifyCase verified = result.verified();
        List<Verification.Comparison> shown = all ? result.comparisons() : List.of(result.worst());
        for (Verification.Comparison c : shown) {
            out().println(row(
                    verified.operation(),
                    verified.shape(),
                    c.tensor(),
                    scientific(c.error()),
                    scientific(c.tolerance()),
                    c.ok() && result.complaints().isEmpty() ? "ok" : "FAIL",
                    result.implementation()));
        }
    }

    private static String row(
            String operation,
            String shape,
            String tensor,
            String error,
            String tolerance,
            String verdict,
            String runs) {
        return (Text.left(operation, OPERATION) + Text.left(shape, SHAPE) + Text.left(tensor, TENSOR)
                        + Text.right(error, NUMBER) + "  " + Text.right(tolerance, NUMBER) + "  "
                        + Text.left(verdict, 6)
                        + runs)
                .stripTrailing();
    }

    /** {@code 1.2e-07}. */
    private static String scientific(double value) {
        if (value == 0 || !Double.isFinite(value)) return value == 0 ? "0" : Double.toString(value);
        int exponent = (int) Math.floor(Math.log10(value));
        double digits = value / Math.pow(10, exponent);
        return Text.fixed(digits, 1) + "e" + (exponent < 0 ? "-" : "+") + Text.twoDigits(Math.abs(exponent));
    }
}
