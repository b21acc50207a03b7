/** Typed off-heap arrays: {@link dev.ondine.tensor.Tensor}, its shape and its element type. */
package dev.ondine.tensor;
