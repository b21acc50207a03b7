package dev.ondine.vector;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/** The sum of each column of rows×channels: the gradient of a bias. */
final class ChannelSums {
    private final Team team;
    private final Workspace workspace;
    private final Place rows;
    private final Place sums;
    private final int channels;
    private final int width;
    private final int count;
    private final Team.Part part = this::sum;

    ChannelSums(Team team, Workspace workspace, Place rows, Place sums) {
        this.team = team;
        this.workspace = workspace;
        this.rows = rows;
        this.sums = sums;
        channels = sums.size();
        width = Lanes.roundUp(channels, Lanes.COUNT);
        count = rows.size() / channels;
        workspace.require(width);
    }

    void run() {
        team.run(part);
        float[] to = sums.array();
        System.arraycopy(workspace.of(0), 0, to, sums.offset(), channels);
        for (int member = 1; member < team.members(); member++) {
            float[] more = workspace.of(member);
            for (int c = 0; c < channels; c++) to[sums.offset() + c] += more[c];
        }
    }

    private void sum(int member) {
        int first = team.first(member, count);
        int end = team.first(member + 1, count);
        float[] to = workspace.of(member);
        Arrays.fill(to, 0, width, 0);
        float[] x = rows.array();
        // Lanes behind the last channel sum up what nobody reads.
        for (int c = 0; c < width; c += Lanes.COUNT) {
            int at = rows.offset() + first * channels + c;
            FloatVector sum = FloatVector.zero(Lanes.SPECIES);
            for (int i = first; i < end; i++, at += channels) {
                sum = sum.add(FloatVector.fromArray(Lanes.SPECIES, x, at));
            }
            sum.intoArray(to, c);
        }
    }
}
