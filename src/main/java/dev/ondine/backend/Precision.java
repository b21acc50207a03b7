package dev.ondine.backend;

import java.util.Arrays;
import java.util.List;

/**
 * In which type a plan computes. Inputs, outputs, parameters, their gradients, batch statistics and losses are float32 in every case: a
 * model that was trained in bfloat16 is a float32 model.
 */
public enum Precision {
    /** 32 bits, everywhere. */
    FLOAT32("f32"),
    /**
     * Activations, their gradients and the weights as the kernels read them are bfloat16, sums are float32 ({@link
     * dev.ondine.graph.MixedPrecision}). No loss scaling: bfloat16 has float32's exponents. The native backend takes it on processors that
     * multiply bfloat16 (AVX512_BF16, AMX): without, it would be slower than float32.
     */
    BFLOAT16("bf16"),
    /**
     * The numbers of {@link #BFLOAT16} on any processor, slower than float32: values are kept in float32 and rounded to bfloat16 wherever
     * that would store one. To see how a network learns in bfloat16 before there is hardware for it.
     */
    BFLOAT16_EMULATED("bf16-emulated");

    private final String shortName;

    Precision(String shortName) {
        this.shortName = shortName;
    }

    /** What the command line calls it: {@code f32}, {@code bf16}, {@code bf16-emulated}. */
    public String shortName() {
        return shortName;
    }

    /** The names that {@link #named} knows. */
    public static List<String> names() {
        return Arrays.stream(values()).map(Precision::shortName).toList();
    }

    /** @throws IllegalArgumentException for an unknown name */
    public static Precision named(String name) {
        return Arrays.stream(values())
                .filter(p -> p.shortName.equals(name))
                .findFirst()
                .orElseThrow(() ->
                        new IllegalArgumentException("no precision is called '" + name + "'; there are " + names()));
    }

    /** Whether values are rounded to bfloat16, in hardware or not. */
    public boolean isBfloat16() {
        return this != FLOAT32;
    }
}
