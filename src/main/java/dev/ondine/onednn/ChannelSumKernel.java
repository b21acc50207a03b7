package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Team;
import dev.ondine.onednn.api.MemoryDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/**
 * Sums of float32 values over everything but channels (axis 1), on all threads of a team: the gradient of a bias that was added to each
 * channel. oneDNN has only its reference loop for them in these layouts.
 *
 * <p>Memory is read as panels whose rows hold the same channels: memory in blocks of channels has a panel for each sample
 * and block, memory with channels last is a single one. Chunks of rows are
 * folded in half until one row is left, loops that C2 vectorizes and sums in pairs, whose roundings grow with the logarithm of
 * their length; chunks are added up in double and in order, so that any number of threads gives the same bits.
 */
final class ChannelSumKernel {
    private static final int CHUNK = 2048;

    /**
     * How memory is read.
     *
     * @param panels how many there are; panel p holds the channels from (p mod {@code blocks})·{@code width}
     * @param blocks panels of one sample
     * @param rows of a panel
     * @param width columns of a panel, at most {@link #CHUNK}
     */
    record Panels(long panels, int blocks, long rows, int width) {
        /** Of a layout of activations, if its rows are known to hold the same channels. */
        static Optional<Panels> of(MemoryDescriptor layout) {
            long[] dims = layout.dims();
            long batch = dims[0];
            int channels = Math.toIntExact(dims[1]);
            long space = 1;
            for (int i = 2; i < dims.length; i++) space *= dims[i];
            String tag = layout.tag();
            Panels panels;
            if (tag.matches("a[c-e]*b")) {
                panels = new Panels(1, 1, batch * space, channels);
            } else if (tag.matches("aB[c-e]+\\d+b")) {
                int width = Integer.parseInt(tag.replaceAll("\\D", ""));
                int blocks = (channels + width - 1) / width;
                panels = new Panels(batch * blocks, blocks, space, width);
            } else {
                return Optional.empty();
            }
            // A view of something larger has gaps between its rows.
            boolean dense = panels.panels * panels.rows * panels.width * Float.BYTES == layout.size();
            return dense && panels.width <= CHUNK ? Optional.of(panels) : Optional.empty();
        }
    }

    private final Team team;
    private final Panels panels;
    private final int channels;
    private final int chunkRows;
    private final long chunksOfPanel;
    private final float[][] buffers;

    ChannelSumKernel(Team team, Panels panels, int channels) {
        this.team = team;
        this.panels = panels;
        this.channels = channels;
        this.chunkRows = Integer.highestOneBit(CHUNK / panels.width);
        this.chunksOfPanel = (panels.rows + chunkRows - 1) / chunkRows;
        this.buffers = new float[team.size()][CHUNK];
    }

    /** The step from x to the sums, {@code channels} of them side by side. */
    Step step(MemorySegment x, MemorySegment sums) {
        int width = panels.width;
        int chunks = Math.toIntExact(panels.panels * chunksOfPanel);
        float[] partial = new float[Math.multiplyExact(chunks, width)];
        double[] total = new double[panels.blocks * width];
        Team.Task task = (part, parts) -> {
            float[] buffer = buffers[part];
            long end = Team.start(chunks, part + 1, parts);
            for (long c = Team.start(chunks, part, parts); c < end; c++) {
                fold(x, c, buffer);
                System.arraycopy(buffer, 0, partial, (int) c * width, width);
            }
        };
        return _ -> {
            // A team costs as much as a chunk or two.
            if (chunks <= 2) task.run(0, 1);
            else team.run(task);
            Arrays.fill(total, 0);
            for (int c = 0; c < chunks; c++) {
                int first = (int) (c / chunksOfPanel % panels.blocks) * width;
                for (int i = 0; i < width; i++) total[first + i] += partial[c * width + i];
            }
            for (int i = 0; i < channels; i++) sums.setAtIndex(JAVA_FLOAT, i, (float) total[i]);
        };
    }

    /** Leaves the sums of a chunk's columns at the beginning of the buffer. */
    private void fold(MemorySegment x, long chunk, float[] buffer) {
        int width = panels.width;
        long firstRow = chunk % chunksOfPanel * chunkRows;
        int rows = (int) Math.min(chunkRows, panels.rows - firstRow);
        long at = (chunk / chunksOfPanel * panels.rows + firstRow) * width;
        MemorySegment.copy(x, JAVA_FLOAT, at * Float.BYTES, buffer, 0, rows * width);
        int length = width * (rows == 1 ? 1 : 2 * Integer.highestOneBit(rows - 1));
        Arrays.fill(buffer, rows * width, length, 0);
        for (int half = length / 2; half >= width; half /= 2) {
            for (int i = 0; i < half; i++) buffer[i] += buffer[half + i];
        }
    }
}
