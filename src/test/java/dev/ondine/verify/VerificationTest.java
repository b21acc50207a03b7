package dev.ondine.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.onednn.OneDnnBackend;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The native backend against the reference: what {@code ondine verify} shows. */
class VerificationTest {
    private static final int THREADS = 2;

    static Stream<VerifyCase> cases() {
        return VerifyCases.all().stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void nativeIsAsTheReference(VerifyCase verified) {
        Verification.Result result = Verification.run(verified, new OneDnnBackend(), THREADS);
        assertEquals("", result.failures());
        assertTrue(result.comparisons().size() > 1, "a result and a gradient at least");
    }
}
