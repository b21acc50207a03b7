package dev.ondine.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.graph.ActivationKind;
import dev.ondine.onednn.OneDnnBackend;
import dev.ondine.onednn.TunerTest;
import dev.ondine.onednn.api.CpuIsa;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.vector.VectorBackend;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The native backend against the reference: what {@code ondine verify} shows. */
class VerificationTest {
    private static final int THREADS = 2;

    /** What computes in float32 only, and what only moves or chooses numbers. */
    private static final Pattern NEVER_ROUNDED =
            Pattern.compile("(cross-entropy|soft cross-entropy|binary cross-entropy|l1|smooth"
                    + " l1|kl|log-softmax|softmax|dropout|concat|slice axis|reshape|transpose \\[|along"
                    + " axis|prelu|absolute|square root|exponential|logarithm|scale and"
                    + " shift|power|clip|expand|greater).*|relu");

    static Stream<VerifyCase> cases() {
        return VerifyCases.all().stream();
    }

    static Stream<VerifyCase> casesOfNetworks() {
        Pattern names = Pattern.compile(
                "(?!linear interpolation)(convolution|depthwise convolution|linear|batch norm)\\b.*|add . relu");
        return cases().filter(c -> names.matcher(c.operation()).matches());
    }

    private static Verification.Result run(VerifyCase verified, Precision precision) {
        return Verification.run(
                verified, new OneDnnBackend(), PlanOptions.threads(THREADS).precision(precision));
    }

    private static Verification.Result assertRight(VerifyCase verified, Precision precision) {
        Verification.Result result = run(verified, precision);
        assertEquals("", result.failures());
        assertTrue(result.comparisons().size() > 1, "a result and a gradient at least");
        return result;
    }

    /** Without the activations that training does not live on. */
    static Stream<VerifyCase> casesOfReluNetworks() {
        return casesOfNetworks()
                .filter(c -> !c.operation().contains(" + ") || c.operation().endsWith(" + relu"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void nativeIsAsTheReference(VerifyCase verified) {
        assertRight(verified, Precision.FLOAT32);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void emulatedBfloat16IsAsTheReference(VerifyCase verified) {
        String runs = assertRight(verified, Precision.BFLOAT16_EMULATED).implementation();
        boolean never = NEVER_ROUNDED.matcher(verified.operation()).matches();
        assertEquals(!never, runs.contains("round java"), runs);
    }

    /** Sums, repetitions and products of every kind, all of which have kernels; a softmax over one class is a constant. */
    static Stream<VerifyCase> casesWithKernels() {
        Pattern names =
                Pattern.compile("(matmul|attention|transpose \\[|slice|softmax|log-softmax|interpolation|nearest|along"
                        + " axis|prelu|add|multiply|subtract|divide|minimum|maximum|greater|absolute|square"
                        + " root|exponential|logarithm|scale and shift|power|clip|expand|.*between convolutions).*");
        return cases().filter(c -> names.matcher(c.operation()).matches())
                .filter(c -> !c.shape().matches("\\(5, 1\\)|\\(1, 1, 16\\)|\\(3, 3, 1, 1\\)"));
    }

    @ParameterizedTest
    @MethodSource("casesWithKernels")
    void runsNoReferenceLoop(VerifyCase verified) {
        String runs = run(verified, Precision.FLOAT32).implementation();
        assertFalse(runs.contains("ref:"), runs);
    }

    static boolean hasBfloat16() {
        return OneDnn.supportsBfloat16();
    }

    @ParameterizedTest
    @MethodSource("cases")
    @EnabledIf(value = "hasBfloat16", disabledReason = "oneDNN finds no bfloat16 in this processor")
    void bfloat16IsAsTheReference(VerifyCase verified) {
        String runs = assertRight(verified, Precision.BFLOAT16).implementation();
        assertFalse(runs.contains("round java"), runs);
    }

    static Stream<VerifyCase> casesWithSeveralKernels() {
        return Stream.concat(
                casesOfNetworks(), cases().filter(c -> c.operation().startsWith("transposed convolution")));
    }

    /** Whatever a tuner chooses, the result is right: here always the kernel that the rule puts last. */
    @ParameterizedTest
    @MethodSource("casesWithSeveralKernels")
    void theOtherKernelsAreAsTheReference(VerifyCase verified) {
        assertEquals(
                "",
                Verification.run(verified, TunerTest.contrary(), PlanOptions.threads(THREADS))
                        .failures());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void vectorIsAsTheReference(VerifyCase verified) {
        // One thread, several, and more than there are samples or bands.
        for (int threads : new int[] {1, THREADS, 5}) {
            Verification.Result result = Verification.run(verified, new VectorBackend(), PlanOptions.threads(threads));
            assertEquals("", result.failures(), threads + " threads");
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void emulatedBfloat16OfVectorsIsAsTheReference(VerifyCase verified) {
        PlanOptions options = PlanOptions.threads(THREADS).precision(Precision.BFLOAT16_EMULATED);
        assertEquals(
                "", Verification.run(verified, new VectorBackend(), options).failures());
    }

    /** What training lives on has kernels of the backend's own. */
    @ParameterizedTest
    @MethodSource("casesOfReluNetworks")
    void vectorRunsTheKernelsItShould(VerifyCase verified) {
        String runs = Verification.run(verified, new VectorBackend(), PlanOptions.threads(THREADS))
                .implementation();
        assertFalse(runs.contains("reference"), runs);
    }

    static Stream<VerifyCase> casesOfOtherBatchNorms() {
        Pattern names = Pattern.compile("(ghost batch norm|batch renorm).*");
        return cases().filter(c -> names.matcher(c.operation()).matches());
    }

    /** Virtual batches are pieces of the memory, which the kernels of batch normalization take as they are if they are aligned. */
    @ParameterizedTest
    @MethodSource("casesOfOtherBatchNorms")
    void otherBatchNormsRunItsKernels(VerifyCase verified) {
        String runs = run(verified, Precision.FLOAT32).implementation();
        assertFalse(runs.contains("ref:"), runs);
        assertTrue(runs.contains("batch_normalization forward_training"), runs);
        assertTrue(runs.contains("batch_normalization backward"), runs);
        // Two images of a block of channels, padding included, are whole lines of the cache; 13 channels fill a block
        // of 8 only.
        String channels = OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX512_CORE) ? "17|31|207" : "13|17|31|207";
        boolean aligned = OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX2)
                && verified.toString().matches(".*(3d|\\(6, (" + channels + "), 5, 7\\)).*");
        if (aligned) assertFalse(runs.contains("virtual_batch java"), runs);
    }

    static Stream<VerifyCase> casesOfNormalizedSamples() {
        Pattern names = Pattern.compile("(layer|group|instance) norm.*");
        return cases().filter(c -> names.matcher(c.operation()).matches());
    }

    /** oneDNN's own group normalization would fall to its reference loop for the gradient. */
    @ParameterizedTest
    @MethodSource("casesOfNormalizedSamples")
    void samplesAreNormalizedByRealKernels(VerifyCase verified) {
        String runs = run(verified, Precision.FLOAT32).implementation();
        assertFalse(runs.contains("ref"), runs);
        String kernel = verified.operation().startsWith("instance") ? "batch" : "layer";
        assertTrue(runs.contains(kernel + "_normalization forward_training"), runs);
        assertTrue(runs.contains(kernel + "_normalization backward"), runs);
    }

    /**
     * A ReLU behind batch normalization, a sum, a convolution or a linear layer is no step of its own, and what training lives on has
     * real kernels.
     */
    @ParameterizedTest
    @MethodSource("casesOfNetworks")
    void runsTheKernelsItShould(VerifyCase verified) {
        String name = verified.operation();
        String runs = run(verified, Precision.FLOAT32).implementation();
        assertFalse(runs.contains("ref:"), runs);
        if (name.startsWith("batch norm")) assertFalse(runs.contains("eltwise"), runs);
        if (name.matches(".*(convolution|linear).* \\+ .*")) {
            // In this graph the gradient of an activation like GELU needs what goes into it, which no post-op leaves
            // behind.
            boolean fused = ActivationKind.valueOf(
                            name.substring(name.lastIndexOf(' ') + 1).toUpperCase(Locale.ROOT))
                    .gradientFromOutput();
            assertEquals(!fused, runs.matches("(.*, )?eltwise_\\w+ forward.*"), runs);
            assertFalse(runs.contains("binary_add"), runs);
        }
        if (name.equals("add + relu")) {
            assertTrue(runs.startsWith("binary_add") && !runs.contains("eltwise_relu_use_dst forward"), runs);
        }
    }
}
