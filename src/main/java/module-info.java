/**
 * Ondine: convolutional networks with batch normalization on CPUs, through oneDNN.
 *
 * <p>{@link dev.ondine.nn} builds networks, {@link dev.ondine.data} reads images, {@link dev.ondine.train} trains, evaluates and predicts,
 * {@link dev.ondine.io.onnx} exchanges networks with other tools. A backend is chosen by name, with
 * {@link dev.ondine.backend.Backends#named}; the packages that implement them are not exported.
 *
 * <p>On the module path start Java with {@code --enable-native-access=dev.ondine}, on the class path with
 * {@code --enable-native-access=ALL-UNNAMED}. oneDNN's own jar, which holds nothing but the
 * shared library, belongs on the class path in both cases: as a module it would want JavaCPP, which Ondine does without.
 * Picocli and the progress bar serve the command line only, and whoever embeds the library may leave them out.
 */
@SuppressWarnings("requires-automatic") // Protocol Buffers have a name as a module but no descriptor.
module dev.ondine {
    requires com.fasterxml.jackson.core;
    requires com.google.protobuf;
    requires transitive java.desktop;
    requires java.management;
    requires jdk.management;
    requires static info.picocli;
    requires static jdk.incubator.vector;
    requires static me.tongfei.progressbar;

    exports dev.ondine.backend;
    exports dev.ondine.data;
    exports dev.ondine.graph;
    exports dev.ondine.inspect;
    exports dev.ondine.io;
    exports dev.ondine.io.onnx;
    exports dev.ondine.nn;
    exports dev.ondine.nn.models;
    exports dev.ondine.tensor;
    exports dev.ondine.train;

    opens dev.ondine.cli to
            info.picocli;
}
