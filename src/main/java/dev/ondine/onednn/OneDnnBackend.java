package dev.ondine.onednn;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.backend.Team;
import dev.ondine.backend.UnsupportedPrecisionException;
import dev.ondine.graph.EmulateBfloat16;
import dev.ondine.graph.Fold;
import dev.ondine.graph.Fuse;
import dev.ondine.graph.Graph;
import dev.ondine.graph.MixedPrecision;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OpenMp;
import dev.ondine.onednn.api.OpenMpTeam;
import dev.ondine.profile.Processor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.IntFunction;

/** The native backend: oneDNN's primitives on the CPU. */
public final class OneDnnBackend implements Backend {
    private static final int MOST_THREADS = 256;

    /** Makes the tuner of a plan on so many threads; gives {@code null} for none. */
    private final IntFunction<Tuner> tuners;

    private final boolean ownKernels;
    private final Rematerialization again;

    /** A backend; oneDNN is loaded when the first graph is compiled. Kernels are chosen by rule. */
    public OneDnnBackend() {
        this(_ -> null, true, Rematerialization.LARGE);
    }

    /** A backend whose plans choose their kernels as these tuners do. */
    OneDnnBackend(IntFunction<Tuner> tuners) {
        this(tuners, true, Rematerialization.LARGE);
    }

    private OneDnnBackend(IntFunction<Tuner> tuners, boolean ownKernels, Rematerialization again) {
        this.tuners = tuners;
        this.ownKernels = ownKernels;
        this.again = again;
    }

    /**
     * A backend that chooses kernels by timing them, where the rule is not sure to be right: convolutions. The first plan for a
     * shape takes seconds longer; what was found is kept in the cache folder, in a file for this processor, build of oneDNN and
     * number of threads. Another kernel adds in another order: results agree with those of an untuned plan within rounding, and are the
     * same to the bit from run to run as long as that file is kept.
     */
    public OneDnnBackend tuned(boolean tuned) {
        return tuned
                ? new OneDnnBackend(threads -> new Tuner(TuningCache.open(tuningFile(threads))), ownKernels, again)
                : new OneDnnBackend(_ -> null, ownKernels, again);
    }

    /**
     * A backend whose plans that train take {@code native/}'s kernels where they are there and can do it, as they do by default, or
     * leave all to oneDNN. The results agree within rounding.
     */
    public OneDnnBackend ownKernels(boolean own) {
        return new OneDnnBackend(tuners, own, again);
    }

    /** A backend whose plans that train make certain activations again for the gradient, by default large ones. */
    OneDnnBackend rematerializing(Rematerialization again) {
        return new OneDnnBackend(tuners, ownKernels, again);
    }

    @Override
    public String name() {
        return "onednn";
    }

    /**
     * {@inheritDoc}
     *
     * @throws dev.ondine.backend.BackendUnavailableException if oneDNN cannot be loaded on this machine
     * @throws UnsupportedPrecisionException if bfloat16 is asked for and this processor does not multiply it
     * @throws IllegalStateException if the graph trains and {@code -Dondine.native.path} names a library that cannot be used
     */
    @Override
    public OneDnnPlan compile(Graph graph, PlanOptions options) {
        OneDnn.load();
        int most = Math.max(MOST_THREADS, 4 * Runtime.getRuntime().availableProcessors());
        if (options.threads() > most) {
            // OpenMP ends the process if the system refuses it a thread.
            throw new IllegalArgumentException("asked for " + options.threads() + " threads; at most " + most
                    + " are accepted, and more than the processors that are free only slow a plan down");
        }
        if (options.threads() > OpenMp.threadLimit()) {
            throw new IllegalArgumentException(
                    "asked for " + options.threads() + " threads, but OMP_THREAD_LIMIT allows " + OpenMp.threadLimit()
                            + ": ask for fewer, or raise the limit in the environment");
        }
        // Kernels are generated for the number of threads that is set when they are created.
        OpenMp.setThreads(options.threads());
        return options.frozen().isPresent()
                ? options.frozen().get().compiling(() -> build(graph, options))
                : build(graph, options);
    }

    private OneDnnPlan build(Graph graph, PlanOptions options) {
        Arena arena = Arena.ofShared();
        try {
            boolean folding = options.folding();
            Graph fused = fused(folding ? Fold.apply(graph) : graph, options.precision());
            boolean training = fused.parameters().stream().anyMatch(fused.gradients()::containsKey);
            if (training && options.frozen().isPresent()) {
                throw new IllegalArgumentException("a graph with gradients of its parameters cannot have them frozen");
            }
            ParameterBlock parameters = options.frozen().isPresent()
                    ? ParameterBlock.frozen(fused.parameters())
                    : options.sharedParameters().isPresent()
                            ? ParameterBlock.sharing(
                                    shared(options.sharedParameters().get()), fused.parameters(), training)
                            : ParameterBlock.create(fused.parameters(), training);
            Team team = new OpenMpTeam(options.threads());
            Tuner tuner = tuners.apply(options.threads());
            // They run on oneDNN's team, if that can be had.
            boolean theirTeam = options.threads() == 1 || OpenMpTeam.isAvailable();
            Optional<OwnKernels> own = training && ownKernels && theirTeam ? OwnKernels.best() : Optional.empty();
            Lowering lowering = new Lowering(fused, arena, parameters, options, folding, team, tuner, own, again);
            lowering.run();
            if (tuner != null) tuner.save();
            return new OneDnnPlan(lowering, arena, parameters, options.threads(), options.frozen());
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private static Path tuningFile(int threads) {
        String name = TuningCache.fileName(
                Processor.key(), OneDnn.effectiveIsa().name(), OneDnn.version().toString(), threads);
        return OneDnn.cacheFolder().resolve("tuning").resolve(name);
    }

    /** In bfloat16 every result is rounded before it is processed further, so that there are no epilogues. */
    private static Graph fused(Graph graph, Precision precision) {
        return switch (precision) {
            case FLOAT32 -> Fuse.apply(graph);
            case BFLOAT16 -> {
                requireBfloat16();
                yield MixedPrecision.apply(Fuse.applyWithoutEpilogues(graph));
            }
            case BFLOAT16_EMULATED -> EmulateBfloat16.apply(MixedPrecision.apply(Fuse.applyWithoutEpilogues(graph)));
        };
    }

    /**
     * @throws UnsupportedPrecisionException unless this processor multiplies bfloat16; says what to do
     * @throws dev.ondine.backend.BackendUnavailableException if oneDNN cannot be loaded on this machine
     */
    public static void requireBfloat16() {
        if (OneDnn.supportsBfloat16()) return;
        throw new UnsupportedPrecisionException("bf16 needs a processor that multiplies bfloat16 (AVX512_BF16 or AMX),"
                + " and oneDNN uses " + OneDnn.effectiveIsa() + " here: take f32, which is faster on this one, or"
                + " bf16-emulated, which gives the numbers of bf16 without its speed");
    }

    private static ParameterBlock shared(Plan plan) {
        if (plan instanceof OneDnnPlan p) return p.parameterBlock();
        throw new IllegalArgumentException(
                "a plan of the native backend can share parameters only with another of it, not "
                        + plan.getClass().getSimpleName());
    }
}
