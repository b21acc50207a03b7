/**
 * What the machine can do and what a plan makes of it: {@link dev.ondine.profile.Peak} measures the machine's roofline,
 * {@link dev.ondine.profile.Profiler} times the steps of a plan under it, and the rest writes that down.
 */
package dev.ondine.profile;
