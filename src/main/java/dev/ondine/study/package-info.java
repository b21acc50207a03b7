/** Experiments that show, with curves that were measured on the spot, what is said about training. */
package dev.ondine.study;
