package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.List;

/** Some samples of another data set, in an order of their own. */
final class Subset implements Dataset {
    private final Dataset whole;
    private final int[] indices;

    Subset(Dataset whole, int[] indices) {
        this.whole = whole;
        this.indices = indices;
    }

    @Override
    public int size() {
        return indices.length;
    }

    @Override
    public Shape sampleShape() {
        return whole.sampleShape();
    }

    @Override
    public List<String> classes() {
        return whole.classes();
    }

    @Override
    public int label(int index) {
        return whole.label(indices[Checks.index(this, index, indices.length)]);
    }

    @Override
    public void read(int index, float[] into, int offset) {
        whole.read(indices[Checks.index(this, index, indices.length)], into, offset);
    }

    @Override
    public String name() {
        return whole.name();
    }
}
