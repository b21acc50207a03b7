package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.onednn.api.CpuIsa;
import dev.ondine.onednn.api.OneDnn;
import java.util.ArrayList;
import java.util.List;

/** What can be done about a step that oneDNN has only a reference loop for. */
final class SlowAdvice {
    private SlowAdvice() {}

    static String cure(StepSpec step) {
        List<String> cures = new ArrayList<>();
        for (String variable : List.of("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")) {
            String limit = System.getenv(variable);
            if (limit != null) cures.add("unset " + variable + ", which keeps oneDNN to " + limit);
        }
        if (cures.isEmpty() && !OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX2)) {
            cures.add("use a processor with AVX2 or better: this one gives oneDNN " + OneDnn.effectiveIsa());
        }
        step.node().map(SlowAdvice::change).ifPresent(cures::add);
        cures.add("ONEDNN_VERBOSE=dispatch makes oneDNN print why it passed each of its kernels over");
        return String.join("; ", cures);
    }

    /** A change to the network that leads around the slow kernels known so far. */
    private static String change(Node node) {
        return change(node.op());
    }

    private static String change(Op op) {
        return switch (op) {
            case Op.Epilogue e -> change(e.op());
            case Op.Convolution c -> convolution(c);
            case Op.ConvolutionBackwardData c -> convolution(c.forward());
            case Op.ConvolutionBackwardWeights c -> convolution(c.forward());
            case Op.SoftmaxBackward _ -> "leave the softmax out: over one entry it is always 1";
            default -> null;
        };
    }

    private static String convolution(Op.Convolution c) {
        if (c.groups() > 1) {
            return "take fewer groups, channels per group that are a multiple of 8 (16 on AVX-512), or 2-d instead of"
                    + " 3-d: depthwise and grouped kernels exist for few cases";
        }
        if (c.dilation().stream().anyMatch(d -> d > 1)) return "take a dense kernel: dilation has fewer kernels";
        return "take channels that are a multiple of 8 (16 on AVX-512)";
    }
}
