package dev.ondine.peers.dl4j;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** One workload on Deeplearning4j; prints a line like {@code ../pytorch/torch_bench.py}'s. */
public final class Dl4jBench {
    private static final int WARM_UP = 3;
    private static final int LEAST = 5;

    private Dl4jBench() {}

    /** Arguments: workload, seconds, threads. */
    public static void main(String[] args) throws Exception {
        String workload = args[0];
        double seconds = Double.parseDouble(args[1]);
        int threads = Integer.parseInt(args[2]);
        Nd4j.getEnvironment().setMaxThreads(threads);
        Nd4j.getEnvironment().setMaxMasterThreads(threads);
        Nd4j.getRandom().setSeed(0);
        switch (workload) {
            case "resnet20" -> {
                ComputationGraph net = new ComputationGraph(Networks.resnet20());
                net.init();
                DataSet batch = new DataSet(Nd4j.randn(DataType.FLOAT, 128, 3, 32, 32), classes(128));
                print(workload, 128, time(() -> net.fit(batch), seconds), threads);
            }
            case "mlp" -> {
                MultiLayerNetwork net = new MultiLayerNetwork(Networks.mlp());
                net.init();
                DataSet batch = new DataSet(Nd4j.randn(DataType.FLOAT, 64, 784), classes(64));
                print(workload, 64, time(() -> net.fit(batch), seconds), threads);
            }
            case "autoencoder" -> {
                MultiLayerNetwork net = new MultiLayerNetwork(Networks.autoencoder());
                net.init();
                INDArray x = Nd4j.randn(DataType.FLOAT, 128, 1, 32, 32);
                DataSet batch = new DataSet(x, x);
                print(workload, 128, time(() -> net.fit(batch), seconds), threads);
            }
            case "bn" -> norm(workload, seconds, threads);
            default -> {
                System.err.println("dl4j has no workload '" + workload + "'; there are resnet20, mlp, autoencoder, bn");
                System.exit(2);
            }
        }
    }

    /** The layer itself, forward in training and backward, outside of a network's workspaces. */
    private static void norm(String workload, double seconds, int threads) throws Exception {
        MultiLayerNetwork net = new MultiLayerNetwork(Networks.norm());
        net.init();
        net.initGradientsView();
        net.setInputMiniBatchSize(64);
        INDArray x = Nd4j.randn(DataType.FLOAT, 64, 64, 56, 56);
        INDArray dy = Nd4j.randn(DataType.FLOAT, 64, 64, 56, 56);
        LayerWorkspaceMgr workspaces = LayerWorkspaceMgr.noWorkspaces();
        Runnable step = () -> {
            net.getLayer(0).setInput(x, workspaces);
            net.getLayer(0).activate(true, workspaces);
            net.getLayer(0).backpropGradient(dy, workspaces);
        };
        print(workload, 64, time(step, seconds), threads);
    }

    private static INDArray classes(int n) {
        INDArray oneHot = Nd4j.zeros(DataType.FLOAT, n, 10);
        Random random = new Random(1);
        for (int i = 0; i < n; i++) oneHot.putScalar(i, random.nextInt(10), 1);
        return oneHot;
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

    private static void print(String workload, int images, Timing timing, int threads) throws Exception {
        System.out.printf(
                Locale.ROOT,
                "peer=dl4j-1.0.0-M2.1 workload=%s dtype=f32 layout=nchw threads=%d images_per_s=%.2f ms_per_step=%.4f steps=%d"
                        + " peak_rss_mb=%.1f%n",
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
