/** Pairs that differ in one thing, the backend, and what it takes to run them and to show the results. */
package dev.ondine.bench;
