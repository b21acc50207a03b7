/**
 * Layers as data, models, and the parameters that they own. {@link dev.ondine.nn.Layers} has a factory for each layer;
 * {@link dev.ondine.nn.models.Models} has whole networks.
 */
package dev.ondine.nn;
