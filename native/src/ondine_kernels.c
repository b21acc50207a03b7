#include "ondine_kernels.h"

#include <math.h>
#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
#endif

/*
 * One body, compiled for several instruction sets; the loader picks one when it binds the symbol (an ifunc, which
 * needs glibc). Elsewhere the compiler's baseline serves: NEON on arm64.
 */
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define ONDINE_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#define ONDINE_HAS_CLONES 1
#endif
#endif
#ifndef ONDINE_CLONES
#define ONDINE_CLONES
#endif

/* Inlined into each clone, so that the flags, constant there, leave no branch in the loop. */
#define ONDINE_INLINE static inline __attribute__((always_inline))

/* Below this a team costs more than it saves: 16 K values take 1 to 2 microseconds on one core. */
#define ONDINE_PARALLEL_MIN 16384

/* Values in a 64-byte cache line: threads split the arrays between lines, never inside one. */
#define ONDINE_LINE 16

/* ---- SGD -------------------------------------------------------------------------------------------------- */

typedef struct {
    float *w;
    const float *g;
    float *v;
    float lr;
    float momentum;
    float gradient_weight;
    float weight_decay;
} sgd_args;

ONDINE_INLINE void sgd_plain(const sgd_args *a, int64_t from, int64_t to, int decay) {
    float *restrict w = a->w;
    const float *restrict g = a->g;
    const float lr = a->lr, weight_decay = a->weight_decay;
    for (int64_t i = from; i < to; i++) {
        const float d = decay ? g[i] + weight_decay * w[i] : g[i];
        w[i] = w[i] - lr * d;
    }
}

ONDINE_INLINE void sgd_momentum(const sgd_args *a, int64_t from, int64_t to, int decay, int first, int nesterov) {
    float *restrict w = a->w;
    const float *restrict g = a->g;
    float *restrict v = a->v;
    const float lr = a->lr, momentum = a->momentum, weight = a->gradient_weight, weight_decay = a->weight_decay;
    for (int64_t i = from; i < to; i++) {
        const float d = decay ? g[i] + weight_decay * w[i] : g[i];
        const float velocity = first ? d : momentum * v[i] + weight * d;
        v[i] = velocity;
        w[i] = w[i] - lr * (nesterov ? d + momentum * velocity : velocity);
    }
}

ONDINE_CLONES static void sgd_range(const sgd_args *a, int64_t from, int64_t to, int32_t nesterov, int32_t first) {
    const int decay = a->weight_decay != 0.0f;
    if (a->momentum == 0.0f) {
        decay ? sgd_plain(a, from, to, 1) : sgd_plain(a, from, to, 0);
    } else if (first) {
        if (nesterov) {
            decay ? sgd_momentum(a, from, to, 1, 1, 1) : sgd_momentum(a, from, to, 0, 1, 1);
        } else {
            decay ? sgd_momentum(a, from, to, 1, 1, 0) : sgd_momentum(a, from, to, 0, 1, 0);
        }
    } else if (nesterov) {
        decay ? sgd_momentum(a, from, to, 1, 0, 1) : sgd_momentum(a, from, to, 0, 0, 1);
    } else {
        decay ? sgd_momentum(a, from, to, 1, 0, 0) : sgd_momentum(a, from, to, 0, 0, 0);
    }
}

/* ---- Adam ------------------------------------------------------------------------------------------------- */

typedef struct {
    float *w;
    const float *g;
    float *m;
    float *v;
    float l2;
    float keep;
    float blend1;
    float beta2;
    float blend2;
    float epsilon;
    float step_size;
    float root_bias2;
} adam_args;

ONDINE_INLINE void adam_body(const adam_args *a, int64_t from, int64_t to, int decay, int near) {
    float *restrict w = a->w;
    const float *restrict g = a->g;
    float *restrict m = a->m;
    float *restrict v = a->v;
    const float l2 = a->l2, keep = a->keep, blend1 = a->blend1, blend1_far = 1.0f - a->blend1;
    const float beta2 = a->beta2, blend2 = a->blend2;
    const float epsilon = a->epsilon, step_size = a->step_size, root_bias2 = a->root_bias2;
    for (int64_t i = from; i < to; i++) {
        const float d = decay ? g[i] + l2 * w[i] : g[i];
        const float mean = near ? m[i] + blend1 * (d - m[i]) : d - (d - m[i]) * blend1_far;
        const float square = v[i] * beta2 + blend2 * d * d;
        m[i] = mean;
        v[i] = square;
        w[i] = w[i] * keep - (step_size * mean) / (sqrtf(square) / root_bias2 + epsilon);
    }
}

ONDINE_CLONES static void adam_range(const adam_args *a, int64_t from, int64_t to) {
    const int decay = a->l2 != 0.0f;
    if (a->blend1 < 0.5f) {
        decay ? adam_body(a, from, to, 1, 1) : adam_body(a, from, to, 0, 1);
    } else {
        decay ? adam_body(a, from, to, 1, 0) : adam_body(a, from, to, 0, 0);
    }
}

/* ---- teams ------------------------------------------------------------------------------------------------ */

/* The first value of part `part` of `parts`: whole cache lines, as evenly as they go. */
static int64_t part_start(int64_t n, int64_t part, int64_t parts) {
    const int64_t lines = (n + ONDINE_LINE - 1) / ONDINE_LINE;
    const int64_t start = (lines * part / parts) * ONDINE_LINE;
    return start < n ? start : n;
}

static int team_size(int64_t n, int32_t threads) {
#ifdef _OPENMP
    if (n < ONDINE_PARALLEL_MIN) {
        return 1;
    }
    return threads > 0 ? threads : omp_get_max_threads();
#else
    (void)n;
    (void)threads;
    return 1;
#endif
}

void ondine_sgd(float *w, const float *g, float *v, int64_t n, float lr, float momentum, float gradient_weight,
                float weight_decay, int32_t nesterov, int32_t first, int32_t threads) {
    const sgd_args a = {w, g, v, lr, momentum, gradient_weight, weight_decay};
    const int team = team_size(n, threads);
    if (team == 1) {
        sgd_range(&a, 0, n, nesterov, first);
        return;
    }
#ifdef _OPENMP
#pragma omp parallel num_threads(team)
    {
        /* The team may turn out smaller than asked for (OMP_THREAD_LIMIT), so it is asked again. */
        const int64_t part = omp_get_thread_num(), parts = omp_get_num_threads();
        sgd_range(&a, part_start(n, part, parts), part_start(n, part + 1, parts), nesterov, first);
    }
#endif
}

void ondine_adam(float *w, const float *g, float *m, float *v, int64_t n, float l2, float keep, float blend1,
                 float beta2, float blend2, float epsilon, float step_size, float root_bias2, int32_t threads) {
    const adam_args a = {w, g, m, v, l2, keep, blend1, beta2, blend2, epsilon, step_size, root_bias2};
    const int team = team_size(n, threads);
    if (team == 1) {
        adam_range(&a, 0, n);
        return;
    }
#ifdef _OPENMP
#pragma omp parallel num_threads(team)
    {
        const int64_t part = omp_get_thread_num(), parts = omp_get_num_threads();
        adam_range(&a, part_start(n, part, parts), part_start(n, part + 1, parts));
    }
#endif
}

/* ---- what this is ----------------------------------------------------------------------------------------- */

int32_t ondine_kernels_version(void) {
    return ONDINE_KERNELS_VERSION;
}

#ifdef _OPENMP
#define ONDINE_TEAM "OpenMP"
#else
#define ONDINE_TEAM "one thread, built without OpenMP"
#endif

const char *ondine_kernels_description(void) {
#ifdef ONDINE_HAS_CLONES
    if (__builtin_cpu_supports("avx512f")) {
        return ONDINE_TEAM ", AVX-512";
    }
    if (__builtin_cpu_supports("avx2")) {
        return ONDINE_TEAM ", AVX2";
    }
#endif
    return ONDINE_TEAM ", the compiler's baseline instructions";
}
