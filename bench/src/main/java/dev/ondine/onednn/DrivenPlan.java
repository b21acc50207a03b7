package dev.ondine.onednn;

import dev.ondine.onednn.api.NativeSequence;
import dev.ondine.onednn.api.OpenMp;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One plan, run in two ways: as it runs always, and with every stretch of primitives and kernels in C between two Java kernels driven by a
 * loop in C, one downcall a stretch. The primitives, their arguments and their memory are the same; the Java kernels run in Java both times.
 */
public final class DrivenPlan implements AutoCloseable {
    /** A stretch of primitives and kernels in C, or a Java kernel. */
    private sealed interface Part {
        record Primitives(NativeSequence sequence) implements Part {}

        record Kernel(Step step) implements Part {}
    }

    private final OneDnnPlan plan;
    private final int threads;
    private final Arena arena = Arena.ofShared();
    private final Part[] parts;

    /**
     * A plan to drive; it stays the caller's and must be open as long as this.
     *
     * @param library libondine
     */
    public DrivenPlan(OneDnnPlan plan, int threads, Path library) {
        this.plan = plan;
        this.threads = threads;
        List<Part> all = new ArrayList<>();
        List<NativeSequence.Item> stretch = new ArrayList<>();
        for (Step step : plan.steps()) {
            switch (step) {
                case PrimitiveStep p -> stretch.add(new NativeSequence.Item.Run(p.execution()));
                case OwnStep own -> stretch.add(new NativeSequence.Item.Own(own.address(), own.arguments()));
                default -> {
                    flush(all, stretch, library);
                    all.add(new Part.Kernel(step));
                }
            }
        }
        flush(all, stretch, library);
        this.parts = all.toArray(Part[]::new);
    }

    private void flush(List<Part> all, List<NativeSequence.Item> stretch, Path library) {
        if (stretch.isEmpty()) return;
        all.add(new Part.Primitives(new NativeSequence(arena, library, stretch)));
        stretch.clear();
    }

    /** As the plan runs itself. */
    public void runFromJava(long step) {
        plan.run(step);
    }

    /** The same steps, their primitives called by C. */
    public void runFromC(long step) {
        synchronized (plan.parameterBlock().lock()) {
            plan.graph(); // throws if the plan is closed
            OpenMp.setThreads(threads);
            for (Part part : parts) {
                switch (part) {
                    case Part.Primitives p -> p.sequence.run();
                    case Part.Kernel k -> k.step.run(step);
                }
            }
        }
    }

    /** How many steps are calls into C: of oneDNN's primitives, and of Ondine's own kernels. */
    public int primitives() {
        int n = 0;
        for (Part part : parts) if (part instanceof Part.Primitives p) n += p.sequence.size();
        return n;
    }

    /** How many downcalls take their place. */
    public int stretches() {
        int n = 0;
        for (Part part : parts) if (part instanceof Part.Primitives) n++;
        return n;
    }

    /** The names of the steps that Java calls on both sides: loops in Java. */
    public String kernels() {
        List<String> names = plan.stepNames();
        return IntStream.range(0, names.size())
                .filter(i -> plan.specs().get(i) instanceof StepSpec.Kernel)
                .mapToObj(names::get)
                .collect(Collectors.joining(", "));
    }

    @Override
    public void close() {
        arena.close();
    }
}
