/** Ondine beside others, whole workloads, each run a process of its own. */
package dev.ondine.bench.compare;
