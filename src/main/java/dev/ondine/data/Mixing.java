package dev.ondine.data;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;

/**
 * Mixes pairs of a batch's images and, in the same ratio, their targets, which become probabilities. Image i of n and image n − 1 − i are
 * a pair (the order is random already); an odd one in the middle stays as it is. The ratio λ is drawn for each pair from
 * Beta(α, α).
 *
 * <p>Mixup (Zhang et al. 2018): λ·a + (1 − λ)·b, and the other way round for b. CutMix (Yun et al. 2019): a rectangle of 1 − λ of the
 * area, its centre any pixel, is exchanged; λ is then what the rectangle has left after being cut off at the image's border. With
 * both, each pair is mixed in one of the two ways, equally likely.
 *
 * @param mixup α, 0 for none; 0.2 is usual, 1 makes every ratio equally likely
 * @param cutmix α, 0 for none; 1 is usual
 */
public record Mixing(double mixup, double cutmix) {
    /** Nothing is mixed. */
    public static final Mixing NONE = new Mixing(0, 0);

    /** @throws IllegalArgumentException if one is below 0 or not finite */
    public Mixing {
        for (double alpha : new double[] {mixup, cutmix}) {
            if (!(alpha >= 0 && alpha < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("images are mixed with an alpha of 0 or more, not " + alpha);
            }
        }
    }

    /** Pairs of images are averaged, with a share from Beta(α, α) (Zhang et al. 2018). */
    public static Mixing mixup(double alpha) {
        return new Mixing(alpha, 0);
    }

    /** A rectangle of an image is replaced by that of another, with a share from Beta(α, α) (Yun et al. 2019). */
    public static Mixing cutmix(double alpha) {
        return new Mixing(0, alpha);
    }

    /** Whether nothing is mixed. */
    public boolean isNone() {
        return mixup == 0 && cutmix == 0;
    }

    /** Room for a pair of images and of targets: one thread's. */
    static final class Pair {
        private final float[][] images;
        private final float[][] targets;

        Pair(int elements, int classes) {
            images = new float[2][elements];
            targets = new float[2][classes];
        }
    }

    /**
     * Mixes a batch in place.
     *
     * @param images (count, channels, height, width)
     * @param targets (count, classes)
     */
    void apply(
            MemorySegment images,
            MemorySegment targets,
            int count,
            int height,
            int width,
            Pair pair,
            RandomGenerator random) {
        int elements = pair.images[0].length;
        int classes = pair.targets[0].length;
        for (int i = 0; i < count / 2; i++) {
            int j = count - 1 - i;
            boolean cut = mixup == 0 || cutmix > 0 && random.nextBoolean();
            double ratio = Beta.symmetric(cut ? cutmix : mixup, random);
            copy(images, i, pair.images[0], elements);
            copy(images, j, pair.images[1], elements);
            float kept = cut ? exchange(pair.images, height, width, ratio, random) : blend(pair.images, (float) ratio);
            store(pair.images[0], images, i, elements);
            store(pair.images[1], images, j, elements);
            copy(targets, i, pair.targets[0], classes);
            copy(targets, j, pair.targets[1], classes);
            blend(pair.targets, kept);
            store(pair.targets[0], targets, i, classes);
            store(pair.targets[1], targets, j, classes);
        }
    }

    private static void copy(MemorySegment from, int index, float[] to, int n) {
        MemorySegment.copy(from, JAVA_FLOAT, (long) index * n * Float.BYTES, to, 0, n);
    }

    private static void store(float[] from, MemorySegment to, int index, int n) {
        MemorySegment.copy(from, 0, to, JAVA_FLOAT, (long) index * n * Float.BYTES, n);
    }

    private static float blend(float[][] pair, float ratio) {
        float[] a = pair[0];
        float[] b = pair[1];
        for (int i = 0; i < a.length; i++) {
            float first = a[i];
            a[i] = ratio * first + (1 - ratio) * b[i];
            b[i] = ratio * b[i] + (1 - ratio) * first;
        }
        return ratio;
    }

    /** Exchanges a rectangle and returns the share that both images kept. */
    private static float exchange(float[][] pair, int height, int width, double ratio, RandomGenerator random) {
        double side = Math.sqrt(1 - ratio);
        int tall = (int) (height * side);
        int wide = (int) (width * side);
        int y = random.nextInt(height);
        int x = random.nextInt(width);
        int top = Math.max(0, y - tall / 2);
        int bottom = Math.min(height, y - tall / 2 + tall);
        int left = Math.max(0, x - wide / 2);
        int right = Math.min(width, x - wide / 2 + wide);
        float[] a = pair[0];
        float[] b = pair[1];
        for (int plane = 0; plane < a.length; plane += height * width) {
            for (int row = top; row < bottom; row++) {
                for (int at = plane + row * width + left; at < plane + row * width + right; at++) {
                    float first = a[at];
                    a[at] = b[at];
                    b[at] = first;
                }
            }
        }
        int exchanged = Math.max(0, bottom - top) * Math.max(0, right - left);
        return 1 - (float) exchanged / (height * width);
    }

    @Override
    public String toString() {
        if (cutmix == 0) return "mixup " + mixup;
        return mixup == 0 ? "cutmix " + cutmix : "mixup " + mixup + " or cutmix " + cutmix;
    }
}
