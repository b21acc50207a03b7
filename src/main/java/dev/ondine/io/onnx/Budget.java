package dev.ondine.io.onnx;

import java.nio.file.Path;

/**
 * Bounds what a file's structure costs: two bytes of a message can become an object of a hundred. Data of tensors, which stay in the
 * file, do not count.
 */
final class Budget {
    /** Bytes of memory that a byte of structure may become. */
    private static final int GROWTH = 64;

    private static final long LEAST = 4 << 20;

    private final Path file;
    private final long most = Math.max(LEAST, java.lang.Runtime.getRuntime().maxMemory() / GROWTH);
    private long taken;

    Budget(Path file) {
        this.file = file;
    }

    /** @throws OnnxException if so many bytes more are too many */
    void take(long bytes) throws OnnxException {
        taken += bytes;
        if (taken > most) {
            throw new OnnxException(file + ": nodes, names and other structure take more than the " + most
                    + " bytes that are read with a Java heap of this size; store weights as raw data of initializers,"
                    + " or allow Java more memory (-Xmx)");
        }
    }
}
