package dev.ondine.vector;

import java.util.Arrays;

/** Copies a value from one layout to another; between row-major order and channels last on all threads. */
final class Reorder {
    private final Team team;
    private final Place from;
    private final Place to;
    private final Team.Part part = this::run;

    Reorder(Team team, Place from, Place to) {
        this.team = team;
        this.from = from;
        this.to = to;
    }

    void run() {
        if (Layout.same(from.layout, to.layout)) {
            System.arraycopy(from.array(), from.offset(), to.array(), to.offset(), to.size());
        } else if (from.layout.isPlain() && to.layout instanceof Layout.ChannelsLast
                || to.layout.isPlain() && from.layout instanceof Layout.ChannelsLast) {
            team.run(part);
        } else {
            general();
        }
    }

    /** Transposes channels and space of the samples that fall to this member. */
    private void run(int member) {
        boolean last = to.layout instanceof Layout.ChannelsLast && !to.layout.isPlain();
        Layout.ChannelsLast l = (Layout.ChannelsLast) (last ? to.layout : from.layout);
        int rows = last ? l.channels() : l.space();
        int columns = last ? l.space() : l.channels();
        int sample = rows * columns;
        int end = team.first(member + 1, l.batch());
        for (int n = team.first(member, l.batch()); n < end; n++) {
            transpose(from.array(), from.offset() + n * sample, rows, columns, to.array(), to.offset() + n * sample);
        }
    }

    /** Of rows×columns, in squares whose lines the first-level cache holds on both sides. */
    private static void transpose(float[] from, int fromAt, int rows, int columns, float[] to, int toAt) {
        int side = 16;
        for (int r0 = 0; r0 < rows; r0 += side) {
            int r1 = Math.min(r0 + side, rows);
            for (int c0 = 0; c0 < columns; c0 += side) {
                int c1 = Math.min(c0 + side, columns);
                for (int c = c0; c < c1; c++) {
                    for (int r = r0; r < r1; r++) to[toAt + c * rows + r] = from[fromAt + r * columns + c];
                }
            }
        }
    }

    /** Both are a row-major order's elements somewhere else; what lies between them in the destination is zero. */
    private void general() {
        Arrays.fill(to.array(), to.offset(), to.offset() + to.size(), 0);
        for (int i = 0; i < from.layout.elements(); i++) {
            to.array()[to.offset() + to.layout.position(i)] = from.array()[from.offset() + from.layout.position(i)];
        }
    }
}
