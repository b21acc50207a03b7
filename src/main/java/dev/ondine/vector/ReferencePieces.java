package dev.ondine.vector;

import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.TensorType;
import dev.ondine.graph.Value;
import dev.ondine.reference.ReferenceInterpreter;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * An elementwise operation whose function is no simple one (an exponential, an error function): the reference's own loop, in pieces that
 * the first-level cache holds, on all threads. All operands and the result have one layout; the result may lie where an operand lies.
 */
final class ReferencePieces {
    private static final int PIECE = 512;

    private final Team team;
    private final Place[] operands;
    private final Place y;
    private final ReferenceInterpreter[] interpreters;
    private final double[][][] in;
    private final double[][] out;
    private final Team.Part part = this::run;

    ReferencePieces(Team team, Op op, List<Place> operands, Place y) {
        this.team = team;
        this.operands = operands.toArray(Place[]::new);
        this.y = y;
        List<Value> given = new ArrayList<>();
        TensorType type = TensorType.float32(Shape.of(PIECE));
        for (int i = 0; i < operands.size(); i++) given.add(new Value(i, "operand" + i, type, Value.Role.INPUT));
        Value result = new Value(operands.size(), "", type, Value.Role.COMPUTED);
        Graph graph = new Graph(
                List.of(new Node(op, given, List.of(result), "")),
                given,
                List.of(),
                List.of(),
                new LinkedHashMap<>(),
                new LinkedHashMap<>(),
                List.of());
        interpreters = new ReferenceInterpreter[team.members()];
        in = new double[team.members()][][];
        out = new double[team.members()][];
        for (int member = 0; member < interpreters.length; member++) {
            ReferenceInterpreter interpreter = new ReferenceInterpreter(graph, 0);
            interpreters[member] = interpreter;
            in[member] = given.stream().map(interpreter::array).toArray(double[][]::new);
            out[member] = interpreter.array(result);
        }
    }

    void run() {
        team.run(part);
    }

    private void run(int member) {
        int pieces = Math.ceilDiv(y.size(), PIECE);
        int end = team.first(member + 1, pieces);
        for (int piece = team.first(member, pieces); piece < end; piece++) {
            int at = piece * PIECE;
            int count = Math.min(PIECE, y.size() - at);
            for (int o = 0; o < operands.length; o++) {
                read(operands[o].array(), operands[o].offset() + at, in[member][o], count);
            }
            interpreters[member].run(0);
            write(out[member], y.array(), y.offset() + at, count);
        }
    }

    private static void read(float[] from, int at, double[] to, int count) {
        for (int i = 0; i < count; i++) to[i] = from[at + i];
    }

    private static void write(double[] from, float[] to, int at, int count) {
        for (int i = 0; i < count; i++) to[at + i] = (float) from[i];
    }
}
