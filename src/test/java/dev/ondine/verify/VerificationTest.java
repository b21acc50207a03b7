package dev.ondine.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.onednn.OneDnnBackend;
import dev.ondine.onednn.TunerTest;
import dev.ondine.vector.VectorBackend;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The native backend against the reference: what {@code ondine verify} shows. */
class VerificationTest {
    private static final int THREADS = 2;

    static Stream<VerifyCase> cases() {
        return VerifyCases.all().stream();
    }

    static Stream<VerifyCase> casesOfNetworks() {
        Pattern names = Pattern.compile("(convolution|linear|batch norm).*|add . relu");
        return cases().filter(c -> names.matcher(c.operation()).matches());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void nativeIsAsTheReference(VerifyCase verified) {
        Verification.Result result = Verification.run(verified, new OneDnnBackend(), THREADS);
        assertEquals("", result.failures());
        assertTrue(result.comparisons().size() > 1, "a result and a gradient at least");
    }

    /** Whatever a tuner chooses, the result is right: here always the kernel that the rule puts last. */
    @ParameterizedTest
    @MethodSource("casesOfNetworks")
    void theOtherKernelsAreAsTheReference(VerifyCase verified) {
        assertEquals(
                "", Verification.run(verified, TunerTest.contrary(), THREADS).failures());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void vectorIsAsTheReference(VerifyCase verified) {
        // One thread, several, and more than there are samples or bands.
        for (int threads : new int[] {1, THREADS, 5}) {
            Verification.Result result = Verification.run(verified, new VectorBackend(), threads);
            assertEquals("", result.failures(), threads + " threads");
        }
    }

    /** What training lives on has kernels of the backend's own. */
    @ParameterizedTest
    @MethodSource("casesOfNetworks")
    void vectorRunsTheKernelsItShould(VerifyCase verified) {
        String runs = Verification.run(verified, new VectorBackend(), THREADS).implementation();
        assertFalse(runs.contains("reference"), runs);
    }

    /** A ReLU behind batch normalization or a sum is no step of its own, and what training lives on has real kernels. */
    @ParameterizedTest
    @MethodSource("casesOfNetworks")
    void runsTheKernelsItShould(VerifyCase verified) {
        String name = verified.operation();
        String runs = Verification.run(verified, new OneDnnBackend(), THREADS).implementation();
        assertFalse(runs.contains("ref:"), runs);
        if (name.startsWith("batch norm")) assertFalse(runs.contains("eltwise"), runs);
        if (name.equals("add + relu")) {
            assertTrue(runs.startsWith("binary_add") && !runs.contains("eltwise_relu_use_dst forward"), runs);
        }
    }
}
