package dev.ondine.io.onnx;

/** A network's structure needs the elements of a tensor that are elsewhere: see {@link NetworkStructure}. */
final class AbsentException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    private final String tensor;

    AbsentException(String tensor) {
        super("the elements of " + Quoted.of(tensor) + " are not stored with the network's structure");
        this.tensor = tensor;
    }

    String tensor() {
        return tensor;
    }
}
