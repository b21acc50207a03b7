/*
 * The gradient of a convolution's weights in bfloat16, for activations in blocks of 16 channels (oneDNN's aBcd16b) and kernels of one or
 * three columns. AVX-512 with bfloat16.
 *
 * The instruction multiplies and adds two values at a time (vdpbf16ps): here those of two images. A piece of both is first rearranged
 * into pairs, so that the loop that multiplies only loads and multiplies, whatever stride and padding are, and its sums stay in registers
 * for the whole piece. oneDNN's kernel pairs neighbours of a row, one row at a time, and its sums leave the registers after each.
 */
#ifndef ONDINE_CONVOLUTION_H
#define ONDINE_CONVOLUTION_H

#include <stdint.h>

#include "ondine_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a signature, the struct or a meaning below changes; NativeConvolution refuses any other number. */
#define ONDINE_CONVOLUTION_VERSION 1

ONDINE_API int32_t ondine_convolution_version(void);

/* Activations are bfloat16 and lie densely, [images][blocks][height][width][16]. */
typedef struct {
    int64_t images;
    int64_t in_blocks;
    int64_t in_height;
    int64_t in_width;
    int64_t out_blocks;
    int64_t out_height;
    int64_t out_width;
    int64_t kernel_height;
    int64_t kernel_width;
    int64_t stride_height;
    int64_t stride_width;
    /* Rows above and columns left of the input that are taken for zero, as are those beyond its end. */
    int64_t padding_height;
    int64_t padding_width;
    const void *x;
    const void *dy;
    /* float32, [out_blocks][in_blocks][kernel_height][kernel_width][16 inputs][16 outputs]: oneDNN's ABcd16b16a. */
    float *gradient;
    /* ondine_convolution_scratch bytes, aligned to 64; contents do not matter. */
    void *scratch;
    /* The size of the OpenMP team; 0 or less: 1. */
    int64_t threads;
} ondine_convolution;

/* 1 if this processor and this kernel go together, else 0; memory is not looked at. Must be asked before the others. */
ONDINE_API int32_t ondine_convolution_supports(const ondine_convolution *call);

ONDINE_API int64_t ondine_convolution_scratch(const ondine_convolution *call);

/*
 *   gradient[o][i][r][s] = sum over n, h, w of x[n][i][h * stride + r - padding][w * stride + s - padding] * dy[n][o][h][w]
 *
 * Products are exact, sums float32. How they are grouped depends on the number of threads.
 */
ONDINE_API void ondine_convolution_backward_weights(const ondine_convolution *call);

#ifdef __cplusplus
}
#endif

#endif
