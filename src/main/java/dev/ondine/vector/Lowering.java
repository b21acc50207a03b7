package dev.ondine.vector;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Chooses the kernel of every operation and binds it to its operands. */
final class Lowering {
    private final Team team;
    private final Workspace workspace;
    private final Memory memory;
    private final long seed;
    private final List<Step> steps = new ArrayList<>();
    private Node node;

    /**
     * One thing that a run does.
     *
     * @param path the layer
     * @param kernel what runs
     */
    record Step(String path, String kernel, Run run) {}

    @FunctionalInterface
    interface Run {
        void run(long step);
    }

    private Lowering(Team team, Workspace workspace, Memory memory, long seed) {
        this.team = team;
        this.workspace = workspace;
        this.memory = memory;
        this.seed = seed;
    }

    static List<Step> lower(Graph graph, Team team, Workspace workspace, Memory memory, long seed) {
        Lowering lowering = new Lowering(team, workspace, memory, seed);
        for (Node node : graph.nodes()) {
            lowering.node = node;
            lowering.lower();
        }
        return lowering.steps;
    }

    private void lower() {
        switch (node.op()) {
            case Op.Convolution c -> {
                var shape = ConvolutionShape.of(c, shape(0), shape(1), result());
                gather(shape, false, c.bias() ? in(2) : null);
            }
            case Op.ConvolutionBackwardData c ->
                gather(ConvolutionShape.of(c.forward(), c.input(), shape(1), shape(0)), true, null);
            case Op.ConvolutionBackwardWeights c -> {
                var shape = ConvolutionShape.of(c.forward(), shape(0), c.weight(), shape(1));
                weightsGradient(shape, c.forward().bias());
            }
            case Op.Linear l -> gather(linear(shape(0), result()), false, l.bias() ? in(2) : null);
            case Op.LinearBackwardData _ -> gather(linear(result(), shape(0)), true, null);
            case Op.LinearBackwardWeights l -> weightsGradient(linear(shape(0), shape(1)), l.bias());
            case Op.BatchNormalization b -> batchNormalization(b);
            case Op.BatchNormalizationBackward b -> batchNormalizationBackward(b.forward());
            case Op.Pooling p -> {
                Place winners = p.kind() == Op.PoolingKind.MAX ? out(1) : null;
                add(
                        "pooling",
                        new VectorPooling(team, p, shape(0), result(), channelsLast(0), out(0), winners)::forward);
            }
            case Op.PoolingBackward p -> {
                Place winners = p.forward().kind() == Op.PoolingKind.MAX ? in(1) : null;
                var kernel =
                        new VectorPooling(team, p.forward(), p.input(), shape(0), out(0), channelsLast(0), winners);
                add("pooling backward", kernel::backward);
            }
            case Op.Activation a when a.kind() == ActivationKind.RELU -> elementwise("relu", Elementwise::relu, 0);
            case Op.ActivationBackward a
            when a.kind() == ActivationKind.RELU && alike() ->
                elementwise("relu backward", Elementwise::reluBackward, 1);
            case Op.Activation a -> pieces(a.kind().toString(), List.of(in(0)));
            case Op.ActivationBackward a when alike() -> pieces(a.kind() + " backward", List.of(in(0), in(1)));
            case Op.Add a
            when alike() ->
                elementwise(a.relu() ? "add + relu" : "add", a.relu() ? Elementwise::addRelu : Elementwise::add, 1);
            case Op.Multiply _ when alike() -> elementwise("multiply", Elementwise::multiply, 1);
            case Op.Reshape _ -> {
                if (!in(0).isAt(out(0))) {
                    add("reorder", new Reorder(team, in(0), out(0))::run);
                }
            }
            default -> reference();
        }
    }

    private void add(String kernel, Runnable run) {
        steps.add(new Step(node.path(), kernel, _ -> run.run()));
    }

    private Place in(int i) {
        return memory.place(node.input(i));
    }

    private Place out(int i) {
        return memory.place(node.output(i));
    }

    private Shape shape(int operand) {
        return node.input(operand).shape();
    }

    private Shape result() {
        return node.output(0).shape();
    }

    private static ConvolutionShape linear(Shape x, Shape y) {
        return ConvolutionShape.linear((int) x.dim(0), (int) x.dim(1), (int) y.dim(1));
    }

    /** Whether two operands and the result have the same elements in the same places. */
    private boolean alike() {
        Value a = node.input(0);
        Value b = node.input(1);
        return a.shape().equals(b.shape())
                && Layout.same(in(0).layout, in(1).layout)
                && Layout.same(in(0).layout, out(0).layout);
    }

    private void elementwise(String name, Elementwise.Loop loop, int second) {
        add(name, new Elementwise(team, loop, in(0), in(second), out(0))::run);
    }

    private void pieces(String name, List<Place> operands) {
        String kernel = name.toLowerCase(Locale.ROOT) + " in pieces";
        add(kernel, new ReferencePieces(team, node.op(), operands, out(0))::run);
    }

    private void reference() {
        ReferenceStep step = new ReferenceStep(node, seed, memory::place);
        steps.add(new Step(node.path(), "reference", step::run));
    }

    /** An operand with its channels last: where it is, or, of a parameter that lies otherwise, a copy that every run makes. */
    private Place channelsLast(int i) {
        return in(in(i), Layout.of(node.input(i)));
    }

    private Place in(Place given, Layout wanted) {
        if (Layout.same(given.layout, wanted)) return given;
        Place copy = new Place(wanted);
        copy.bind(new float[wanted.size() + Lanes.SLACK], 0);
        add("reorder", new Reorder(team, given, copy)::run);
        return copy;
    }

    // ---- convolution, linear

    private void gather(ConvolutionShape shape, boolean backward, Place bias) {
        int members = team.members();
        Gather gather = backward ? Gather.backward(shape, members) : Gather.forward(shape, members);
        String pass = backward ? " backward data" : "";
        Place x = channelsLast(0);
        Place weights = in(in(1), shape.weights());
        if (shape.isDepthwise()) {
            var kernel = new DepthwiseConvolution(team, workspace, gather, x, weights, bias, out(0));
            add("depthwise" + pass, kernel::run);
            return;
        }
        DirectConvolution.Weights[] blocks = {new DirectConvolution.Weights(weights, 0)};
        if (backward) {
            var exchange = new DirectConvolution.Exchange(team, shape, gather, weights);
            add("exchange weights", exchange::run);
            blocks = exchange.weights();
        }
        var kernel = new DirectConvolution(team, workspace, shape, gather, backward, x, blocks, bias, out(0));
        add("direct" + pass, kernel::run);
    }

    private void weightsGradient(ConvolutionShape shape, boolean bias) {
        Gather gather = Gather.forward(shape, team.members());
        Place x = channelsLast(0);
        Place dy = channelsLast(1);
        if (shape.isDepthwise()) {
            var kernel = new DepthwiseWeightsGradient(team, workspace, gather, x, dy, out(0));
            add("depthwise backward weights", kernel::run);
        } else {
            var kernel = new WeightsGradient(team, workspace, shape, gather, x, dy, out(0));
            add("direct backward weights", kernel::run);
        }
        if (bias) add("channel sums", new ChannelSums(team, workspace, dy, out(1))::run);
    }

    // ---- batch normalization

    private void batchNormalization(Op.BatchNormalization b) {
        int affine = b.training() ? 1 : 3;
        var kernel = new VectorBatchNormalization(
                team,
                workspace,
                b,
                channelsLast(0),
                b.training() ? out(1) : in(1),
                b.training() ? out(2) : in(2),
                b.scale() ? in(affine) : null,
                b.shift() ? in(node.inputs().size() - 1) : null,
                out(0),
                b.relu() ? out(node.outputs().size() - 1) : null);
        add(b.relu() ? "batch norm + relu" : "batch norm", kernel::run);
    }

    private void batchNormalizationBackward(Op.BatchNormalization b) {
        var kernel = new VectorBatchNormalizationBackward(
                team,
                workspace,
                b,
                channelsLast(0),
                in(1),
                in(2),
                b.scale() ? in(3) : null,
                channelsLast(b.scale() ? 4 : 3),
                b.relu() ? in(node.inputs().size() - 1) : null,
                out(0),
                b.scale() ? out(1) : null,
                b.shift() ? out(node.outputs().size() - 1) : null);
        add(b.relu() ? "batch norm + relu backward" : "batch norm backward", kernel::run);
    }
}
