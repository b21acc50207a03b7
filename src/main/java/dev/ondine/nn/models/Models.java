package dev.ondine.nn.models;

import dev.ondine.io.onnx.OnnxNetwork;
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
        forMnist();
        forCifar();
        forImageNet();
        forPixels();
    }

    private static void forMnist() {
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
                "vit-bn-tiny",
                "transformer of 4 blocks with batch norm, a token for 4x4 pixels",
                MNIST,
                10,
                VisionTransformers::tiny);
    }

    private static void forCifar() {
        for (int depth : new int[] {20, 32, 56, 110}) {
            classifier(
                    "resnet" + depth,
                    "ResNet for CIFAR, projection shortcuts",
                    CIFAR,
                    10,
                    (image, classes) -> ResNets.cifar(depth, channels(image), classes));
        }
        for (int depth : new int[] {20, 32, 56, 110}) {
            classifier(
                    "resnet" + depth + "-a",
                    "ResNet for CIFAR as in the paper, shortcuts padded with zeros",
                    CIFAR,
                    10,
                    (image, classes) -> ResNets.cifar(depth, channels(image), classes, ResNets.Shortcut.PADDED));
        }
        classifier(
                "resnet18-cifar",
                "ResNet-18 with a 3x3 stem",
                CIFAR,
                10,
                (image, classes) -> ResNets.resnet18Cifar(channels(image), classes));
        for (int width : new int[] {2, 4, 10}) {
            classifier(
                    "wrn28-" + width,
                    "WRN-28-" + width + ", wide ResNet",
                    CIFAR,
                    10,
                    (image, classes) -> WideResNets.of(28, width, 0, channels(image), classes));
        }
        classifier(
                "densenet-bc100",
                "DenseNet-BC of 100 layers, growth 12",
                CIFAR,
                10,
                (image, classes) -> DenseNets.cifar(100, 12, channels(image), classes));
        for (int depth : new int[] {11, 16}) {
            classifier(
                    "vgg" + depth + "-bn-cifar",
                    "VGG with one linear layer",
                    CIFAR,
                    10,
                    (image, classes) -> Vgg.cifar(depth, channels(image), classes));
        }
    }

    private static void forImageNet() {
        classifier(
                "resnet18",
                "torchvision's resnet18",
                IMAGENET,
                1000,
                (image, classes) -> ResNets.resnet18(channels(image), classes));
        classifier(
                "resnet34",
                "torchvision's resnet34",
                IMAGENET,
                1000,
                (image, classes) -> ResNets.resnet34(channels(image), classes));
        classifier(
                "resnet50",
                "torchvision's resnet50, version 1.5",
                IMAGENET,
                1000,
                (image, classes) -> ResNets.resnet50(channels(image), classes));
        classifier(
                "resnet101",
                "torchvision's resnet101, version 1.5",
                IMAGENET,
                1000,
                (image, classes) -> ResNets.resnet101(channels(image), classes));
        classifier(
                "resnext50",
                "torchvision's resnext50_32x4d",
                IMAGENET,
                1000,
                (image, classes) -> ResNets.resnext50(channels(image), classes));
        classifier(
                "mobilenetv2",
                "torchvision's mobilenet_v2",
                IMAGENET,
                1000,
                (image, classes) -> MobileNetV2.of(channels(image), classes));
        classifier(
                "densenet121",
                "torchvision's densenet121",
                IMAGENET,
                1000,
                (image, classes) -> DenseNets.densenet121(channels(image), classes));
        classifier(
                "vgg11-bn", "torchvision's vgg11_bn", IMAGENET, 1000, (image, classes) -> Vgg.of(11, image, classes));
        classifier(
                "vgg16-bn", "torchvision's vgg16_bn", IMAGENET, 1000, (image, classes) -> Vgg.of(16, image, classes));
    }

    private static void forPixels() {
        Shape grey = Shape.of(1, 32, 32);
        images(
                "autoencoder",
                "three strided convolutions and back",
                grey,
                0,
                Task.RECONSTRUCTION,
                (image, _) -> Autoencoders.convolutional(image));
        images(
                "denoising-autoencoder",
                "autoencoder that in training sees 70 % of its input's elements",
                grey,
                0,
                Task.RECONSTRUCTION,
                (image, _) -> Autoencoders.denoising(image, 0.3));
        images(
                "unet-small",
                "U-Net of 16 to 128 channels",
                Shape.of(3, 128, 128),
                2,
                Task.SEGMENTATION,
                (image, classes) -> new UNet(channels(image), classes, 16, 3));
        images(
                "unet",
                "U-Net of 64 to 1024 channels",
                Shape.of(3, 256, 256),
                2,
                Task.SEGMENTATION,
                (image, classes) -> UNet.of(channels(image), classes));
        images(
                "unet-bilinear",
                "U-Net of 64 to 512 channels, bilinear interpolation on the way up",
                Shape.of(3, 256, 256),
                2,
                Task.SEGMENTATION,
                (image, classes) -> UNet.of(channels(image), classes).bilinear(true));
    }

    private Models() {}

    private static void classifier(
            String name, String description, Shape sample, int classes, ModelEntry.Factory factory) {
        images(name, description, sample, classes, Task.CLASSIFICATION, factory);
    }

    /** A network that takes nothing but images. */
    private static void images(
            String name, String description, Shape sample, int classes, Task task, ModelEntry.Factory factory) {
        add(new ModelEntry(name, description, sample, classes, task, (image, n) -> {
            if (image.rank() != 3) {
                throw new IllegalArgumentException(
                        name + " takes images (channels, height, width), not samples of the shape " + image);
            }
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

    /** Whether this names a network from a file and not one of the zoo: {@code onnx:model.onnx}. */
    public static boolean isImported(String name) {
        return name.startsWith(ImportedModels.PREFIX);
    }

    /**
     * The network of this name; one like {@code onnx:model.onnx} is a classifier from that file.
     *
     * @throws IllegalArgumentException for an unknown name, with the nearest and all known ones; for a file that cannot be used
     */
    public static ModelEntry get(String name) {
        if (isImported(name)) return ImportedModels.get(name);
        ModelEntry entry = BY_NAME.get(name);
        if (entry == null) {
            throw new IllegalArgumentException("no model is called '" + name + "'; the nearest is '"
                    + Names.nearest(name, BY_NAME.keySet()) + "', and there are " + String.join(", ", names()));
        }
        return entry;
    }

    /**
     * A classifier from an ONNX file.
     *
     * @param name what it is called
     * @throws IllegalArgumentException if it takes more than single samples of one shape
     */
    public static ModelEntry imported(String name, OnnxNetwork network) {
        return ImportedModels.of(name, network);
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

    private static int channels(Shape image) {
        return Math.toIntExact(image.dim(0));
    }
}
