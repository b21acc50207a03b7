package dev.ondine.train;

/**
 * How likely one class is.
 *
 * @param index of the class among the model's outputs
 * @param name of the class; its index as text if the file has no names
 * @param probability in [0, 1]; those of all classes sum to 1
 */
public record ClassProbability(int index, String name, double probability) {}
