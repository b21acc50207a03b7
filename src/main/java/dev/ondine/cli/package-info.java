/** The {@code ondine} command. */
package dev.ondine.cli;
