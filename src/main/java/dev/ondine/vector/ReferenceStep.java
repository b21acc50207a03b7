package dev.ondine.vector;

import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Value;
import dev.ondine.reference.ReferenceInterpreter;
import dev.ondine.tensor.DataType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** An operation that has no kernel here: the reference's loop, on one thread, between conversions to its row-major doubles. */
final class ReferenceStep {
    private final ReferenceInterpreter interpreter;
    private final List<Operand> read;
    private final List<Operand> written;

    private record Operand(Place place, double[] array, boolean integer) {}

    ReferenceStep(Node node, long seed, Function<Value, Place> places) {
        Graph single = new Graph(
                List.of(node),
                node.inputs().stream().distinct().toList(),
                List.of(),
                List.of(),
                new LinkedHashMap<>(),
                new LinkedHashMap<>(Map.of()),
                List.of());
        interpreter = new ReferenceInterpreter(single, seed);
        read = node.inputs().stream().distinct().map(v -> operand(v, places)).toList();
        written = node.outputs().stream().map(v -> operand(v, places)).toList();
    }

    private Operand operand(Value v, Function<Value, Place> places) {
        return new Operand(places.apply(v), interpreter.array(v), v.type().dataType() == DataType.INT32);
    }

    void run(long step) {
        for (int i = 0; i < read.size(); i++) read(read.get(i));
        interpreter.run(step);
        for (int i = 0; i < written.size(); i++) write(written.get(i));
    }

    private static void read(Operand operand) {
        double[] to = operand.array;
        float[] from = operand.place.array();
        Layout layout = operand.place.layout;
        int at = operand.place.offset();
        for (int i = 0; i < to.length; i++) {
            float value = from[at + layout.position(i)];
            to[i] = operand.integer ? Float.floatToRawIntBits(value) : value;
        }
    }

    private static void write(Operand operand) {
        double[] from = operand.array;
        float[] to = operand.place.array();
        Layout layout = operand.place.layout;
        int at = operand.place.offset();
        for (int i = 0; i < from.length; i++) {
            to[at + layout.position(i)] = operand.integer ? Float.intBitsToFloat((int) from[i]) : (float) from[i];
        }
    }
}
