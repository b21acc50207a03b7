/** Compares a backend with the reference, operation by operation: what {@code ondine verify} and the tests run. */
package dev.ondine.verify;
