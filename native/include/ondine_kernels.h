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
#define ONDINE_KERNELS_VERSION 1

ONDINE_API int32_t ondine_kernels_version(void);

/* How the library was built and what it runs here, in one line: "OpenMP 4.5, AVX-512". Static, never freed. */
ONDINE_API const char *ondine_kernels_description(void);

/*
 * PyTorch's SGD over n values. v, the momentum buffer, is neither read nor written when momentum is 0 (and may be
 * NULL then); when `first` is not 0 it is written without being read.
 *
 *   d = g + weight_decay * w                     (weight_decay 0: d = g)
 *   v = first ? d : momentum * v + gradient_weight * d
 *   d = nesterov ? d + momentum * v : v
 *   w = w - lr * d
 *
 * gradient_weight is 1 - dampening.
 */
ONDINE_API void ondine_sgd(float *w, const float *g, float *v, int64_t n, float lr, float momentum,
                           float gradient_weight, float weight_decay, int32_t nesterov, int32_t first,
                           int32_t threads);

/*
 * PyTorch's Adam and AdamW over n values. The caller prepares the coefficients (in double precision):
 *
 *   g' = g + l2 * w                              (l2 0: g' = g; Adam's weight decay)
 *   w  = w * keep                                (AdamW: 1 - lr * weight_decay; Adam: 1)
 *   m  = m + blend1 * (g' - m)                   (blend1 = 1 - beta1; PyTorch's lerp: from 0.5 on it is
 *                                                 g' - (g' - m) * (1 - blend1))
 *   v  = v * beta2 + blend2 * g' * g'            (blend2 = 1 - beta2)
 *   w  = w - (step_size * m) / (sqrt(v) / root_bias2 + epsilon)
 *
 * step_size = lr / (1 - beta1^t), root_bias2 = sqrt(1 - beta2^t).
 */
ONDINE_API void ondine_adam(float *w, const float *g, float *m, float *v, int64_t n, float l2, float keep,
                            float blend1, float beta2, float blend2, float epsilon, float step_size,
                            float root_bias2, int32_t threads);

#ifdef __cplusplus
}
#endif

#endif
