package dev.ondine.verify;

import java.util.List;
import java.util.stream.Stream;

/** Every operation that a network may hold, on shapes that are awkward for vectors, blocks and threads. */
public final class VerifyCases {
    /** One, fewer than a vector, not a multiple of one, just past one, and many. */
    static final long[] CHANNELS = {1, 3, 13, 17, 31, 207};

    private VerifyCases() {}

    public static List<VerifyCase> all() {
        return Stream.of(
                        ConvolutionCases.all(),
                        EpilogueCases.all(),
                        TransposedConvolutionCases.all(),
                        NormalizationCases.all(),
                        LayerNormalizationCases.all(),
                        PoolingCases.all(),
                        ElementwiseCases.all(),
                        StructureCases.all(),
                        ResizingCases.all(),
                        FunctionCases.all(),
                        LossCases.all())
                .flatMap(List::stream)
                .toList();
    }
}
