/** Ondine: convolutional networks with batch normalization on CPUs, through oneDNN. */
package dev.ondine;
