package dev.ondine.peers.djl;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/** One workload on DJL with PyTorch; prints a line like {@code ../pytorch/torch_bench.py}'s. */
public final class DjlBench {
    private static final int WARM_UP = 3;
    private static final int LEAST = 5;

    private DjlBench() {}

    /** Arguments: workload, seconds, threads. */
    public static void main(String[] args) throws Exception {
        String workload = args[0];
        double seconds = Double.parseDouble(args[1]);
        System.setProperty("ai.djl.pytorch.num_threads", args[2]);
        switch (workload) {
            case "resnet20" -> train(workload, Networks.resnet20(), new Shape(128, 3, 32, 32), 10, seconds, args[2]);
            case "mlp" -> train(workload, Networks.mlp(), new Shape(64, 784), 10, seconds, args[2]);
            case "autoencoder" -> System.out.println("peer=djl workload=autoencoder: not to be had,"
                    + " DJL's PyTorch engine implements no transposed convolution");
            case "bn" -> norm(workload, new Shape(64, 64, 56, 56), seconds, args[2]);
            default -> {
                System.err.println("djl has no workload '" + workload + "'; there are resnet20, mlp, bn");
                System.exit(2);
            }
        }
    }

    private static void train(String workload, Block block, Shape shape, int classes, double seconds, String threads)
            throws Exception {
        Loss loss = Loss.softmaxCrossEntropyLoss();
        DefaultTrainingConfig config = new DefaultTrainingConfig(loss)
                .optOptimizer(Optimizer.sgd()
                        .setLearningRateTracker(Tracker.fixed(0.01f))
                        .optMomentum(0.9f)
                        .optWeightDecays(5e-4f)
                        .build());
        try (Model model = Model.newInstance(workload)) {
            model.setBlock(block);
            try (Trainer trainer = model.newTrainer(config)) {
                trainer.initialize(shape);
                NDManager manager = trainer.getManager();
                NDArray x = manager.randomNormal(shape);
                NDArray y = manager.randomInteger(0, classes, new Shape(shape.get(0)), DataType.INT64);
                Runnable step = () -> {
                    // What a step makes goes with its manager; the inputs go back to theirs.
                    try (NDManager temporary = manager.newSubManager()) {
                        temporary.tempAttachAll(x, y);
                        try (GradientCollector gradients = trainer.newGradientCollector()) {
                            NDList output = trainer.forward(new NDList(x));
                            gradients.backward(loss.evaluate(new NDList(y), output));
                        }
                        trainer.step();
                    }
                };
                print(workload, shape.get(0), time(step, seconds), threads);
            }
        }
    }

    /** Batch norm alone. The gradient of its result is ones: DJL's gradients begin with nothing else. */
    private static void norm(String workload, Shape shape, double seconds, String threads) throws Exception {
        try (Model model = Model.newInstance(workload)) {
            model.setBlock(Networks.norm());
            try (Trainer trainer = model.newTrainer(new DefaultTrainingConfig(Loss.l2Loss()))) {
                trainer.initialize(shape);
                NDManager manager = trainer.getManager();
                NDArray x = manager.randomNormal(shape);
                x.setRequiresGradient(true);
                Runnable step = () -> {
                    try (NDManager temporary = manager.newSubManager()) {
                        temporary.tempAttachAll(x);
                        try (GradientCollector gradients = trainer.newGradientCollector()) {
                            gradients.backward(trainer.forward(new NDList(x)).singletonOrThrow());
                        }
                    }
                };
                print(workload, shape.get(0), time(step, seconds), threads);
            }
        }
    }

    private record Timing(double seconds, int steps) {}

    private static Timing time(Runnable step, double seconds) {
        for (int i = 0; i < WARM_UP; i++) step.run();
        double[] times = new double[1024];
        int n = 0;
        long end = System.nanoTime() + (long) (seconds * 1e9);
        while (n < LEAST || System.nanoTime() < end) {
            long start = System.nanoTime();
            step.run();
            if (n == times.length) times = Arrays.copyOf(times, 2 * n);
            times[n++] = (System.nanoTime() - start) * 1e-9;
        }
        Arrays.sort(times, 0, n);
        return new Timing((times[n / 2] + times[(n - 1) / 2]) / 2, n);
    }

    private static void print(String workload, long images, Timing timing, String threads) throws Exception {
        Engine engine = Engine.getInstance();
        System.out.printf(
                Locale.ROOT,
                "peer=djl-%s-%s-%s workload=%s dtype=f32 layout=nchw threads=%s images_per_s=%.2f ms_per_step=%.4f steps=%d"
                        + " peak_rss_mb=%.1f%n",
                Engine.getDjlVersion(),
                engine.getEngineName().toLowerCase(Locale.ROOT),
                engine.getVersion(),
                workload,
                threads,
                images / timing.seconds,
                timing.seconds * 1e3,
                timing.steps,
                peakMegabytes());
    }

    /** Of the process, in 10^6 bytes; NaN where the system does not say. */
    private static double peakMegabytes() throws Exception {
        Path status = Path.of("/proc/self/status");
        if (!Files.exists(status)) return Double.NaN;
        try (var lines = Files.lines(status)) {
            return lines.filter(l -> l.startsWith("VmHWM:"))
                    .mapToDouble(l -> Long.parseLong(l.replaceAll("\\D", "")) * 1024e-6)
                    .findFirst()
                    .orElse(Double.NaN);
        }
    }
}
