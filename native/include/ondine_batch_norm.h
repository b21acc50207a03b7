/*
 * Batch normalization in training, forward and backward, with or without the ReLU behind it, for activations in blocks of 16 channels
 * (oneDNN's aBc16b, aBcd16b, aBcde16b), float32 or bfloat16, or in float32 rows of channels without pixels (ab); float32 statistics and
 * parameters. AVX-512.
 *
 * What it does differently from oneDNN's. Of blocks it goes through one group of channels after the other, as many as the caches hold, so
 * that the second reading of a value finds it near, and fetches the next group's values while it writes. Of rows each thread has channels
 * of its own and waits for nobody. It keeps no mask of the ReLU, whose sign follows from x again; and it adds in an order that does not
 * depend on the number of threads, so that neither does any bit of the result.
 */
#ifndef ONDINE_BATCH_NORM_H
#define ONDINE_BATCH_NORM_H

#include <stdint.h>

#include "ondine_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a signature, the struct or a meaning below changes; NativeBatchNorm refuses any other number. */
#define ONDINE_BATCH_NORM_VERSION 3

ONDINE_API int32_t ondine_batch_norm_version(void);

#define ONDINE_BATCH_NORM_F32 0
#define ONDINE_BATCH_NORM_BF16 1
/* float32 in rows: [images][16 * blocks - missing]. */
#define ONDINE_BATCH_NORM_ROWS 2

/* 1 if this processor runs the kernels for a type, else 0. They must not be called then. */
ONDINE_API int32_t ondine_batch_norm_supports(int32_t type);

/* Both directions' arguments. Activations lie densely, [images][blocks][space][16] but for rows; per-channel arrays hold a float for each. */
typedef struct {
    int64_t images;
    int64_t blocks;
    int64_t space;
    const void *x;
    /* Backward only: the gradient of y. */
    const void *dy;
    /* Not backward's; may be NULL: what is added to y, before the ReLU if there is one (whose gradient is then not backward's). */
    const void *addend;
    /* Forward y, backward dx. May be the memory of addend, backward that of dy. */
    void *result;
    /* gamma and beta; NULL: 1 and 0. Backward reads beta only with relu. */
    const float *scale;
    const float *shift;
    /* Of the batch, the variance divided by the number of values: written forward, read backward. */
    float *mean;
    float *variance;
    /* Backward only; either may be NULL. */
    float *scale_gradient;
    float *shift_gradient;
    /* ondine_batch_norm_scratch bytes, aligned to 64, or NULL if that is 0; contents do not matter. */
    float *scratch;
    float epsilon;
    int32_t type;
    int32_t relu;
    /* Of rows, below 16: channels that the last block has not. */
    int32_t missing;
    /* The size of the OpenMP team; 0 or less takes OpenMP's own default. */
    int32_t threads;
} ondine_batch_norm;

/* Of `scratch`, for these images, blocks, space, type and threads. */
ONDINE_API int64_t ondine_batch_norm_scratch(const ondine_batch_norm *call);

/*
 *   mean[c]     = sum x / m
 *   variance[c] = sum (x - mean[c])^2 / m
 *   y           = (x - mean[c]) * scale[c] / sqrt(variance[c] + epsilon) + shift[c]        (+ addend; relu: max(0, that))
 *
 * Of bfloat16, what the addend is added to is rounded before, so that the sum is that of two bfloat16.
 */
ONDINE_API void ondine_batch_norm_forward(const ondine_batch_norm *call);

/* y once more, to the bit, of the mean and variance that forward left: for a caller who did not keep y. */
ONDINE_API void ondine_batch_norm_again(const ondine_batch_norm *call);

/*
 *   g                 = relu && y <= 0 ? 0 : dy
 *   shift_gradient[c] = sum g
 *   scale_gradient[c] = sum g * (x - mean[c]) / sqrt(variance[c] + epsilon)
 *   dx                = scale[c] / sqrt(variance[c] + epsilon)
 *                       * (g - shift_gradient[c] / m - (x - mean[c]) / sqrt(variance[c] + epsilon) * scale_gradient[c] / m)
 */
ONDINE_API void ondine_batch_norm_backward(const ondine_batch_norm *call);

#ifdef __cplusplus
}
#endif

#endif
