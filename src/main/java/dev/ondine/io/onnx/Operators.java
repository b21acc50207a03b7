package dev.ondine.io.onnx;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/** ONNX's operators that are read, each with what translates it. */
final class Operators {
    /** Adds a node's operations to the graph, or computes its result. */
    @FunctionalInterface
    interface Translator {
        void translate(GraphImport in, NodeView node) throws IOException;
    }

    private static final Map<String, Translator> KNOWN = new TreeMap<>();

    static {
        WindowImport.register(KNOWN);
        NormalizationImport.register(KNOWN);
        FunctionImport.register(KNOWN);
        StructureImport.register(KNOWN);
        ResizeImport.register(KNOWN);
        KNOWN.putAll(ConstantFolding.ONLY_CONSTANT);
    }

    private Operators() {}

    static boolean isKnown(String type) {
        return KNOWN.containsKey(type);
    }

    static void translate(GraphImport in, NodeView node) throws IOException {
        if (in.allKnown() && ConstantFolding.fold(in, node)) return;
        KNOWN.get(node.type()).translate(in, node);
    }
}
