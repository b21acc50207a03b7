package dev.ondine.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** A native row-major tensor that the caller sees, and the value on the heap that is computed with. */
final class Port {
    private final Tensor tensor;
    private final Place place;
    private final Place rowMajor;
    private final Reorder inwards;
    private final Reorder outwards;

    /** Memory in which values are row-major on their way in and out; one at a time. */
    static final class Staging {
        private final java.util.List<Place> places = new java.util.ArrayList<>();
        private int floats;

        private Place place(int size) {
            Place place = new Place(new Layout.RowMajor(size));
            places.add(place);
            floats = Math.max(floats, size);
            return place;
        }

        void allocate() {
            float[] array = new float[floats];
            places.forEach(p -> p.bind(array, 0));
        }
    }

    Port(Tensor tensor, Place place, Team team, Staging staging) {
        this.tensor = tensor;
        this.place = place;
        rowMajor = place.layout.isPlain() ? place : staging.place(place.layout.elements());
        inwards = new Reorder(team, rowMajor, place);
        outwards = new Reorder(team, place, rowMajor);
    }

    void read() {
        MemorySegment from = tensor.segment();
        float[] to = rowMajor.array();
        int at = rowMajor.offset();
        if (tensor.dataType() == DataType.INT32) {
            for (int i = 0; i < rowMajor.size(); i++) to[at + i] = Float.intBitsToFloat(from.getAtIndex(JAVA_INT, i));
        } else {
            MemorySegment.copy(from, JAVA_FLOAT, 0, to, at, rowMajor.size());
        }
        if (rowMajor != place) inwards.run();
    }

    void write() {
        if (rowMajor != place) outwards.run();
        MemorySegment to = tensor.segment();
        float[] from = rowMajor.array();
        int at = rowMajor.offset();
        if (tensor.dataType() == DataType.INT32) {
            for (int i = 0; i < rowMajor.size(); i++) to.setAtIndex(JAVA_INT, i, Float.floatToRawIntBits(from[at + i]));
        } else {
            MemorySegment.copy(from, at, to, JAVA_FLOAT, 0, rowMajor.size());
        }
    }
}
