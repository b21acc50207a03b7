/**
 * The backend in plain Java that judges the others: every operation as its formula, loop for loop, in double precision
 * on row-major arrays, one small class a family of operations.
 *
 * <p>Written to be read. In all of these files a comment gives the shape of each buffer (N batch, C channels, S space,
 * the product of the spatial extents), and {@code dx} is the gradient of the loss with respect to {@code x}. Backward
 * passes stand below their forward passes. A good start is {@link dev.ondine.reference.ReferenceBatchNormalization}.
 */
package dev.ondine.reference;
