/**
 * Ondine: convolutional networks with batch normalization on CPUs, through oneDNN.
 *
 * <p>On the module path start Java with {@code --enable-native-access=dev.ondine}, on the class path with
 * {@code --enable-native-access=ALL-UNNAMED}. oneDNN's own jar, which holds nothing but the
 * shared library, belongs on the class path in both cases: as a module it would want JavaCPP, which Ondine does without.
 */
@SuppressWarnings("requires-automatic") // Protocol Buffers have a name as a module but no descriptor.
module dev.ondine {
    requires com.fasterxml.jackson.core;
    requires com.google.protobuf;
    requires info.picocli;
    requires transitive java.desktop;
    requires java.management;
    requires jdk.management;
    requires me.tongfei.progressbar;
    requires static jdk.incubator.vector;

    exports dev.ondine.backend;
    exports dev.ondine.data;
    exports dev.ondine.graph;
    exports dev.ondine.inspect;
    exports dev.ondine.io;
    exports dev.ondine.io.onnx;
    exports dev.ondine.nn;
    exports dev.ondine.nn.models;
    exports dev.ondine.onednn;
    exports dev.ondine.profile;
    exports dev.ondine.reference;
    exports dev.ondine.report;
    exports dev.ondine.tensor;
    exports dev.ondine.train;
    exports dev.ondine.vector;

    opens dev.ondine.cli to
            info.picocli;
}
