#include "ondine_peak.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#define ONDINE_X86 1
#include <immintrin.h>
/* vdpbf16ps came with GCC 10 and Clang 9. */
#if (defined(__clang__) && __clang_major__ >= 9) || (!defined(__clang__) && __GNUC__ >= 10)
#define ONDINE_BF16 1
#endif
#endif

#if defined(ONDINE_X86) && defined(__linux__) && defined(__GLIBC__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define ONDINE_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif
#ifndef ONDINE_CLONES
#define ONDINE_CLONES
#endif

/* The compiler must take memory for read and changed here: passes over the same bytes are not joined, nor copies made memcpy. */
#define ONDINE_FENCE __asm__ volatile("" ::: "memory")

/* Long against the microsecond that the team takes to begin, short against what the system's other work leaves undisturbed. */
#define ONDINE_ROUND_SECONDS 0.01

#define ONDINE_LINE 64

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- multiply-adds ---------------------------------------------------------------------------------------- */

/*
 * x = x * FACTOR + TERM in as many independent chains as hide the latency of one (4 or 5 cycles, two begun in each), all in
 * registers. x tends to 1: no chain runs into infinities or denormal numbers, which would be slow.
 */
#define ONDINE_FACTOR 0.999f
#define ONDINE_TERM 0.001f

/* Returns a value that depends on every chain, so that none is left out. */
typedef float (*fma_loop)(int64_t iterations);

#define BASELINE_VALUES 48

static float fma_baseline(int64_t iterations) {
    float x[BASELINE_VALUES];
    for (int i = 0; i < BASELINE_VALUES; i++) x[i] = (float)i;
    for (int64_t n = 0; n < iterations; n++) {
        for (int i = 0; i < BASELINE_VALUES; i++) {
#if defined(__aarch64__) || defined(__FMA__)
            x[i] = __builtin_fmaf(x[i], ONDINE_FACTOR, ONDINE_TERM);
#else
            x[i] = x[i] * ONDINE_FACTOR + ONDINE_TERM;
#endif
        }
    }
    float sum = 0;
    for (int i = 0; i < BASELINE_VALUES; i++) sum += x[i];
    return sum;
}

#ifdef ONDINE_X86
/* 12 chains, and the factor and the term: 14 of the 16 registers. */
#define AVX2_CHAINS 12

__attribute__((target("avx2,fma"))) static float fma_avx2(int64_t iterations) {
    __m256 x[AVX2_CHAINS];
    const __m256 factor = _mm256_set1_ps(ONDINE_FACTOR), term = _mm256_set1_ps(ONDINE_TERM);
#pragma GCC unroll 12
    for (int i = 0; i < AVX2_CHAINS; i++) x[i] = _mm256_set1_ps((float)i);
    for (int64_t n = 0; n < iterations; n++) {
#pragma GCC unroll 12
        for (int i = 0; i < AVX2_CHAINS; i++) x[i] = _mm256_fmadd_ps(x[i], factor, term);
    }
    __m256 sum = x[0];
#pragma GCC unroll 12
    for (int i = 1; i < AVX2_CHAINS; i++) sum = _mm256_add_ps(sum, x[i]);
    float values[8];
    _mm256_storeu_ps(values, sum);
    return values[0] + values[7];
}

/* Of 32 registers. */
#define AVX512_CHAINS 24

__attribute__((target("avx512f"))) static float fma_avx512(int64_t iterations) {
    __m512 x[AVX512_CHAINS];
    const __m512 factor = _mm512_set1_ps(ONDINE_FACTOR), term = _mm512_set1_ps(ONDINE_TERM);
#pragma GCC unroll 24
    for (int i = 0; i < AVX512_CHAINS; i++) x[i] = _mm512_set1_ps((float)i);
    for (int64_t n = 0; n < iterations; n++) {
#pragma GCC unroll 24
        for (int i = 0; i < AVX512_CHAINS; i++) x[i] = _mm512_fmadd_ps(x[i], factor, term);
    }
    __m512 sum = x[0];
#pragma GCC unroll 24
    for (int i = 1; i < AVX512_CHAINS; i++) sum = _mm512_add_ps(sum, x[i]);
    float values[16];
    _mm512_storeu_ps(values, sum);
    return values[0] + values[15];
}
#endif

#ifdef ONDINE_BF16
__attribute__((target("avx512f,avx512bf16"))) static float dot_bf16(int64_t iterations) {
    __m512 x[AVX512_CHAINS];
    /* Products of 1 and 0 leave the sums as they are, and take as long as any. */
    const __m512bh one = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1), _mm512_set1_ps(1));
    const __m512bh zero = _mm512_cvtne2ps_pbh(_mm512_setzero_ps(), _mm512_setzero_ps());
#pragma GCC unroll 24
    for (int i = 0; i < AVX512_CHAINS; i++) x[i] = _mm512_set1_ps((float)i);
    for (int64_t n = 0; n < iterations; n++) {
#pragma GCC unroll 24
        for (int i = 0; i < AVX512_CHAINS; i++) x[i] = _mm512_dpbf16_ps(x[i], one, zero);
    }
    __m512 sum = x[0];
#pragma GCC unroll 24
    for (int i = 1; i < AVX512_CHAINS; i++) sum = _mm512_add_ps(sum, x[i]);
    float values[16];
    _mm512_storeu_ps(values, sum);
    return values[0] + values[15];
}
#endif

const char *ondine_peak_instructions(int32_t kind) {
    switch (kind) {
        case ONDINE_PEAK_F32_BASELINE:
#if defined(__aarch64__)
            return "NEON FMA";
#else
            return "the compiler's baseline";
#endif
        case ONDINE_PEAK_F32_AVX2:
            return "AVX2 FMA";
        case ONDINE_PEAK_F32_AVX512:
            return "AVX-512 FMA";
        case ONDINE_PEAK_BF16_AVX512:
            return "AVX512_BF16";
        default:
            return NULL;
    }
}

/* The loop for such instructions and how many operations its iteration does; NULL if they are not there. */
static fma_loop find_loop(int32_t kind, int *flops) {
    switch (kind) {
        case ONDINE_PEAK_F32_BASELINE:
            *flops = 2 * BASELINE_VALUES;
            return fma_baseline;
#ifdef ONDINE_X86
        case ONDINE_PEAK_F32_AVX2:
            *flops = 2 * 8 * AVX2_CHAINS;
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? fma_avx2 : NULL;
        case ONDINE_PEAK_F32_AVX512:
            *flops = 2 * 16 * AVX512_CHAINS;
            return __builtin_cpu_supports("avx512f") ? fma_avx512 : NULL;
#endif
#ifdef ONDINE_BF16
        case ONDINE_PEAK_BF16_AVX512:
            *flops = 2 * 32 * AVX512_CHAINS;
            return __builtin_cpu_supports("avx512bf16") ? dot_bf16 : NULL;
#endif
        default:
            return NULL;
    }
}

/* ---- memory ----------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t words[ONDINE_LINE / 8];
} line;

/* Half a line: wider vectors, where there are none, would pass through the stack. */
typedef uint64_t half __attribute__((vector_size(ONDINE_LINE / 2)));

ONDINE_CLONES static uint64_t read_lines(const line *from, int64_t lines) {
    const half *x = (const half *)from;
    half a = {0}, b = {0}, c = {0}, d = {0};
    int64_t i = 0;
    for (; i + 4 <= 2 * lines; i += 4) {
        a |= x[i];
        b |= x[i + 1];
        c |= x[i + 2];
        d |= x[i + 3];
    }
    for (; i < 2 * lines; i++) a |= x[i];
    a |= b | c | d;
    return a[0] | a[1] | a[2] | a[3];
}

ONDINE_CLONES static uint64_t copy_lines(line *to, const line *from, int64_t lines) {
    const half *source = (const half *)from;
    half *target = (half *)to;
    for (int64_t i = 0; i < 2 * lines; i += 2) {
        target[i] = source[i];
        target[i + 1] = source[i + 1];
        ONDINE_FENCE;
    }
    return 0;
}

#ifdef ONDINE_X86
/* Stores of 16 bytes, which every x86-64 processor has, are joined to whole lines on their way. */
static uint64_t stream_lines(line *to, const line *from, int64_t lines) {
    const __m128i *source = (const __m128i *)from;
    __m128i *target = (__m128i *)to;
    for (int64_t i = 0; i < 4 * lines; i += 4) {
        const __m128i a = _mm_load_si128(source + i), b = _mm_load_si128(source + i + 1);
        const __m128i c = _mm_load_si128(source + i + 2), d = _mm_load_si128(source + i + 3);
        _mm_stream_si128(target + i, a);
        _mm_stream_si128(target + i + 1, b);
        _mm_stream_si128(target + i + 2, c);
        _mm_stream_si128(target + i + 3, d);
    }
    _mm_sfence();
    return 0;
}
#endif

/* One pass over a thread's part, whose second half is the target of a copy. */
static uint64_t pass(int32_t kind, line *part, int64_t lines) {
    if (kind == ONDINE_PEAK_READ) return read_lines(part, lines);
    if (kind == ONDINE_PEAK_COPY) return copy_lines(part + lines / 2, part, lines / 2);
#ifdef ONDINE_X86
    return stream_lines(part + lines / 2, part, lines / 2);
#else
    return 0;
#endif
}

/* ---- rounds ----------------------------------------------------------------------------------------------- */

/* Work of one thread: `amount` iterations or passes. */
typedef struct {
    fma_loop loop; /* NULL: move memory */
    int32_t kind;
    line *memory;
    int64_t lines; /* of each thread */
} job;

static volatile float ignored_value;
static volatile uint64_t ignored_bits;

static void work(const job *j, int64_t amount, int thread) {
    if (j->loop) {
        ignored_value = j->loop(amount);
        return;
    }
    for (int64_t i = 0; i < amount; i++) {
        ignored_bits = pass(j->kind, j->memory + thread * j->lines, j->lines);
        ONDINE_FENCE;
    }
}

/* How long a round takes from the first thread's beginning to the last one's end. */
static double run_round(const job *j, int64_t amount, int threads) {
    double first = 1e300, last = 0;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
    {
#pragma omp barrier
        const double begin = now();
        work(j, amount, omp_get_thread_num());
        const double end = now();
#pragma omp critical
        {
            if (begin < first) first = begin;
            if (end > last) last = end;
        }
    }
#else
    (void)threads;
    first = now();
    work(j, amount, 0);
    last = now();
#endif
    return last - first;
}

/* The shortest time that one unit of work took. Rounds grow until they are long enough to count. */
static double best_time(const job *j, double seconds, int threads) {
    int64_t amount = 1;
    double best = 1e300;
    const double end = now() + seconds;
    do {
        const double took = run_round(j, amount, threads);
        if (took < ONDINE_ROUND_SECONDS / 2 && amount < (int64_t)1 << 40) {
            amount *= took < ONDINE_ROUND_SECONDS / 16 ? 8 : 2;
        } else if (took / (double)amount < best) {
            best = took / (double)amount;
        }
    } while (now() < end || best == 1e300);
    return best;
}

static int team(int32_t threads) {
#ifdef _OPENMP
    const int limit = omp_get_thread_limit();
    return threads < 1 ? 1 : threads < limit ? threads : limit;
#else
    (void)threads;
    return 1;
#endif
}

double ondine_peak_flops(int32_t kind, double seconds, int32_t threads) {
    int flops = 0;
    const job j = {find_loop(kind, &flops), kind, NULL, 0};
    if (!j.loop) return 0;
    const int size = team(threads);
    return (double)size * flops / best_time(&j, seconds, size);
}

double ondine_peak_bandwidth(int32_t kind, int64_t bytes, double seconds, int32_t threads) {
#ifndef ONDINE_X86
    if (kind == ONDINE_PEAK_STREAM) return 0;
#endif
    if (kind < ONDINE_PEAK_READ || kind > ONDINE_PEAK_STREAM) return 0;
    const int size = team(threads);
    /* Even, for the two halves of a copy. */
    const int64_t lines = bytes / ONDINE_LINE / size / 2 * 2;
    if (lines < 2) return -1;
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, (size_t)(lines * size) * ONDINE_LINE) != 0) return -1;
    const job j = {NULL, kind, memory, lines};
    /* Whoever writes a page first gets it near. */
#ifdef _OPENMP
#pragma omp parallel num_threads(size)
    memset(j.memory + omp_get_thread_num() * lines, 1, (size_t)lines * ONDINE_LINE);
#else
    memset(j.memory, 1, (size_t)lines * ONDINE_LINE);
#endif
    const double time = best_time(&j, seconds, size);
    free(memory);
    return (double)(lines * size) * ONDINE_LINE / time;
}

double ondine_peak_clock(double seconds) {
#if defined(__x86_64__) || defined(__aarch64__)
    double best = 0;
    const double end = now() + seconds;
    do {
        uint64_t x = 1;
        const double begin = now();
        for (int i = 0; i < 1000000; i++) {
#ifdef __x86_64__
            __asm__ volatile("add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0" : "+r"(x));
#else
            __asm__ volatile("add %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1\n\tadd %0, %0, #1" : "+r"(x));
#endif
        }
        const double rate = 4e6 / (now() - begin);
        if (rate > best) best = rate;
    } while (now() < end);
    return best;
#else
    (void)seconds;
    return 0;
#endif
}

int32_t ondine_peak_version(void) {
    return ONDINE_PEAK_VERSION;
}
