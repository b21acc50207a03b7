/**
 * The zoo: whole networks, by name ({@link dev.ondine.nn.models.Models}) or by the methods of their families. Parameters are named as
 * in torchvision where torchvision has the network, so that its checkpoints fit.
 */
package dev.ondine.nn.models;
