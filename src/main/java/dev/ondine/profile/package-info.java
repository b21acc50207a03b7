/**
 * What the machine can do and what a plan makes of it: {@link dev.ondine.profile.Peak} measures the machine's roofline.
 */
package dev.ondine.profile;
