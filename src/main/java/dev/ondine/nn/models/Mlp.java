package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.batchNorm1d;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Sequential;

/** Perceptrons with batch normalization. */
public final class Mlp {
    private Mlp() {}

    /** Two hidden layers, each with batch normalization and ReLU. Takes samples of {@code in} numbers in any shape. */
    public static Layer of(int in, int hidden, int classes) {
        return Sequential.of(
                flatten(),
                linear(in, hidden),
                batchNorm1d(hidden),
                relu(),
                linear(hidden, hidden),
                batchNorm1d(hidden),
                relu(),
                linear(hidden, classes));
    }
}
