package dev.ondine.graph;

/** Functions of two numbers, besides sum and product. */
public enum BinaryKind {
    /** a − b. */
    SUBTRACT,
    /** a/b. */
    DIVIDE,
    /** The smaller one. Where both are equal, either gets half of the gradient. */
    MINIMUM,
    /** The larger one. Where both are equal, either gets half of the gradient. */
    MAXIMUM,
    /** 1 if a &gt; b, else 0. Its gradient is 0. */
    GREATER,
    /** 1 if a ≥ b, else 0. Its gradient is 0. */
    GREATER_OR_EQUAL
}
