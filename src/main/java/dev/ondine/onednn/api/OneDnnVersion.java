package dev.ondine.onednn.api;

/**
 * The version of a oneDNN library.
 *
 * @param hash of the sources that it was built from; "N/A" if the build did not say
 */
public record OneDnnVersion(int major, int minor, int patch, String hash) {
    /** Whether it is this version or a later one. */
    public boolean isAtLeast(int wantedMajor, int wantedMinor) {
        return major > wantedMajor || major == wantedMajor && minor >= wantedMinor;
    }

    /** {@code 3.13.0}. */
    @Override
    public String toString() {
        return major + "." + minor + "." + patch;
    }
}
