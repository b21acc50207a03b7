package dev.ondine.vector;

import dev.ondine.vector.ConvolutionShape.Line;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How one pass of a convolution walks: every pixel of a destination gathers from pixels of a source. Both lie with the channels
 * last. Tables made once say where; the loops that use them know nothing of strides, padding or dilation.
 *
 * <p>Work is cut into bands: some rows of a sample, or some whole samples. If any window reaches into the padding, the source of
 * a band is first copied into scratch memory, with zeros around it; it then lies in the second-level cache, too.
 */
final class Gather {
    /** Floats of a source band: half of a usual second-level cache's one megabyte holds it beside the weights. */
    private static final int BAND = 1 << 16;

    /** Pixels that a band should have at least, for the weights to be worth reading. */
    private static final int PIXELS = 96;

    /**
     * Pixels that gather through the same kernel elements.
     *
     * @param pixels where each pixel's window begins in the source, in floats from the band's beginning
     * @param places where each pixel lies in the destination, likewise
     * @param taps where the kernel's elements lie in the window; neighbours along the row are one
     * @param run floats that are contiguous at each of {@code taps}
     * @param kernel the kernel's elements, in the order of {@code taps}
     * @param perRow pixels of each row of the band and sample
     * @param rows rows that there are in a whole sample
     */
    record Sweep(int[] pixels, int[] places, int[] taps, int run, int[] kernel, int perRow, int rows) {}

    final int bands;
    final boolean padded;
    final List<Sweep> sweeps;

    private final int batch;
    private final int sourceChannels;
    private final int destinationChannels;
    private final Extent sourceDepth;
    private final Extent sourceHeight;
    private final Extent sourceWidth;
    private final int destinationWidth;
    private final int destinationSample;
    private final int rows;
    private final int rowStep;
    private final int sourceStep;
    private final int samplesPerBand;
    private final int rowsPerBand;
    private final int bandsPerSample;
    private final int scratchHeight;

    /** One axis of the source: what there is, and from where to where the windows reach. */
    private record Extent(int in, int low, int high) {
        static Extent of(int in, List<Line> lines) {
            int low = Integer.MAX_VALUE;
            int high = Integer.MIN_VALUE;
            for (Line line : lines) {
                if (line.starts().isEmpty()) continue;
                low = Math.min(low, line.starts().getFirst());
                high = Math.max(high, line.starts().getLast() + (line.count() - 1) * line.sourceStep());
            }
            return new Extent(in, low, high);
        }

        boolean isPadded() {
            return low < 0 || high >= in;
        }

        int reach() {
            return high - low + 1;
        }
    }

    /** y gathers from x. */
    static Gather forward(ConvolutionShape s, int members) {
        return new Gather(
                s,
                new int[] {s.inputs(), s.outputs()},
                new int[] {s.depth().in(), s.height().in(), s.width().in()},
                new int[] {s.depth().out(), s.height().out(), s.width().out()},
                List.of(s.depth().forward()),
                List.of(s.height().forward()),
                List.of(s.width().forward()),
                members);
    }

    /** dx gathers from dy. */
    static Gather backward(ConvolutionShape s, int members) {
        return new Gather(
                s,
                new int[] {s.outputs(), s.inputs()},
                new int[] {s.depth().out(), s.height().out(), s.width().out()},
                new int[] {s.depth().in(), s.height().in(), s.width().in()},
                s.depth().backward(),
                s.height().backward(),
                s.width().backward(),
                members);
    }

    private Gather(
            ConvolutionShape shape,
            int[] channels,
            int[] source,
            int[] destination,
            List<Line> depths,
            List<Line> heights,
            List<Line> widths,
            int members) {
        batch = shape.batch();
        sourceChannels = channels[0];
        destinationChannels = channels[1];
        sourceDepth = Extent.of(source[0], depths);
        sourceHeight = Extent.of(source[1], heights);
        sourceWidth = Extent.of(source[2], widths);
        padded = sourceDepth.isPadded() || sourceHeight.isPadded() || sourceWidth.isPadded();
        destinationWidth = destination[2];
        destinationSample = destination[0] * destination[1] * destination[2] * destinationChannels;
        rows = heights.stream().mapToInt(Line::count).max().orElseThrow();
        rowStep = heights.getFirst().step();
        sourceStep = heights.getFirst().sourceStep();

        int window = heights.stream()
                .filter(l -> !l.starts().isEmpty())
                .mapToInt(l -> l.starts().getLast() - sourceHeight.low + 1)
                .max()
                .orElse(1);
        int rowFloats = (padded ? sourceDepth.reach() * sourceWidth.reach() : source[0] * source[2]) * sourceChannels;
        int rowPixels = destination[0] * destination[2] * rowStep;
        // Enough bands for all, as long as each is worth its start.
        int fair = Math.ceilDiv(rows, Math.ceilDiv(members, batch));
        int most = Math.max(1, (BAND / rowFloats - window) / sourceStep);
        rowsPerBand = Math.min(rows, Math.min(most, Math.max(fair, Math.ceilDiv(6, rowPixels))));
        bandsPerSample = Math.ceilDiv(rows, rowsPerBand);
        if (bandsPerSample == 1) {
            int sample = rowFloats * Math.max(1, sourceStep * (rows - 1) + window);
            int wanted = Math.min(Math.ceilDiv(PIXELS, rowPixels * rows), Math.max(1, BAND / sample));
            samplesPerBand = Math.clamp(wanted, 1, Math.max(1, batch / members));
        } else {
            samplesPerBand = 1;
        }
        bands = Math.ceilDiv(batch, samplesPerBand) * bandsPerSample;
        scratchHeight = padded ? (rowsPerBand - 1) * sourceStep + window : source[1];

        List<Sweep> all = new ArrayList<>();
        for (Line d : depths) {
            for (Line h : heights) {
                for (Line w : widths) all.add(sweep(shape, destination, d, h, w));
            }
        }
        sweeps = List.copyOf(all);
    }

    private Sweep sweep(ConvolutionShape shape, int[] destination, Line d, Line h, Line w) {
        int sourceRow = (padded ? sourceWidth.reach() : sourceWidth.in) * sourceChannels;
        int sourcePlane = scratchHeight * sourceRow;
        int sourceSample = (padded ? sourceDepth.reach() : sourceDepth.in) * sourcePlane;
        int bandRows = Math.min(rowsPerBand, h.count());
        int perRow = d.count() * w.count();
        int[] pixels = new int[samplesPerBand * bandRows * perRow];
        int[] places = new int[pixels.length];
        int at = 0;
        for (int s = 0; s < samplesPerBand; s++) {
            for (int jh = 0; jh < bandRows; jh++) {
                for (int jd = 0; jd < d.count(); jd++) {
                    for (int jw = 0; jw < w.count(); jw++) {
                        pixels[at] = s * sourceSample
                                + jd * d.sourceStep() * sourcePlane
                                + jh * h.sourceStep() * sourceRow
                                + jw * w.sourceStep() * sourceChannels;
                        int plane = d.first() + jd * d.step();
                        int row = plane * destination[1] + h.first() + jh * h.step();
                        int pixel = row * destination[2] + w.first() + jw * w.step();
                        places[at++] = s * destinationSample + pixel * destinationChannels;
                    }
                }
            }
        }
        // Kernel elements that are neighbours along the row, and so their channels, are one run.
        boolean joined = shape.groups() == 1 && isDense(w.starts());
        List<Integer> taps = new ArrayList<>();
        List<Integer> kernel = new ArrayList<>();
        for (int kd = 0; kd < d.taps().size(); kd++) {
            for (int kh = 0; kh < h.taps().size(); kh++) {
                for (int kw = 0; kw < w.taps().size(); kw++) {
                    int row = (d.taps().get(kd) * shape.height().window()
                                    + h.taps().get(kh))
                            * shape.width().window();
                    kernel.add(row + w.taps().get(kw));
                    if (joined && kw > 0) continue;
                    taps.add(start(sourceDepth, d, kd) * sourcePlane
                            + start(sourceHeight, h, kh) * sourceRow
                            + start(sourceWidth, w, kw) * sourceChannels);
                }
            }
        }
        int run = sourceChannels / shape.groups() * (joined ? w.taps().size() : 1);
        return new Sweep(pixels, places, array(taps), run, array(kernel), perRow, h.count());
    }

    private int start(Extent extent, Line line, int tap) {
        return line.starts().get(tap) - (padded ? extent.low : 0);
    }

    private static boolean isDense(List<Integer> starts) {
        for (int i = 1; i < starts.size(); i++) {
            if (starts.get(i) != starts.get(i - 1) + 1) return false;
        }
        return true;
    }

    private static int[] array(List<Integer> list) {
        return list.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Floats of scratch memory that {@link #source} fills; 0 if it copies nothing. */
    int scratch() {
        return padded ? samplesPerBand * sourceDepth.reach() * scratchHeight * sourceWidth.reach() * sourceChannels : 0;
    }

    /** The most pixels that a band of any sweep has. */
    int bandPixels() {
        return sweeps.stream().mapToInt(s -> s.pixels().length).max().orElse(0);
    }

    /** How many of a sweep's pixels a band has: all of them, unless it is the last of its sample or batch. */
    int pixels(Sweep sweep, int band) {
        int samples = Math.min(samplesPerBand, batch - firstSample(band));
        int rowsHere = Math.clamp(sweep.rows - firstRow(band), 0, Math.min(rowsPerBand, sweep.rows));
        return samples * rowsHere * sweep.perRow;
    }

    private int firstSample(int band) {
        return band / bandsPerSample * samplesPerBand;
    }

    private int firstRow(int band) {
        return band % bandsPerSample * rowsPerBand;
    }

    /** Where a band begins in the destination. */
    int destination(int band) {
        return firstSample(band) * destinationSample
                + firstRow(band) * rowStep * destinationWidth * destinationChannels;
    }

    /** Where a band begins in the source, if it is not {@link #padded}. */
    int source(int band) {
        int row = sourceWidth.in * sourceChannels;
        return (firstSample(band) * sourceDepth.in * sourceHeight.in + firstRow(band) * sourceStep) * row;
    }

    /** Copies the source of a band, with the padding around it, into scratch memory. */
    void copy(int band, float[] source, int offset, float[] scratch, int to) {
        int row = sourceWidth.reach() * sourceChannels;
        int left = Math.max(0, -sourceWidth.low) * sourceChannels;
        int begin = Math.max(0, sourceWidth.low);
        int length = Math.max(0, Math.min(sourceWidth.in, sourceWidth.high + 1) - begin) * sourceChannels;
        int samples = Math.min(samplesPerBand, batch - firstSample(band));
        for (int s = 0; s < samples; s++) {
            int sample = firstSample(band) + s;
            for (int d = sourceDepth.low; d <= sourceDepth.high; d++) {
                for (int i = 0; i < scratchHeight; i++, to += row) {
                    int h = sourceHeight.low + firstRow(band) * sourceStep + i;
                    if (d < 0 || d >= sourceDepth.in || h < 0 || h >= sourceHeight.in) {
                        Arrays.fill(scratch, to, to + row, 0);
                        continue;
                    }
                    int from = ((sample * sourceDepth.in + d) * sourceHeight.in + h) * sourceWidth.in + begin;
                    Arrays.fill(scratch, to, to + left, 0);
                    System.arraycopy(source, offset + from * sourceChannels, scratch, to + left, length);
                    Arrays.fill(scratch, to + left + length, to + row, 0);
                }
            }
        }
    }
}
