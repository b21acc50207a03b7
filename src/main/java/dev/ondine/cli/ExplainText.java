package dev.ondine.cli;

import dev.ondine.backend.PlanReport;
import dev.ondine.backend.PlanReport.Buffer;
import dev.ondine.backend.PlanReport.Operand;
import dev.ondine.backend.PlanReport.Place;
import java.io.PrintWriter;
import java.util.List;
import java.util.stream.Collectors;

/** Prints what {@code ondine explain} found, for people. Tables are at most {@value #WIDTH} columns wide. */
final class ExplainText {
    static final int WIDTH = 120;

    private final PrintWriter out;
    private final ExplainCommand.Explained explained;

    ExplainText(PrintWriter out, ExplainCommand.Explained explained) {
        this.out = out;
        this.explained = explained;
    }

    void print(List<ExplainCommand.Section> sections) {
        out.println(Text.left("Network", 13) + explained.title());
        out.println(Text.left("Backend", 13) + explained.backend());
        if (sections.contains(ExplainCommand.Section.GRAPH)) {
            for (ExplainCommand.Stage stage : explained.stages()) {
                heading("Graph, " + stage.pass() + ": " + stage.graph().nodes().size() + " operations");
                out.print(stage.graph().print());
            }
        }
        if (explained.report().isEmpty()) {
            heading("Plan, as the backend prints it; it does not say more");
            out.print(explained.print());
            out.flush();
            return;
        }
        PlanReport report = explained.report().get();
        if (sections.contains(ExplainCommand.Section.PLAN)) plan(report);
        if (sections.contains(ExplainCommand.Section.MEMORY)) memory(report);
        if (sections.contains(ExplainCommand.Section.SLOW)) slow(report);
        out.flush();
    }

    private void heading(String text) {
        out.println();
        out.println("== " + text);
    }

    private void plan(PlanReport report) {
        String once = report.prologue().isEmpty()
                ? ""
                : ", and " + report.prologue().size() + " once for every change of the parameters";
        heading("Plan: " + report.steps().size() + " steps" + once
                + "; behind each, numbers of the buffers that it reads > writes");
        out.println(line("#", "layer", "operation", "implementation", "layout", "MB", "buffers"));
        for (PlanReport.Step step : report.prologue()) plan(step, "once");
        for (PlanReport.Step step : report.steps()) plan(step, Integer.toString(step.index()));
    }

    private void plan(PlanReport.Step step, String index) {
        out.println(line(
                index,
                step.path(),
                shortName(step.operation()),
                step.implementation(),
                step.layouts(),
                Text.fixed(step.bytes() / 1048576.0, 2),
                ids(step.reads()) + " > " + ids(step.writes())));
    }

    private static String line(
            String index, String layer, String operation, String implementation, String layout, String mb, String ids) {
        String text = Text.right(index, 4) + "  " + column(layer, 20) + column(operation, 29)
                + column(implementation, 21) + column(layout, 17) + Text.right(mb, 7) + "  " + ids;
        return cut(text, WIDTH);
    }

    static String column(String text, int width) {
        return Text.left(cut(text, width - 1), width);
    }

    private static String cut(String text, int width) {
        return text.length() <= width ? text : text.substring(0, width - 1) + "…";
    }

    /** {@code batch_norm forward} for {@code batch_normalization forward_training}. */
    static String shortName(String operation) {
        return operation
                .replace("batch_normalization", "batch_norm")
                .replace("forward_training", "forward")
                .replace("forward_inference", "inference");
    }

    private static String ids(List<Operand> operands) {
        return operands.stream().map(o -> Integer.toString(o.buffer())).collect(Collectors.joining(","));
    }

    private void memory(PlanReport report) {
        long total = report.totalBytes() + explained.state();
        heading("Memory, all of it known before the first step");
        sum("parameters", report.parameterBytes(), "");
        sum(
                "gradients",
                report.gradientBytes(),
                report.gradientsInArena() ? ", where activations lie until they are made" : "");
        sum("optimizer", explained.state(), "");
        int fullest = report.fullestStep();
        long live = report.steps().isEmpty() ? 0 : report.liveBytes(fullest);
        long arenaBuffers =
                report.buffers().stream().filter(b -> b.place() == Place.ARENA).count();
        sum(
                "activations",
                // Besides: the gradients' block is the beginning of the arena.
                report.arenaBytes() - (report.gradientsInArena() ? report.gradientBytes() : 0),
                "; " + arenaBuffers + " buffers, one beside the other " + megabytes(report.unsharedBytes())
                        + "; at step " + fullest + " " + megabytes(live) + " are live");
        sum("in all", total, "");
        out.println();
        out.println(buffer("buffer", "name", "MB", "steps", "at MB", "where"));
        for (Buffer b : report.buffers()) {
            out.println(buffer(
                    Integer.toString(b.id()),
                    b.name(),
                    Text.fixed(b.bytes() / 1048576.0, 3),
                    b.pinned() ? "all" : b.first() + " to " + b.last(),
                    Text.fixed(b.offset() / 1048576.0, 3),
                    where(b)));
        }
    }

    private void sum(String name, long bytes, String more) {
        out.println(Text.left(name, 13) + Text.right(Text.fixed(bytes / 1048576.0, 2), 9) + " MB" + more);
    }

    private static String megabytes(long bytes) {
        return Text.fixed(bytes / 1048576.0, 2) + " MB";
    }

    private static String buffer(String id, String name, String mb, String steps, String at, String where) {
        return cut(
                Text.right(id, 6) + "  " + column(name, 34) + Text.right(mb, 10) + "  " + column(steps, 13)
                        + Text.right(at, 10) + "  " + where,
                WIDTH);
    }

    private String where(Buffer b) {
        String block = switch (b.place()) {
            case ARENA -> "";
            case PARAMETERS -> "in the parameters' block";
            case GRADIENTS -> "in the gradients' block";
        };
        if (!block.isEmpty()) return block;
        if (b.overwrites().isPresent()) return "in place of " + b.overwrites().getAsInt();
        return b.pinned() ? "kept for the caller" : "";
    }

    private void slow(PlanReport report) {
        if (report.slow().isEmpty()) {
            heading("Slow steps: none; every step has a kernel made for this processor, or is a loop of Ondine's");
            return;
        }
        heading("Slow steps: " + report.slow().size() + ", for which oneDNN has only its reference loops");
        for (PlanReport.Slow s : report.slow()) {
            PlanReport.Step step = report.step(s.step());
            out.println((s.step() < 0 ? "once" : "step " + s.step()) + (s.path().isEmpty() ? "" : ", " + s.path())
                    + ": " + step.operation() + " by " + step.implementation());
            for (PlanReport.Attempt attempt : s.attempts()) {
                out.println("    asked for  " + attempt.request());
                out.println("    answer     " + attempt.answer());
            }
            out.println("    cure       " + s.cure());
        }
    }
}
