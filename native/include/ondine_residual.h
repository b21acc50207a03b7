/*
 * What the gradient of a residual block passes on: two gradients meet and go through the ReLU behind an addition. AVX-512; float32 or
 * bfloat16; any layout, as the elements only have to lie alike.
 */
#ifndef ONDINE_RESIDUAL_H
#define ONDINE_RESIDUAL_H

#include <stdint.h>

#include "ondine_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a signature or a meaning below changes; NativeResidual refuses any other number. */
#define ONDINE_RESIDUAL_VERSION 1

ONDINE_API int32_t ondine_residual_version(void);

#define ONDINE_RESIDUAL_F32 0
#define ONDINE_RESIDUAL_BF16 1

/* 1 if this processor runs the kernel for a type, else 0. It must not be called then. */
ONDINE_API int32_t ondine_residual_supports(int32_t type);

typedef struct {
    const void *a;
    const void *b;
    const void *y;
    /* May be a or b. */
    void *result;
    int64_t count;
    int32_t type;
    /* The size of the OpenMP team; 0 or less takes OpenMP's own default. */
    int32_t threads;
} ondine_residual;

/* result[i] = y[i] > 0 ? a[i] + b[i] : 0, for `count` elements. */
ONDINE_API void ondine_residual_backward(const ondine_residual *call);

#ifdef __cplusplus
}
#endif

#endif
