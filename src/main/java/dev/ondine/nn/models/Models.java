package dev.ondine.nn.models;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Names;
import dev.ondine.nn.models.ModelEntry.Task;
import dev.ondine.tensor.Shape;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** The zoo: whole networks by name. Each family has a class of its own, with what can be varied. */
public final class Models {
    private static final Shape MNIST = Shape.of(1, 28, 28);
    private static final Shape CIFAR = Shape.of(3, 32, 32);
    private static final Shape IMAGENET = Shape.of(3, 224, 224);

    private static final SequencedMap<String, ModelEntry> BY_NAME = new LinkedHashMap<>();

    static {
        add(new ModelEntry(
                "mlp-bn",
                "two hidden layers of 256",
                MNIST,
                10,
                Task.CLASSIFICATION,
                (sample, classes) -> Mlp.of(Math.toIntExact(sample.elements()), 256, classes)));
        classifier("lenet-bn", "LeNet in Caffe's size", MNIST, 10, LeNet::of);
        classifier(
                "cnn-bn",
                "six 3x3 convolutions in three stages",
                MNIST,
                10,
                (image, classes) -> Cnn.of(channels(image), classes));
        classifier(
                "resnet20",
                "ResNet for CIFAR",
                CIFAR,
                10,
                (image, classes) -> ResNets.cifar(20, channels(image), classes));
        classifier(
                "resnet18-cifar",
                "ResNet-18 with a small stem",
                CIFAR,
                10,
                (image, classes) -> ResNets.resnet18Cifar(channels(image), classes));
        classifier(
                "resnet18",
                "torchvision's",
                IMAGENET,
                1000,
                (image, classes) -> ResNets.resnet18(channels(image), classes));
        classifier(
                "resnet34",
                "torchvision's",
                IMAGENET,
                1000,
                (image, classes) -> ResNets.resnet34(channels(image), classes));
        classifier(
                "resnet50",
                "torchvision's, version 1.5",
                IMAGENET,
                1000,
                (image, classes) -> ResNets.resnet50(channels(image), classes));
        add(new ModelEntry(
                "autoencoder",
                "three strided convolutions and back",
                Shape.of(1, 32, 32),
                0,
                Task.RECONSTRUCTION,
                (image, _) -> Autoencoders.convolutional(image)));
    }

    private Models() {}

    private static void classifier(
            String name, String description, Shape sample, int classes, ModelEntry.Factory factory) {
        add(new ModelEntry(name, description, sample, classes, Task.CLASSIFICATION, (image, n) -> {
            requireImage(name, image);
            return factory.create(image, n);
        }));
    }

    private static void add(ModelEntry entry) {
        BY_NAME.putLast(entry.name(), entry);
    }

    /** All of them, family by family. */
    public static Collection<ModelEntry> all() {
        return Collections.unmodifiableCollection(BY_NAME.sequencedValues());
    }

    /** The names that {@link #get} knows. */
    public static List<String> names() {
        return List.copyOf(BY_NAME.keySet());
    }

    /** Those of the {@link #names} whose networks give logits for a whole sample. */
    public static List<String> classifiers() {
        return BY_NAME.values().stream()
                .filter(entry -> entry.task() == Task.CLASSIFICATION)
                .map(ModelEntry::name)
                .toList();
    }

    /** @throws IllegalArgumentException for an unknown name, with the nearest and all known ones */
    public static ModelEntry get(String name) {
        ModelEntry entry = BY_NAME.get(name);
        if (entry == null) {
            throw new IllegalArgumentException("no model is called '" + name + "'; the nearest is '"
                    + Names.nearest(name, BY_NAME.keySet()) + "', and there are " + String.join(", ", names()));
        }
        return entry;
    }

    /**
     * The network of this name.
     *
     * @param sample the shape of one sample: (channels, height, width)
     * @param classes that it tells apart; without meaning for those that tell none apart
     * @throws IllegalArgumentException for an unknown name, or samples that the network cannot take
     */
    public static Layer create(String name, Shape sample, int classes) {
        return get(name).create(sample, classes);
    }

    private static void requireImage(String name, Shape image) {
        if (image.rank() != 3) {
            throw new IllegalArgumentException(
                    name + " takes images (channels, height, width), not samples of the shape " + image);
        }
    }

    private static int channels(Shape image) {
        return Math.toIntExact(image.dim(0));
    }
}
