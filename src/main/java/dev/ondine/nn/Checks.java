package dev.ondine.nn;

/** What several layers ask of their settings. */
final class Checks {
    private Checks() {}

    static void epsilon(float epsilon) {
        if (!(epsilon > 0)) throw new IllegalArgumentException("epsilon must be positive, not " + epsilon);
    }
}
