package dev.ondine.profile;

import dev.ondine.backend.PlanReport;
import dev.ondine.backend.PlanReport.Buffer;
import dev.ondine.backend.PlanReport.Kind;
import dev.ondine.backend.PlanReport.Place;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A picture of a plan's arena, as SVG: steps from left to right, addresses upwards, a rectangle a buffer over its life and place. */
public final class MemoryMap {
    private static final double WIDTH = 1500;
    private static final double HEIGHT = 640;
    private static final double LEFT = 70;
    private static final double TOP = 34;
    private static final double BOTTOM = 76;
    private static final double RIGHT = 12;

    private final PlanReport plan;
    private final StringBuilder svg = new StringBuilder();
    private final double perStep;
    private final double perByte;

    private MemoryMap(PlanReport plan) {
        this.plan = plan;
        this.perStep = (WIDTH - LEFT - RIGHT) / Math.max(1, plan.steps().size());
        this.perByte = (HEIGHT - TOP - BOTTOM) / Math.max(1, plan.arenaBytes());
    }

    /** The picture. Its colours tell the kind of step that writes a buffer first; grey is what the caller reads or writes. */
    public static String of(PlanReport plan, String title) {
        return new MemoryMap(plan).draw(title);
    }

    private String draw(String title) {
        svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ")
                .append(Svg.number(WIDTH))
                .append(' ')
                .append(Svg.number(HEIGHT))
                .append("\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#202124\">\n");
        svg.append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        svg.append(Svg.text(
                LEFT,
                20,
                "font-size=\"15\"",
                title + ": an arena of " + Svg.megabytes(plan.arenaBytes()) + " for "
                        + arenaBuffers().size() + " buffers of " + Svg.megabytes(plan.unsharedBytes())));
        axes();
        Map<Integer, Kind> writers = writers();
        Set<Kind> kinds = EnumSet.noneOf(Kind.class);
        svg.append("<g stroke=\"#ffffff\" stroke-width=\"0.4\">\n");
        // Those that are written in another's place lie over it.
        for (Buffer b : arenaBuffers()) if (b.overwrites().isEmpty()) rectangle(b, writers, kinds);
        for (Buffer b : arenaBuffers()) if (b.overwrites().isPresent()) rectangle(b, writers, kinds);
        svg.append("</g>\n");
        legend(kinds);
        return svg.append("</svg>\n").toString();
    }

    private List<Buffer> arenaBuffers() {
        return plan.buffers().stream().filter(b -> b.place() == Place.ARENA).toList();
    }

    private void rectangle(Buffer b, Map<Integer, Kind> writers, Set<Kind> kinds) {
        if (b.last() < 0) return; // Of the prologue only.
        int first = Math.max(0, b.first());
        Optional<Kind> kind = b.pinned() ? Optional.empty() : Optional.ofNullable(writers.get(b.id()));
        kind.ifPresent(kinds::add);
        double height = Math.max(0.3, b.bytes() * perByte);
        svg.append(Svg.rectangle(
                LEFT + first * perStep,
                y(b.offset()) - height,
                (b.last() - first + 1) * perStep,
                height,
                Svg.color(kind),
                tooltip(b)));
    }

    private double y(long offset) {
        return HEIGHT - BOTTOM - offset * perByte;
    }

    private String tooltip(Buffer b) {
        String text = b.name() + ", " + Svg.megabytes(b.bytes()) + " at " + Svg.megabytes(b.offset()) + ", steps "
                + b.first() + " to " + b.last();
        if (b.pinned()) return text + ", kept for the caller";
        if (b.overwrites().isPresent()) {
            text += ", in place of "
                    + plan.buffers().get(b.overwrites().getAsInt()).name();
        }
        PlanReport.Step first = plan.step(b.first());
        return text + "; first: " + first.path() + " " + first.operation();
    }

    /** The kind of the first step that writes each buffer. */
    private Map<Integer, Kind> writers() {
        Map<Integer, Kind> writers = new HashMap<>();
        for (PlanReport.Step step : plan.steps()) {
            for (PlanReport.Operand o : step.writes()) writers.putIfAbsent(o.buffer(), step.kind());
        }
        return writers;
    }

    private void axes() {
        double bottom = HEIGHT - BOTTOM;
        svg.append("<g stroke=\"#dadce0\">\n");
        for (int i = 0; i <= 4; i++) {
            double y = y(plan.arenaBytes() * i / 4);
            svg.append("<line x1=\"" + LEFT + "\" x2=\"" + (WIDTH - RIGHT) + "\" y1=\"" + Svg.number(y) + "\" y2=\""
                    + Svg.number(y) + "\"/>\n");
        }
        svg.append("</g>\n");
        for (int i = 0; i <= 4; i++) {
            long bytes = plan.arenaBytes() * i / 4;
            svg.append(Svg.text(LEFT - 6, y(bytes) + 4, "text-anchor=\"end\"", Svg.megabytes(bytes)));
        }
        int steps = plan.steps().size();
        int every = Math.max(1, Math.ceilDiv(steps, 20));
        for (int i = 0; i < steps; i += every) {
            svg.append(
                    Svg.text(LEFT + (i + 0.5) * perStep, bottom + 16, "text-anchor=\"middle\"", Integer.toString(i)));
        }
        svg.append(Svg.text((LEFT + WIDTH) / 2, bottom + 34, "text-anchor=\"middle\"", "step"));
    }

    private void legend(Set<Kind> kinds) {
        double x = LEFT;
        double y = HEIGHT - 16;
        for (Kind kind : kinds) x = entry(x, y, Svg.color(Optional.of(kind)), kind.toString());
        entry(x, y, Svg.NEUTRAL, "kept for the caller");
    }

    private double entry(double x, double y, String color, String name) {
        svg.append(Svg.rectangle(x, y - 10, 12, 12, color, name));
        svg.append(Svg.text(x + 16, y, "", name));
        return x + 34 + 6.6 * name.length();
    }
}
