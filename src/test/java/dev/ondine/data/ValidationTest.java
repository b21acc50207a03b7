package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ValidationTest {
    private static final List<String> CLASSES = List.of("few", "some", "many");

    /** 1, 3, or 16 of 20 samples are of a class; the value of a sample is its index. As short as a user's own may be. */
    private record Mine(int size) implements Dataset {
        @Override
        public Shape sampleShape() {
            return Shape.of(1, 1, 1);
        }

        @Override
        public List<String> classes() {
            return CLASSES;
        }

        @Override
        public int label(int index) {
            return index % 20 == 7 ? 0 : index % 20 < 3 ? 1 : 2;
        }

        @Override
        public void read(int index, float[] into, int offset) {
            into[offset] = index;
        }
    }

    private static List<Integer> indices(Dataset set) {
        List<Integer> indices = new ArrayList<>();
        float[] value = new float[1];
        for (int i = 0; i < set.size(); i++) {
            set.read(i, value, 0);
            indices.add((int) value[0]);
        }
        return indices;
    }

    private static long count(Dataset set, int label) {
        long count = 0;
        for (int i = 0; i < set.size(); i++) if (set.label(i) == label) count++;
        return count;
    }

    private static DataSplit split(double share, long seed) {
        Dataset all = new Mine(400);
        return new DataSplit("mine", all, all).validation(share, seed);
    }

    @Test
    void everyClassGivesItsShareAndNothingIsLostOrTwice() {
        DataSplit split = split(0.25, 1);
        assertEquals(100, split.test().size());
        assertEquals(
                List.of(5L, 15L, 80L), List.of(count(split.test(), 0), count(split.test(), 1), count(split.test(), 2)));
        Set<Integer> all = new HashSet<>(indices(split.train()));
        all.addAll(indices(split.test()));
        assertEquals(400, all.size());
        assertEquals(300, split.train().size());
        assertEquals(indices(split.test()).stream().sorted().toList(), indices(split.test()));
    }

    @Test
    void theSeedDecides() {
        assertEquals(indices(split(0.1, 1).test()), indices(split(0.1, 1).test()));
        assertNotEquals(indices(split(0.1, 1).test()), indices(split(0.1, 2).test()));
    }

    @Test
    void aLabelWithoutAClassIsNamed() {
        record Wrong(Dataset right) implements Dataset {
            @Override
            public int size() {
                return right.size();
            }

            @Override
            public Shape sampleShape() {
                return right.sampleShape();
            }

            @Override
            public List<String> classes() {
                return right.classes();
            }

            @Override
            public int label(int index) {
                return index == 13 ? 3 : right.label(index);
            }

            @Override
            public void read(int index, float[] into, int offset) {
                right.read(index, into, offset);
            }
        }
        Dataset wrong = new Wrong(new Mine(40));
        var e = assertThrows(
                IllegalArgumentException.class, () -> new DataSplit("mine", wrong, wrong).validation(0.5, 1));
        assertEquals(
                "data set 'Wrong': sample 13 has the label 3; with 3 classes, labels go from 0 to 2", e.getMessage());
    }

    @Test
    void sharesThatLeaveNothingAreRefused() {
        for (double share : new double[] {0, 1, -0.5, Double.NaN, 0.001, 0.999}) {
            assertThrows(IllegalArgumentException.class, () -> split(share, 1), "share " + share);
        }
    }
}
