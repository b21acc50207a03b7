package dev.ondine.train;

import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.TensorType;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;

/** What training makes small: a scalar that compares a model's output with a target. */
public sealed interface Loss {
    /** The type of the target for outputs of this type. */
    TensorType target(TensorType output);

    /** Adds the loss to a graph. */
    Value build(GraphBuilder graph, Value output, Value target);

    /** Cross-entropy without label smoothing; targets of −100 are ignored, as in PyTorch. */
    static CrossEntropy crossEntropy() {
        return new CrossEntropy(0, -100);
    }

    static MeanSquaredError meanSquaredError() {
        return new MeanSquaredError();
    }

    /**
     * Mean of −log softmax(output)[target]. Outputs are logits (N, C) or (N, C, space…), targets class indices (N) or (N, space…) of
     * INT32.
     *
     * @param smoothing how much of each target is spread over all classes (Szegedy et al. 2016), in [0, 1]; default 0
     * @param ignoreIndex targets that do not count; default −100
     */
    record CrossEntropy(float smoothing, int ignoreIndex) implements Loss {
        public CrossEntropy {
            if (!(smoothing >= 0 && smoothing <= 1)) {
                throw new IllegalArgumentException("label smoothing must lie in [0, 1], not " + smoothing);
            }
        }

        public CrossEntropy smoothing(double smoothing) {
            return new CrossEntropy((float) smoothing, ignoreIndex);
        }

        public CrossEntropy ignoreIndex(int ignoreIndex) {
            return new CrossEntropy(smoothing, ignoreIndex);
        }

        @Override
        public TensorType target(TensorType output) {
            Shape s = output.shape();
            if (s.rank() < 2) {
                throw new IllegalArgumentException("cross-entropy takes outputs (batch, classes, …), not " + s);
            }
            long[] dims = new long[s.rank() - 1];
            dims[0] = s.dim(0);
            for (int i = 2; i < s.rank(); i++) dims[i - 1] = s.dim(i);
            return new TensorType(DataType.INT32, Shape.of(dims));
        }

        @Override
        public Value build(GraphBuilder graph, Value output, Value target) {
            return graph.add(new Op.CrossEntropy(smoothing, ignoreIndex), output, target);
        }
    }

    /** Mean of (output − target)². Targets have the shape of the outputs. */
    record MeanSquaredError() implements Loss {
        @Override
        public TensorType target(TensorType output) {
            return output;
        }

        @Override
        public Value build(GraphBuilder graph, Value output, Value target) {
            return graph.add(new Op.MeanSquaredError(), output, target);
        }
    }
}
