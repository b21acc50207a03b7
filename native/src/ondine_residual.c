#include "ondine_residual.h"

#include "ondine_avx512.h"

#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
#endif

int32_t ondine_residual_version(void) {
    return ONDINE_RESIDUAL_VERSION;
}

#ifdef ONDINE_AVX512

/* Elements of a vector of float32; a thread takes whole multiples of it. */
#define LANES 16

int32_t ondine_residual_supports(int32_t type) {
    switch (type) {
        case ONDINE_RESIDUAL_F32:
            return has_avx512(0);
        case ONDINE_RESIDUAL_BF16:
            return has_avx512(1);
        default:
            return 0;
    }
}

TARGET_F32 static inline void some_f32(const float *a, const float *b, const float *y, float *result, __mmask16 some) {
    const __mmask16 passed = _mm512_cmp_ps_mask(_mm512_maskz_loadu_ps(some, y), _mm512_setzero_ps(), _CMP_GT_OQ);
    const __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(some, a), _mm512_maskz_loadu_ps(some, b));
    _mm512_mask_storeu_ps(result, some, _mm512_maskz_mov_ps(passed, sum));
}

TARGET_F32 static void part_f32(const float *a, const float *b, const float *y, float *result, int64_t count) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) some_f32(a + i, b + i, y + i, result + i, 0xffff);
    if (i < count) some_f32(a + i, b + i, y + i, result + i, (__mmask16)((1u << (count - i)) - 1));
}

TARGET_BF16 static inline __m512 wide(__m256i values) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
}

TARGET_BF16 static inline void some_bf16(
        const uint16_t *a, const uint16_t *b, const uint16_t *y, uint16_t *result, __mmask16 some) {
    const __m512 from = wide(_mm256_maskz_loadu_epi16(some, y));
    const __mmask16 passed = _mm512_cmp_ps_mask(from, _mm512_setzero_ps(), _CMP_GT_OQ);
    const __m512 sum = _mm512_add_ps(wide(_mm256_maskz_loadu_epi16(some, a)), wide(_mm256_maskz_loadu_epi16(some, b)));
    _mm256_mask_storeu_epi16(result, some, (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_mov_ps(passed, sum)));
}

TARGET_BF16 static void part_bf16(
        const uint16_t *a, const uint16_t *b, const uint16_t *y, uint16_t *result, int64_t count) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) some_bf16(a + i, b + i, y + i, result + i, 0xffff);
    if (i < count) some_bf16(a + i, b + i, y + i, result + i, (__mmask16)((1u << (count - i)) - 1));
}

static void part(const ondine_residual *call, int64_t thread, int64_t threads) {
    const int64_t vectors = (call->count + LANES - 1) / LANES;
    const int64_t from = vectors * thread / threads * LANES;
    int64_t to = vectors * (thread + 1) / threads * LANES;
    if (to > call->count) to = call->count;
    if (from >= to) return;
    if (call->type == ONDINE_RESIDUAL_BF16) {
        part_bf16((const uint16_t *)call->a + from, (const uint16_t *)call->b + from, (const uint16_t *)call->y + from,
                  (uint16_t *)call->result + from, to - from);
    } else {
        part_f32((const float *)call->a + from, (const float *)call->b + from, (const float *)call->y + from,
                 (float *)call->result + from, to - from);
    }
}

void ondine_residual_backward(const ondine_residual *call) {
#ifdef _OPENMP
    const int team = call->threads > 0 ? call->threads : omp_get_max_threads();
    if (team > 1) {
#pragma omp parallel num_threads(team)
        part(call, omp_get_thread_num(), omp_get_num_threads());
        return;
    }
#endif
    part(call, 0, 1);
}

#else

int32_t ondine_residual_supports(int32_t type) {
    (void)type;
    return 0;
}

void ondine_residual_backward(const ondine_residual *call) {
    (void)call;
}

#endif
