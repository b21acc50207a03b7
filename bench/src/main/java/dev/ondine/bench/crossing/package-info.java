/** The same primitives driven from C and from Java. */
package dev.ondine.bench.crossing;
