package dev.ondine.bench.compare;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** What both sides run: {@code ondine bench} by these arguments, {@code torch_bench.py} by this name. */
enum Workload {
    RESNET20("resnet20", true, "--workload", "resnet20", "--batch", "128"),
    RESNET18_CIFAR("resnet18-cifar", true, "--workload", "resnet18-cifar", "--batch", "128"),
    RESNET50("resnet50", true, "--workload", "resnet50", "--batch", "16"),
    BN("bn", true, "--workload", "bn"),
    CONV3X3("conv3x3", true, "--workload", "conv3x3"),
    MLP("mlp", false, "--workload", "mlp", "--batch", "64"),
    AUTOENCODER("autoencoder", true, "--workload", "autoencoder", "--batch", "128"),
    RESNET50_INFER_1("resnet50-infer-1", true, "--workload", "resnet50-infer", "--batch", "1"),
    RESNET50_INFER_16("resnet50-infer-16", true, "--workload", "resnet50-infer", "--batch", "16");

    private final String label;
    private final boolean images;
    private final List<String> ondine;

    Workload(String label, boolean images, String... ondine) {
        this.label = label;
        this.images = images;
        this.ondine = List.of(ondine);
    }

    /** The workload of this name; an error lists all. */
    static Workload of(String name) {
        return Arrays.stream(values())
                .filter(w -> w.label.equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no workload is called '" + name + "'; there are "
                        + Arrays.stream(values()).map(Workload::toString).collect(Collectors.joining(", "))));
    }

    /** The arguments of {@code ondine bench}. */
    List<String> ondine() {
        return ondine;
    }

    /** Whether its tensors have axes of space, so that channels-first and channels-last differ. */
    boolean images() {
        return images;
    }

    /** The name of it, on both sides. */
    @Override
    public String toString() {
        return label;
    }
}
