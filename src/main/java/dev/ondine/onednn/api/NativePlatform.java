package dev.ondine.onednn.api;

import java.util.Locale;

/**
 * A platform that the pinned oneDNN artifact has libraries for, with the checksums of what it holds.
 *
 * @param classifier the artifact's classifier, which is also the folder inside it
 * @param library oneDNN itself
 * @param openMp the OpenMP runtime beside it; null if the platform has its own
 */
record NativePlatform(String classifier, PinnedFile library, PinnedFile openMp) {
    /** A file inside the artifact. */
    record PinnedFile(String name, long size, String sha256) {}

    /** The version of the artifact that the checksums are of; the same as {@code dnnl.version} in the pom. */
    static final String ARTIFACT = "org.bytedeco:dnnl:3.13-1.5.14";

    static final NativePlatform LINUX_X86_64 = new NativePlatform(
            "linux-x86_64",
            new PinnedFile(
                    "libdnnl.so.3", 92_850_136, "3610657c35381b06694034b677cf73f28086495aba51ecf0cfb5b6511652a443"),
            new PinnedFile(
                    "libgomp.so.1", 298_776, "d46f9225c1883039e8a6853e6d96ca1af11d034ce186a090952e4a7c8a7c2fdc"));
    static final NativePlatform LINUX_ARM64 = new NativePlatform(
            "linux-arm64",
            new PinnedFile(
                    "libdnnl.so.3", 64_817_296, "b7d1b3fb1ce5e547c2d4dac7b3a0019976ab65427e880b2d4e666230e6b4d6b2"),
            new PinnedFile(
                    "libgomp.so.1", 281_992, "3d8a29f52ccdf3ba0ab2428d721963fb9c9259d7682b8e2a2127dd6f119a29b1"));
    static final NativePlatform MACOSX_X86_64 = new NativePlatform(
            "macosx-x86_64",
            new PinnedFile(
                    "libdnnl.3.dylib", 65_410_400, "461a4d7e48a6b867603aa65b17fa50b2b539f8093a9234bde04d9253dbb61f0a"),
            new PinnedFile(
                    "libiomp5.dylib", 711_936, "9e1d056bd73359a2134f2a5b9fee589c101dc4692f2baca0ef846e097e497732"));
    static final NativePlatform MACOSX_ARM64 = new NativePlatform(
            "macosx-arm64",
            new PinnedFile(
                    "libdnnl.3.dylib", 22_997_584, "27443dece16760491ecda511f42de81764d9488a456063c864504ce5c9f3aabf"),
            new PinnedFile(
                    "libomp.dylib", 743_328, "bb30f86a18632aa2451192ca16e54cee4864a852872cad5198df8535e00eef14"));
    /** Its OpenMP is Microsoft's, installed with the Visual C++ runtime. */
    static final NativePlatform WINDOWS_X86_64 = new NativePlatform(
            "windows-x86_64",
            new PinnedFile("dnnl.dll", 49_200_640, "16e4301399559512c76627b1a5c3701c61be3f3dc7db039b7612385c2d563248"),
            null);

    /**
     * The platform that this process runs on.
     *
     * @throws OneDnnUnavailableException if the artifact has none for it
     */
    static NativePlatform current() {
        return of(System.getProperty("os.name"), System.getProperty("os.arch"));
    }

    static NativePlatform of(String osName, String osArch) {
        String os = osName.toLowerCase(Locale.ROOT);
        boolean x86 = osArch.equals("amd64") || osArch.equals("x86_64");
        boolean arm = osArch.equals("aarch64");
        if (os.startsWith("linux") && x86) return LINUX_X86_64;
        if (os.startsWith("linux") && arm) return LINUX_ARM64;
        if (os.startsWith("mac") && x86) return MACOSX_X86_64;
        if (os.startsWith("mac") && arm) return MACOSX_ARM64;
        if (os.startsWith("windows") && x86) return WINDOWS_X86_64;
        throw new OneDnnUnavailableException("no oneDNN for " + osName + " on " + osArch
                + "; there is one for Linux and macOS on x86-64 and ARM64 and for Windows on x86-64. Use the reference"
                + " backend (--backend reference) here");
    }

    /** The name of a file of the artifact as a resource on the class path. */
    String resource(PinnedFile file) {
        return "org/bytedeco/dnnl/" + classifier + "/" + file.name();
    }
}
