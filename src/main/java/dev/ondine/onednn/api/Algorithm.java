package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.util.Locale;

/**
 * Which formula a primitive computes, where its kind has several. The formulas are oneDNN's; s is the input, d the
 * output.
 */
public enum Algorithm {
    CONVOLUTION_DIRECT(dnnl_h.dnnl_convolution_direct()),
    CONVOLUTION_AUTO(dnnl_h.dnnl_convolution_auto()),
    CONVOLUTION_WINOGRAD(dnnl_h.dnnl_convolution_winograd()),
    DECONVOLUTION_DIRECT(dnnl_h.dnnl_deconvolution_direct()),

    /** s if s > 0, else alpha·s: leaky for alpha ≠ 0. */
    ELTWISE_RELU(dnnl_h.dnnl_eltwise_relu()),
    ELTWISE_TANH(dnnl_h.dnnl_eltwise_tanh()),
    /** s if s > 0, else alpha·(eˢ − 1). */
    ELTWISE_ELU(dnnl_h.dnnl_eltwise_elu()),
    ELTWISE_SQUARE(dnnl_h.dnnl_eltwise_square()),
    ELTWISE_ABS(dnnl_h.dnnl_eltwise_abs()),
    ELTWISE_SQRT(dnnl_h.dnnl_eltwise_sqrt()),
    /** alpha·s + beta. */
    ELTWISE_LINEAR(dnnl_h.dnnl_eltwise_linear()),
    /** log(1 + e^(alpha·s)) / alpha. */
    ELTWISE_SOFT_RELU(dnnl_h.dnnl_eltwise_soft_relu()),
    /** alpha·s + beta, limited to [0, 1]. */
    ELTWISE_HARDSIGMOID(dnnl_h.dnnl_eltwise_hardsigmoid()),
    /** The sigmoid. */
    ELTWISE_LOGISTIC(dnnl_h.dnnl_eltwise_logistic()),
    ELTWISE_EXP(dnnl_h.dnnl_eltwise_exp()),
    ELTWISE_GELU_TANH(dnnl_h.dnnl_eltwise_gelu_tanh()),
    /** s·sigmoid(alpha·s): SiLU for alpha = 1. */
    ELTWISE_SWISH(dnnl_h.dnnl_eltwise_swish()),
    ELTWISE_LOG(dnnl_h.dnnl_eltwise_log()),
    /** s limited to [alpha, beta]; gradient 0 at alpha, 1 at beta. */
    ELTWISE_CLIP(dnnl_h.dnnl_eltwise_clip()),
    /** s limited to [alpha, beta]; gradient 0 at both. */
    ELTWISE_CLIP_V2(dnnl_h.dnnl_eltwise_clip_v2()),
    /** alpha·s^beta. */
    ELTWISE_POW(dnnl_h.dnnl_eltwise_pow()),
    ELTWISE_GELU_ERF(dnnl_h.dnnl_eltwise_gelu_erf()),
    ELTWISE_ROUND(dnnl_h.dnnl_eltwise_round()),
    ELTWISE_MISH(dnnl_h.dnnl_eltwise_mish()),
    /** s·hardsigmoid(s). */
    ELTWISE_HARDSWISH(dnnl_h.dnnl_eltwise_hardswish()),
    /** As {@link #ELTWISE_RELU}, but its gradient is computed from d: the input need not be kept. Wants alpha ≥ 0. */
    ELTWISE_RELU_USE_DST(dnnl_h.dnnl_eltwise_relu_use_dst_for_bwd()),
    ELTWISE_TANH_USE_DST(dnnl_h.dnnl_eltwise_tanh_use_dst_for_bwd()),
    ELTWISE_ELU_USE_DST(dnnl_h.dnnl_eltwise_elu_use_dst_for_bwd()),
    ELTWISE_SQRT_USE_DST(dnnl_h.dnnl_eltwise_sqrt_use_dst_for_bwd()),
    ELTWISE_LOGISTIC_USE_DST(dnnl_h.dnnl_eltwise_logistic_use_dst_for_bwd()),
    ELTWISE_EXP_USE_DST(dnnl_h.dnnl_eltwise_exp_use_dst_for_bwd()),
    ELTWISE_CLIP_V2_USE_DST(dnnl_h.dnnl_eltwise_clip_v2_use_dst_for_bwd()),

    POOLING_MAX(dnnl_h.dnnl_pooling_max()),
    /** The mean over the whole window, padding counting as zeros. */
    POOLING_AVG_INCLUDE_PADDING(dnnl_h.dnnl_pooling_avg_include_padding()),
    /** The mean over the part of the window that lies in the image. */
    POOLING_AVG_EXCLUDE_PADDING(dnnl_h.dnnl_pooling_avg_exclude_padding()),

    BINARY_ADD(dnnl_h.dnnl_binary_add()),
    BINARY_MUL(dnnl_h.dnnl_binary_mul()),
    BINARY_MAX(dnnl_h.dnnl_binary_max()),
    BINARY_MIN(dnnl_h.dnnl_binary_min()),
    BINARY_DIV(dnnl_h.dnnl_binary_div()),
    BINARY_SUB(dnnl_h.dnnl_binary_sub()),
    BINARY_GE(dnnl_h.dnnl_binary_ge()),
    BINARY_GT(dnnl_h.dnnl_binary_gt()),
    BINARY_LE(dnnl_h.dnnl_binary_le()),
    BINARY_LT(dnnl_h.dnnl_binary_lt()),
    BINARY_EQ(dnnl_h.dnnl_binary_eq()),
    BINARY_NE(dnnl_h.dnnl_binary_ne()),

    RESAMPLING_NEAREST(dnnl_h.dnnl_resampling_nearest()),
    RESAMPLING_LINEAR(dnnl_h.dnnl_resampling_linear()),

    REDUCTION_MAX(dnnl_h.dnnl_reduction_max()),
    REDUCTION_MIN(dnnl_h.dnnl_reduction_min()),
    REDUCTION_SUM(dnnl_h.dnnl_reduction_sum()),
    REDUCTION_MUL(dnnl_h.dnnl_reduction_mul()),
    REDUCTION_MEAN(dnnl_h.dnnl_reduction_mean()),
    REDUCTION_NORM_LP_MAX(dnnl_h.dnnl_reduction_norm_lp_max()),
    REDUCTION_NORM_LP_SUM(dnnl_h.dnnl_reduction_norm_lp_sum()),
    REDUCTION_NORM_LP_POWER_P_MAX(dnnl_h.dnnl_reduction_norm_lp_power_p_max()),
    REDUCTION_NORM_LP_POWER_P_SUM(dnnl_h.dnnl_reduction_norm_lp_power_p_sum()),

    /** Softmax, the maximum subtracted first. */
    SOFTMAX_ACCURATE(dnnl_h.dnnl_softmax_accurate()),
    /** The logarithm of the softmax. */
    SOFTMAX_LOG(dnnl_h.dnnl_softmax_log());

    private final int code;

    Algorithm(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** Whether the backward pass of this element-wise function reads the forward's output instead of its input. */
    public boolean usesDestinationForBackward() {
        return name().endsWith("_USE_DST");
    }

    /** {@code eltwise_relu}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
