package dev.ondine.train;

import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** What the outputs of a model say about classes, if it tells any apart. */
final class ClassOutputs {
    private final Shape output;
    /** Empty if the outputs are something else. */
    private final List<String> names;
    /** Whether the outputs are probabilities already, and not logits. */
    private final boolean probabilities;

    /**
     * @param output the shape of the output for one sample
     * @param named what the outputs stand for, if that is known
     * @throws IllegalArgumentException if there is another number of names than of outputs of a classifier
     */
    ClassOutputs(Model model, Shape output, Optional<List<String>> named) {
        this.output = output;
        boolean line = output.rank() > 0 && output.elements() == output.dim(0);
        if (!line) names = List.of();
        else if (named.isEmpty())
            names = IntStream.range(0, (int) output.dim(0))
                    .mapToObj(Integer::toString)
                    .toList();
        else if (named.get().size() == output.dim(0)) names = named.get();
        else {
            throw new IllegalArgumentException("the model has " + output.dim(0) + " outputs, and "
                    + named.get().size() + " classes are named");
        }
        this.probabilities = line && endsInSoftmax(model);
    }

    /** Networks from elsewhere may; logarithms of probabilities are logits, too. */
    private static boolean endsInSoftmax(Model model) {
        Graph graph = Model.graph(model.network(), model.sampleShape(), Mode.EVALUATION, 1);
        Map<Value, Node> producers = new HashMap<>();
        for (Node node : graph.nodes()) for (Value v : node.outputs()) producers.put(v, node);
        Node node = producers.get(graph.outputs().get(Model.OUTPUT));
        while (node != null && node.op() instanceof Op.Reshape)
            node = producers.get(node.inputs().getFirst());
        return node != null && node.op() instanceof Op.Softmax softmax && !softmax.logarithm();
    }

    /** @throws IllegalStateException if there are no classes */
    List<String> names() {
        if (!names.isEmpty()) return names;
        throw new IllegalStateException("the model tells no classes apart: its output for a sample is " + output);
    }

    /** For each sample the likeliest classes, the likeliest first. */
    List<List<ClassProbability>> rank(float[] outputs, int top) {
        if (top < 1) throw new IllegalArgumentException("at least 1 class is asked for, not " + top);
        int count = names().size();
        List<List<ClassProbability>> all = new ArrayList<>();
        for (int from = 0; from < outputs.length; from += count) {
            all.add(rankOne(Arrays.copyOfRange(outputs, from, from + count), top));
        }
        return all;
    }

    private List<ClassProbability> rankOne(float[] outputs, int top) {
        double[] p = probabilities
                ? IntStream.range(0, outputs.length)
                        .mapToDouble(i -> outputs[i])
                        .toArray()
                : Probabilities.of(outputs);
        if (!Double.isFinite(Arrays.stream(p).sum())) {
            throw new ArithmeticException("the model's output is not finite: its parameters are damaged, training"
                    + " diverged, or the sample is not finite");
        }
        List<ClassProbability> best = new ArrayList<>();
        for (int c : Probabilities.largest(p, top)) best.add(new ClassProbability(c, names.get(c), p[c]));
        return best;
    }
}
