/*
 * The gradient of a convolution's weights, for activations in blocks of 16 channels (oneDNN's aBcd16b) and kernels of one or three columns:
 * float32 or bfloat16. AVX-512, for bfloat16 with its own instructions.
 *
 * Sums of 16 outputs stay in registers for a whole piece of the images, as many as the first- and second-level caches hold. What the
 * innermost loop reads is rearranged where it does not lie so already: padding is made zeros, and in bfloat16, where the instruction
 * (vdpbf16ps) multiplies and adds two values at a time, those of two images are laid beside each other. oneDNN's kernels go row by row, and
 * their sums leave the registers after each; in bfloat16 they pair neighbours of a row, anew for each row.
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

#define ONDINE_CONVOLUTION_F32 0
#define ONDINE_CONVOLUTION_BF16 1

/* Activations lie densely, [images][blocks][height][width][16]. */
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
    /* Of x and dy. */
    int64_t type;
    /* The size of the OpenMP team; 0 or less: 1. */
    int64_t threads;
} ondine_convolution;

/* 1 if this processor and this kernel go together, else 0; memory is not looked at. Must be asked before the others. */
ONDINE_API int32_t ondine_convolution_supports(const ondine_convolution *call);

ONDINE_API int64_t ondine_convolution_scratch(const ondine_convolution *call);

/*
 *   gradient[o][i][r][s] = sum over n, h, w of x[n][i][h * stride + r - padding][w * stride + s - padding] * dy[n][o][h][w]
 *
 * Sums are float32. How they are grouped depends on the number of threads.
 */
ONDINE_API void ondine_convolution_backward_weights(const ondine_convolution *call);

#ifdef __cplusplus
}
#endif

#endif
