/*
 * Ondine's own native kernels: what is around the convolutions and is faster on the OpenMP team that oneDNN
 * already keeps than on a second pool of Java threads.
 *
 * Every kernel is elementwise and rounds after each operation (no fused multiply-add, no reassociation), so that
 * its result depends neither on the number of threads nor on the instruction set, and is the very one of
 * dev.ondine.train.JavaUpdateKernels, bit for bit.
 *
 * `threads` is the size of the OpenMP team; 0 or less takes OpenMP's own default. Give the number that oneDNN runs
 * with: GNU OpenMP ends and restarts threads whenever the size of the team changes.
 */
#ifndef ONDINE_KERNELS_H
#define ONDINE_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define ONDINE_API __declspec(dllexport)
#else
#define ONDINE_API __attribute__((visibility("default")))
#endif

/* Raised whenever a signature or a meaning below changes; NativeUpdateKernels refuses any other number. */
#define ONDINE_KERNELS_VERSION 2

ONDINE_API int32_t ondine_kernels_version(void);

/* How the library was built and what it runs here, in one line: "OpenMP 4.5, AVX-512". Static, never freed. */
ONDINE_API const char *ondine_kernels_description(void);

/*
 * Values [from, to) of the blocks, and the coefficients of their update: parameters differ in learning rate and weight decay.
 * What no range covers is left alone. Ranges are in order and do not overlap.
 */
typedef struct {
    int64_t from;
    int64_t to;
    float a;
    float b;
    float c;
    float unused;
} ondine_range;

/*
 * PyTorch's SGD. v, the momentum buffer, is neither read nor written when momentum is 0 (and may be NULL then); when
 * `first` is not 0 it is written without being read.
 *
 *   d = g + weight_decay * w                     (weight_decay 0: d = g)
 *   v = first ? d : momentum * v + gradient_weight * d
 *   d = nesterov ? d + momentum * v : v
 *   w = w - lr * d
 *
 * A range's a is lr, b weight_decay, c gradient_weight (1 - dampening).
 */
ONDINE_API void ondine_sgd(float *w, const float *g, float *v, const ondine_range *ranges, int32_t count, float momentum,
                           int32_t nesterov, int32_t first, int32_t threads);

/*
 * PyTorch's Adam and AdamW. The caller prepares the coefficients (in double precision):
 *
 *   g' = g + l2 * w                              (l2 0: g' = g; Adam's weight decay)
 *   w  = w * keep                                (AdamW: 1 - lr * weight_decay; Adam: 1)
 *   m  = m + blend1 * (g' - m)                   (blend1 = 1 - beta1; PyTorch's lerp: from 0.5 on it is
 *                                                 g' - (g' - m) * (1 - blend1))
 *   v  = v * beta2 + blend2 * g' * g'            (blend2 = 1 - beta2)
 *   w  = w - (step_size * m) / (sqrt(v) / root_bias2 + epsilon)
 *
 * root_bias2 = sqrt(1 - beta2^t). A range's a is l2, b keep, c step_size = lr / (1 - beta1^t).
 */
ONDINE_API void ondine_adam(float *w, const float *g, float *m, float *v, const ondine_range *ranges, int32_t count,
                            float blend1, float beta2, float blend2, float epsilon, float root_bias2, int32_t threads);

/*
 * PyTorch's RMSprop. `mean` is NULL unless it is centered, `v` is NULL without momentum.
 *
 *   d    = g + weight_decay * w                  (weight_decay 0: d = g)
 *   s    = s * alpha + blend * d * d             (blend = 1 - alpha)
 *   mean = mean + blend * (d - mean)             (as Adam's m, lerp's two formulas)
 *   r    = sqrt(s) + epsilon                     (centered: sqrt(s - mean * mean) + epsilon)
 *   w    = w - (lr * d) / r                      (momentum: v = momentum * v + d / r;  w = w - lr * v)
 *
 * A range's a is lr, b weight_decay.
 */
ONDINE_API void ondine_rmsprop(float *w, const float *g, float *s, float *mean, float *v, const ondine_range *ranges,
                               int32_t count, float alpha, float blend, float epsilon, float momentum, int32_t threads);

#ifdef __cplusplus
}
#endif

#endif
