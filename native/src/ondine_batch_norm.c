#include "ondine_batch_norm.h"

#include "ondine_avx512.h"

#include <math.h>
#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
#endif

int32_t ondine_batch_norm_version(void) {
    return ONDINE_BATCH_NORM_VERSION;
}

/* Channels of a block. */
#define LANES 16

/* Pixels of a piece, what one thread does at a time: of float32 64 KB, a fraction of a second-level cache. Even. */
#define PIECE 1024

/* Pixels whose mean is taken before their squares are added: of float32 16 KB, which the first-level cache keeps. Even. */
#define CHUNK 256

/*
 * Of a group of blocks, for each thread: a part of the last cache that it may count on. Groups for the second-level caches were slower: the
 * rows of a few blocks lie apart, often by a power of two, and then take each other's places.
 */
#define GROUP_BYTES (4 * 1024 * 1024)

/* Results from this size on are written past the caches: what is written first would be gone when it is read. */
#define FAR_BYTES (12 * 1024 * 1024)

typedef struct {
    int64_t value_bytes;
    /* Of an image's block: how many pieces, and the pixels of all but the last. */
    int64_t pieces;
    int64_t piece;
    /* Blocks of a group. */
    int64_t group;
    int far;
} split;

static split split_of(const ondine_batch_norm *call) {
    split s;
    s.value_bytes = call->type == ONDINE_BATCH_NORM_BF16 ? 2 : 4;
    s.pieces = (call->space + PIECE - 1) / PIECE;
    s.piece = ((call->space + s.pieces - 1) / s.pieces + 1) & ~(int64_t)1;
    s.pieces = (call->space + s.piece - 1) / s.piece;
    const int64_t threads = call->threads > 0 ? call->threads : 1;
    const int64_t block_bytes = call->images * call->space * LANES * s.value_bytes;
    s.group = threads * GROUP_BYTES / block_bytes;
    if (s.group < 1) s.group = 1;
    if (s.group > call->blocks) s.group = call->blocks;
    s.far = block_bytes * call->blocks >= FAR_BYTES;
    return s;
}

int64_t ondine_batch_norm_scratch(const ondine_batch_norm *call) {
    if (call->type == ONDINE_BATCH_NORM_ROWS) return 0;
    const split s = split_of(call);
    /*
     * Three numbers of each channel, and two sums for each channel of each piece: of two groups, as they are taken while those of the group
     * before are still read.
     */
    const int64_t sums = 2 * s.group * call->images * s.pieces * 2 * LANES;
    return (3 * call->blocks * LANES + sums) * (int64_t)sizeof(float);
}

#ifdef ONDINE_AVX512

int32_t ondine_batch_norm_supports(int32_t type) {
    switch (type) {
        case ONDINE_BATCH_NORM_F32:
        case ONDINE_BATCH_NORM_ROWS:
            return has_avx512(0);
        case ONDINE_BATCH_NORM_BF16:
            return has_avx512(1);
        default:
            return 0;
    }
}

/*
 * A value is read in pairs of pixels, as two vectors. Of float32, a vector is a pixel. Of bfloat16 the pair is one vector of 32
 * values; shifted and masked it gives the even channels of both pixels and the odd ones, which costs one operation a vector. What is
 * known of channels is spread in the same way (SPREAD), and sums are gathered from it (FOLD adds the pixels, GATHER orders the
 * channels), ROUND rounds as a store does. A last pixel that has no partner leaves the lanes of LAST_0 and LAST_1.
 */

#define NAME(x) x##_f32
#define TARGET TARGET_F32
#define VALUE float
#define LAST_0 ((__mmask16)0xffff)
#define LAST_1 ((__mmask16)0x0000)
#define LOAD(p, v0, v1) \
    __m512 v0 = _mm512_loadu_ps(p); \
    __m512 v1 = _mm512_loadu_ps((p) + LANES)
#define LOAD_LAST(p, v0, v1) \
    __m512 v0 = _mm512_loadu_ps(p); \
    __m512 v1 = _mm512_setzero_ps()
#define FETCH(p) (_mm_prefetch((const char *)(p), _MM_HINT_T1), _mm_prefetch((const char *)((p) + LANES), _MM_HINT_T1))
#define STORE(p, v0, v1) (_mm512_storeu_ps(p, v0), _mm512_storeu_ps((p) + LANES, v1))
#define STORE_FAR(p, v0, v1) (_mm512_stream_ps(p, v0), _mm512_stream_ps((p) + LANES, v1))
#define STORE_LAST(p, v0, v1) ((void)(v1), _mm512_storeu_ps(p, v0))
#define ROUND(v0, v1) ((void)0)
#define FOLD(v0, v1) (v0 = v1 = _mm512_add_ps(v0, v1))
#define GATHER(v0, v1) ((void)(v1), v0)
#define SPREAD(v, v0, v1) \
    const __m512 v0 = v; \
    const __m512 v1 = v
#include "ondine_batch_norm_body.h"

#define BF16_SWAP(v) _mm512_shuffle_f32x4(v, v, 0x4e)
#define BF16_PACK(v0, v1) \
    _mm512_permutexvar_epi16( \
            _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, \
                             18, 2, 17, 1, 16, 0), \
            (__m512i)_mm512_cvtne2ps_pbh(v1, v0))
#define BF16_SPLIT(pair, v0, v1) \
    __m512 v0 = _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16)); \
    __m512 v1 = _mm512_castsi512_ps(_mm512_and_si512(pair, _mm512_set1_epi32((int)0xffff0000)))

#define NAME(x) x##_bf16
#define TARGET TARGET_BF16
#define VALUE uint16_t
#define LAST_0 ((__mmask16)0x00ff)
#define LAST_1 ((__mmask16)0x00ff)
#define LOAD(p, v0, v1) \
    const __m512i v0##_pair = _mm512_loadu_si512(p); \
    BF16_SPLIT(v0##_pair, v0, v1)
#define LOAD_LAST(p, v0, v1) \
    const __m512i v0##_pair = _mm512_zextsi256_si512(_mm256_loadu_si256((const __m256i *)(p))); \
    BF16_SPLIT(v0##_pair, v0, v1)
#define FETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T1)
#define STORE(p, v0, v1) _mm512_storeu_si512(p, BF16_PACK(v0, v1))
#define STORE_FAR(p, v0, v1) _mm512_stream_si512((__m512i *)(p), BF16_PACK(v0, v1))
#define STORE_LAST(p, v0, v1) _mm256_storeu_si256((__m256i *)(p), _mm512_castsi512_si256(BF16_PACK(v0, v1)))
/* To bfloat16 and back: the two halves of what the conversion makes. */
#define ROUND(v0, v1) \
    do { \
        const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(v1, v0); \
        v0 = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(both)), 16)); \
        v1 = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1)), 16)); \
    } while (0)
#define FOLD(v0, v1) (v0 = _mm512_add_ps(v0, BF16_SWAP(v0)), v1 = _mm512_add_ps(v1, BF16_SWAP(v1)))
#define GATHER(v0, v1) \
    _mm512_permutex2var_ps(v0, _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0), v1)
#define SPREAD(v, v0, v1) \
    const __m512 v0 = _mm512_permutexvar_ps(_mm512_set_epi32(14, 12, 10, 8, 6, 4, 2, 0, 14, 12, 10, 8, 6, 4, 2, 0), v); \
    const __m512 v1 = _mm512_permutexvar_ps(_mm512_set_epi32(15, 13, 11, 9, 7, 5, 3, 1, 15, 13, 11, 9, 7, 5, 3, 1), v)
#include "ondine_batch_norm_body.h"

#include "ondine_batch_norm_rows.h"

typedef void worker(const ondine_batch_norm *call, const split *s, int64_t thread, int64_t threads);

static void run(const ondine_batch_norm *call, worker *blocked, worker *blocked_bf16, worker *rows) {
    const int of_rows = call->type == ONDINE_BATCH_NORM_ROWS;
    worker *work = of_rows ? rows : call->type == ONDINE_BATCH_NORM_BF16 ? blocked_bf16 : blocked;
    const split s = of_rows ? (split){0} : split_of(call);
#ifdef _OPENMP
    const int threads = call->threads > 0 ? call->threads : omp_get_max_threads();
    if (threads > 1) {
#pragma omp parallel num_threads(threads)
        work(call, &s, omp_get_thread_num(), omp_get_num_threads());
        return;
    }
#endif
    work(call, &s, 0, 1);
}

void ondine_batch_norm_forward(const ondine_batch_norm *call) {
    run(call, forward_f32, forward_bf16, forward_rows);
}

void ondine_batch_norm_again(const ondine_batch_norm *call) {
    run(call, again_f32, again_bf16, again_rows);
}

void ondine_batch_norm_backward(const ondine_batch_norm *call) {
    run(call, backward_f32, backward_bf16, backward_rows);
}

#else

int32_t ondine_batch_norm_supports(int32_t type) {
    (void)type;
    return 0;
}

void ondine_batch_norm_forward(const ondine_batch_norm *call) {
    (void)call;
}

void ondine_batch_norm_again(const ondine_batch_norm *call) {
    (void)call;
}

void ondine_batch_norm_backward(const ondine_batch_norm *call) {
    (void)call;
}

#endif
