/*
 * What the processor can do at most: fused multiply-adds out of registers, and bytes moved to and from memory. Measured, on
 * the OpenMP team; dev.ondine.profile.Peak makes a roofline (Williams, Waterman and Patterson 2009) of it.
 *
 * Each function works in rounds that all threads begin together, and returns the rate of the best round: what disturbs a
 * round can only make it slower.
 */
#ifndef ONDINE_PEAK_H
#define ONDINE_PEAK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define ONDINE_PEAK_API __declspec(dllexport)
#else
#define ONDINE_PEAK_API __attribute__((visibility("default")))
#endif

/* Raised whenever a signature or a meaning below changes; NativePeakKernels refuses any other number. */
#define ONDINE_PEAK_VERSION 1

ONDINE_PEAK_API int32_t ondine_peak_version(void);

/* Instructions to multiply and add with. */
enum {
    ONDINE_PEAK_F32_BASELINE = 0, /* what the compiler makes without being told of a processor */
    ONDINE_PEAK_F32_AVX2 = 1,     /* vfmadd on 8 float32 */
    ONDINE_PEAK_F32_AVX512 = 2,   /* vfmadd on 16 float32 */
    ONDINE_PEAK_BF16_AVX512 = 3   /* vdpbf16ps: 32 products of bfloat16 into 16 float32 */
};

/* The name of such instructions; NULL if there is no such number. Static, never freed. */
ONDINE_PEAK_API const char *ondine_peak_instructions(int32_t kind);

/*
 * Floating-point operations a second, a multiply-add counted as two, on `threads` threads for about `seconds`; 0 if this
 * processor has no such instructions.
 */
ONDINE_PEAK_API double ondine_peak_flops(int32_t kind, double seconds, int32_t threads);

/* Ways to move memory. */
enum {
    ONDINE_PEAK_READ = 0,
    ONDINE_PEAK_COPY = 1,    /* ordinary stores: a line that is written is read first */
    ONDINE_PEAK_STREAM = 2   /* a copy with stores that pass the caches by */
};

/*
 * Bytes a second, those read and those written both counted (as STREAM does), over `bytes` of memory in all, which the
 * threads divide among themselves and touch first; for about `seconds`. 0 if the processor has no such stores, -1 if
 * there is not so much memory.
 */
ONDINE_PEAK_API double ondine_peak_bandwidth(int32_t kind, int64_t bytes, double seconds, int32_t threads);

/*
 * Cycles a second of the calling thread's core, by a chain of additions that take one each; 0 if that is not known. A
 * laptop's or a virtual machine's clock moves: this tells a low peak of a slow moment from a loop that is at fault.
 */
ONDINE_PEAK_API double ondine_peak_clock(double seconds);

#ifdef __cplusplus
}
#endif

#endif
