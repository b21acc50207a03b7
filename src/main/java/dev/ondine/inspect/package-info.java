/** Looks into trained networks: which pixels decided, and what the batch normalizations tell. */
package dev.ondine.inspect;
