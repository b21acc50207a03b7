package dev.ondine.data;

/**
 * Scales images: the largest centred part of the wanted proportions, or a share of it, by a triangle filter that widens when the image
 * shrinks (bilinear with anti-aliasing, as Pillow's BILINEAR).
 */
final class ImageResize {
    private ImageResize() {}

    static ImageDecoder.Decoded to(ImageDecoder.Decoded image, int height, int width) {
        return to(image, height, width, 1);
    }

    /** @param crop the share of the largest centred part's sides that is used, in (0, 1] */
    static ImageDecoder.Decoded to(ImageDecoder.Decoded image, int height, int width, double crop) {
        int h = image.height();
        int w = image.width();
        if (h == height && w == width && crop == 1) return image;
        double scale = crop * Math.min((double) h / height, (double) w / width);
        Filter across = new Filter(w, width, scale);
        Filter down = new Filter(h, height, scale);
        byte[] out = new byte[image.channels() * height * width];
        float[] narrow = new float[h * width];
        for (int c = 0; c < image.channels(); c++) {
            for (int y = 0; y < h; y++) {
                int row = (c * h + y) * w;
                for (int x = 0; x < width; x++) {
                    float sum = 0;
                    for (int k = 0; k < across.weights[x].length; k++) {
                        sum += across.weights[x][k] * (image.pixels()[row + across.first[x] + k] & 0xff);
                    }
                    narrow[y * width + x] = sum;
                }
            }
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    float sum = 0;
                    for (int k = 0; k < down.weights[y].length; k++) {
                        sum += down.weights[y][k] * narrow[(down.first[y] + k) * width + x];
                    }
                    out[(c * height + y) * width + x] = (byte) Math.clamp(Math.round(sum), 0, 255);
                }
            }
        }
        return new ImageDecoder.Decoded(image.channels(), height, width, out);
    }

    /** For each output pixel of a line: the first input pixel that it is made of, and their weights, which sum to 1. */
    private static final class Filter {
        private final int[] first;
        private final float[][] weights;

        Filter(int in, int out, double scale) {
            first = new int[out];
            weights = new float[out][];
            double start = (in - out * scale) / 2;
            double reach = Math.max(1, scale);
            for (int i = 0; i < out; i++) {
                double centre = start + (i + 0.5) * scale;
                int from = Math.max(0, (int) Math.round(centre - reach));
                int to = Math.clamp(Math.round(centre + reach), from + 1, in);
                double[] w = new double[to - from];
                double sum = 0;
                for (int k = from; k < to; k++) {
                    w[k - from] = Math.max(0, 1 - Math.abs((k + 0.5 - centre) / reach));
                    sum += w[k - from];
                }
                first[i] = from;
                weights[i] = new float[w.length];
                for (int k = 0; k < w.length; k++) weights[i][k] = (float) (w[k] / sum);
            }
        }
    }
}
