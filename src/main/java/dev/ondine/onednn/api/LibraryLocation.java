package dev.ondine.onednn.api;

import java.nio.file.Path;

/**
 * Where oneDNN was loaded from.
 *
 * @param path of the library
 */
public record LibraryLocation(Path path, Source source) {
    /** How the library got there. */
    public enum Source {
        /** Extracted from the native artifact, now or earlier, into the cache folder. */
        CACHE("the native artifact, cached"),
        /**
         * Extracted from the native artifact into a folder for this process only: the cache folder could not be
         * written.
         */
        TEMPORARY("the native artifact, in a temporary folder"),
        /** Named by {@code -Dondine.dnnl.path} or {@code ONDINE_DNNL_PATH}. */
        OVERRIDE("ondine.dnnl.path");

        private final String text;

        Source(String text) {
            this.text = text;
        }
    }

    /** Path and source in one line. */
    @Override
    public String toString() {
        return path + " (" + source.text + ")";
    }
}
