package dev.ondine.io;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** A header that was read: both maps in file order. */
record SafeTensorsHeader(Map<String, String> metadata, Map<String, TensorInfo> tensors) {
    SafeTensorsHeader {
        metadata = Collections.unmodifiableMap(metadata);
        tensors = Collections.unmodifiableMap(tensors);
    }

    /** The tensors in the order of their data. */
    static List<TensorInfo> byOffset(Map<String, TensorInfo> tensors) {
        List<TensorInfo> sorted = new ArrayList<>(tensors.values());
        sorted.sort(Comparator.comparingLong(TensorInfo::begin));
        return sorted;
    }
}
