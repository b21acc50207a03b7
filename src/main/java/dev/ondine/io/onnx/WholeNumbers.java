package dev.ondine.io.onnx;

import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * Which values of a network are whole numbers that depend on the data: tokens, positions, masks. They are held as float32, exact up to
 * 2²⁴, so that only operators that do the same to both are allowed to read them.
 */
final class WholeNumbers {
    /** The largest whole number up to which each is a float32. */
    static final long LARGEST = 1 << 24;

    /** What gives whole numbers of whole numbers, and the same as of floating-point ones. */
    private static final Set<String> KEPT = Set.of(
            "Identity",
            "Reshape",
            "Flatten",
            "Squeeze",
            "Unsqueeze",
            "Transpose",
            "Slice",
            "Split",
            "Concat",
            "Expand",
            "Add",
            "Sub",
            "Mul",
            "Neg",
            "Abs",
            "Min",
            "Max",
            "Sum",
            "ReduceSum");

    /** What reads whole numbers in a way of its own. */
    private static final Set<String> READ = Set.of("Gather", "Cast", "Shape", "Size");

    private final Set<Value> values = Collections.newSetFromMap(new IdentityHashMap<>());

    void add(Value v) {
        values.add(v);
    }

    boolean contains(Value v) {
        return values.contains(v);
    }

    /**
     * @param whole whether an operand is of this kind
     * @throws IllegalArgumentException if the operator would compute something else with them than ONNX says
     */
    static void requireAllowed(NodeView node, boolean whole) {
        if (whole && !KEPT.contains(node.type()) && !READ.contains(node.type())) {
            throw new IllegalArgumentException(
                    "it computes with whole numbers that depend on the data, which is supported for "
                            + String.join(", ", KEPT.stream().sorted().toList()) + ", Gather and Cast only");
        }
    }

    /** Whether an operator's results are whole numbers if its operands are. */
    static boolean keeps(NodeView node) {
        return KEPT.contains(node.type());
    }

    /** Cast of a value. */
    void cast(GraphImport in, NodeView node) {
        Value x = in.value(0);
        ElementType to = ElementType.numbered((int) node.whole("to", 1))
                .filter(t -> t.isFloat() || t.isWhole())
                .orElseThrow(() -> new IllegalArgumentException("it casts to type number " + node.whole("to", 1)));
        if (to.isFloat()) {
            // The same values: but only these may be computed with in any way.
            in.result(contains(x) ? in.add(new Op.Unary(UnaryKind.LINEAR, 1, 0), x) : x);
            return;
        }
        if (!contains(x)) {
            throw new IllegalArgumentException("values that depend on the data are cast to whole numbers");
        }
        switch (to) {
            case INT64, INT32 -> in.result(x);
            case BOOL -> {
                Value size = in.add(new Op.Unary(UnaryKind.ABSOLUTE, 0, 0), x);
                Value truth = in.add(new Op.Unary(UnaryKind.CLIP, 0, 1), size);
                add(truth);
                in.result(truth);
            }
            default -> throw new IllegalArgumentException("whole numbers of the data are cast to " + to);
        }
    }
}
