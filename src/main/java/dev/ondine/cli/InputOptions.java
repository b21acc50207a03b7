package dev.ondine.cli;

import dev.ondine.data.Augmentation;
import dev.ondine.data.BatchAhead;
import dev.ondine.data.ColorJitter;
import dev.ondine.data.Cutout;
import dev.ondine.data.HorizontalFlip;
import dev.ondine.data.ImageTransform;
import dev.ondine.data.Mixing;
import dev.ondine.data.RandomCrop;
import dev.ondine.data.RandomRotation;
import dev.ondine.train.Loss;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** What is done to the samples before a network learns from them: the options of train and of profile. */
final class InputOptions {
    @Option(
            names = "--shift",
            paramLabel = "PIXELS",
            description =
                    "Shift training images at random by so much at most, and fill with black. Default: 4 for cifar10,"
                            + " else 0.")
    private Integer shift;

    @Option(
            names = "--mirror",
            negatable = true,
            description = "Mirror every other training image. Default: for cifar10.")
    private Boolean mirror;

    @Option(
            names = "--rotate",
            paramLabel = "DEGREES",
            description = "Turn training images by so much at most, either way. Default: ${DEFAULT-VALUE}.")
    private double rotate;

    @Option(
            names = "--jitter",
            paramLabel = "X",
            description = "Change brightness, contrast and saturation by factors from 1 - X to 1 + X. Default:"
                    + " ${DEFAULT-VALUE}.")
    private double jitter;

    @Option(names = "--cutout", paramLabel = "PIXELS", description = "Cover a square of this size. Default: 0, none.")
    private int cutout;

    @Option(
            names = "--mixup",
            paramLabel = "A",
            description = "Mix pairs of images and their classes, in a ratio from Beta(A, A). Default: 0, not at all.")
    private double mixup;

    @Option(
            names = "--cutmix",
            paramLabel = "A",
            description =
                    "Exchange rectangles within pairs of images, and classes by area; the ratio is from Beta(A, A)."
                            + " With --mixup either happens to a pair. Default: 0, not at all.")
    private double cutmix;

    @Option(
            names = "--workers",
            paramLabel = "N",
            description = "Threads that prepare batches. More help only where an epoch's line says that it waited for"
                    + " input; the batches are the same. Default: ${DEFAULT-VALUE}.")
    private int workers = BatchAhead.DEFAULT_WORKERS;

    /** Checks the options; to be called before anything else. */
    void check(Command command) {
        if (shift != null) command.require(shift >= 0, "--shift", "at least 0", shift);
        command.require(rotate >= 0 && rotate <= 180, "--rotate", "from 0 to 180 degrees", rotate);
        command.require(jitter >= 0 && jitter <= 1, "--jitter", "from 0 to 1", jitter);
        command.require(cutout >= 0, "--cutout", "at least 0", cutout);
        command.require(mixup >= 0 && Double.isFinite(mixup), "--mixup", "0 or more", mixup);
        command.require(cutmix >= 0 && Double.isFinite(cutmix), "--cutmix", "0 or more", cutmix);
        command.require(workers > 0, "--workers", "at least 1", workers);
    }

    /** Refuses what is about classes, for a model that tells none apart; after {@link #check}. */
    void requireNoClasses(Command command) {
        if (mixup == 0 && cutmix == 0) return;
        throw command.wrong(
                mixup > 0 ? "--mixup" : "--cutmix",
                "the model gives back its input: there are no classes to mix with the images");
    }

    /** Makes the defaults that depend on the data values that were given, for whoever repeats the run from its options. */
    void settle(String data) {
        shift = shift(data);
        mirror = mirror(data);
    }

    Augmentation augmentation(String data) {
        List<ImageTransform> transforms = new ArrayList<>();
        if (shift(data) > 0) transforms.add(new RandomCrop(shift(data)));
        if (mirror(data)) transforms.add(new HorizontalFlip());
        if (rotate > 0) transforms.add(new RandomRotation((float) rotate));
        if (jitter > 0) transforms.add(new ColorJitter((float) jitter));
        if (cutout > 0) transforms.add(new Cutout(cutout));
        return new Augmentation(transforms, new Mixing(mixup, cutmix));
    }

    private int shift(String data) {
        return shift != null ? shift : photographs(data) ? 4 : 0;
    }

    private boolean mirror(String data) {
        return mirror != null ? mirror : photographs(data);
    }

    private static boolean photographs(String data) {
        return data.startsWith("cifar10:");
    }

    /** Cross-entropy in the form that takes what becomes of the targets. */
    Loss loss(Loss.CrossEntropy loss) {
        boolean mixed = mixup > 0 || cutmix > 0;
        return mixed ? Loss.softCrossEntropy().smoothing(loss.smoothing()) : loss;
    }

    int workers() {
        return workers;
    }

    /** Adds all to a log line. */
    void log(Map<String, Object> line, String data) {
        line.put("shift", shift(data));
        line.put("mirror", mirror(data));
        line.put("rotate", rotate);
        line.put("jitter", jitter);
        line.put("cutout", cutout);
        line.put("mixup", mixup);
        line.put("cutmix", cutmix);
        line.put("workers", workers);
    }
}
