package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;

/** Instruction sets of x86-64 processors that oneDNN tells apart, each with all that it includes. */
public enum CpuIsa {
    /** None of those below: an older processor, or not x86-64. */
    OTHER(0),
    SSE41(dnnl_h.dnnl_cpu_isa_sse41()),
    AVX(dnnl_h.dnnl_cpu_isa_avx()),
    AVX2(dnnl_h.dnnl_cpu_isa_avx2()),
    AVX2_VNNI(dnnl_h.dnnl_cpu_isa_avx2_vnni()),
    AVX2_VNNI_2(dnnl_h.dnnl_cpu_isa_avx2_vnni_2()),
    AVX512_CORE(dnnl_h.dnnl_cpu_isa_avx512_core()),
    AVX512_CORE_VNNI(dnnl_h.dnnl_cpu_isa_avx512_core_vnni()),
    /** With dot products of bfloat16. */
    AVX512_CORE_BF16(dnnl_h.dnnl_cpu_isa_avx512_core_bf16()),
    AVX512_CORE_FP16(dnnl_h.dnnl_cpu_isa_avx512_core_fp16()),
    AVX512_CORE_AMX(dnnl_h.dnnl_cpu_isa_avx512_core_amx()),
    AVX512_CORE_AMX_FP16(dnnl_h.dnnl_cpu_isa_avx512_core_amx_fp16()),
    AVX10_2(dnnl_h.dnnl_cpu_isa_avx10_2()),
    AVX10_2_AMX_2(dnnl_h.dnnl_cpu_isa_avx10_2_amx_2());

    /** One bit a feature. */
    private final int features;

    CpuIsa(int features) {
        this.features = features;
    }

    int code() {
        return features;
    }

    /** Whether all that the other set has is in this one too. */
    public boolean isAtLeast(CpuIsa other) {
        return (features & other.features) == other.features;
    }

    /** The richest set that lies within oneDNN's number for one, which may be of a processor newer than this list. */
    static CpuIsa of(int code) {
        CpuIsa best = OTHER;
        for (CpuIsa isa : values()) {
            if ((code & isa.features) == isa.features
                    && Integer.bitCount(isa.features) > Integer.bitCount(best.features)) {
                best = isa;
            }
        }
        return best;
    }
}
