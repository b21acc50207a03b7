/* What the kernels for AVX-512 have in common; ONDINE_AVX512 is defined by compilers that know it, bfloat16 included. */
#ifndef ONDINE_AVX512_H
#define ONDINE_AVX512_H

#if defined(__x86_64__) && ((defined(__clang__) && __clang_major__ >= 9) || (!defined(__clang__) && defined(__GNUC__) && __GNUC__ >= 10))

#define ONDINE_AVX512 1

#include <immintrin.h>

#define TARGET_F32 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define TARGET_BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

/* Whether this processor runs what is compiled for TARGET_F32, or, with bf16, for TARGET_BF16. */
static inline int has_avx512(int bf16) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl") && (!bf16 || __builtin_cpu_supports("avx512bf16"));
}

#endif

#endif
