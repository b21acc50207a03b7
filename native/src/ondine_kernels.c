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

/* ---- RMSprop ---------------------------------------------------------------------------------------------- */

typedef struct {
    float *w;
    const float *g;
    float *s;
    float *mean;
    float *v;
    float lr;
    float weight_decay;
    float alpha;
    float blend;
    float epsilon;
    float momentum;
} rmsprop_args;

ONDINE_INLINE void rmsprop_body(const rmsprop_args *a, int64_t from, int64_t to, int decay, int centered, int near,
                                int moves) {
    float *restrict w = a->w;
    const float *restrict g = a->g;
    float *restrict s = a->s;
    float *restrict mean = a->mean;
    float *restrict v = a->v;
    const float lr = a->lr, weight_decay = a->weight_decay, alpha = a->alpha, blend = a->blend;
    const float far = 1.0f - a->blend, epsilon = a->epsilon, momentum = a->momentum;
    for (int64_t i = from; i < to; i++) {
        const float d = decay ? g[i] + weight_decay * w[i] : g[i];
        const float square = s[i] * alpha + blend * d * d;
        s[i] = square;
        float spread = square;
        if (centered) {
            const float m = near ? mean[i] + blend * (d - mean[i]) : d - (d - mean[i]) * far;
            mean[i] = m;
            spread = square - m * m;
        }
        const float r = sqrtf(spread) + epsilon;
        if (moves) {
            const float velocity = momentum * v[i] + d / r;
            v[i] = velocity;
            w[i] = w[i] - lr * velocity;
        } else {
            w[i] = w[i] - (lr * d) / r;
        }
    }
}

ONDINE_INLINE void rmsprop_cases(const rmsprop_args *a, int64_t from, int64_t to, int decay, int moves) {
    if (!a->mean) {
        rmsprop_body(a, from, to, decay, 0, 1, moves);
    } else if (a->blend < 0.5f) {
        rmsprop_body(a, from, to, decay, 1, 1, moves);
    } else {
        rmsprop_body(a, from, to, decay, 1, 0, moves);
    }
}

ONDINE_CLONES static void rmsprop_range(const rmsprop_args *a, int64_t from, int64_t to) {
    if (a->weight_decay != 0.0f) {
        a->momentum != 0.0f ? rmsprop_cases(a, from, to, 1, 1) : rmsprop_cases(a, from, to, 1, 0);
    } else {
        a->momentum != 0.0f ? rmsprop_cases(a, from, to, 0, 1) : rmsprop_cases(a, from, to, 0, 0);
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

/* What one thread does: the parts of the ranges that lie between two values. */
typedef void (*body)(const void *args, const ondine_range *range, int64_t from, int64_t to);

static void run_part(body body, const void *args, const ondine_range *ranges, int32_t count, int64_t from, int64_t to) {
    for (int32_t r = 0; r < count; r++) {
        const int64_t begin = ranges[r].from > from ? ranges[r].from : from;
        const int64_t end = ranges[r].to < to ? ranges[r].to : to;
        if (begin < end) {
            body(args, &ranges[r], begin, end);
        }
    }
}

static void run(body body, const void *args, const ondine_range *ranges, int32_t count, int32_t threads) {
    const int64_t n = count > 0 ? ranges[count - 1].to : 0;
    const int team = team_size(n, threads);
    if (team == 1) {
        run_part(body, args, ranges, count, 0, n);
        return;
    }
#ifdef _OPENMP
#pragma omp parallel num_threads(team)
    {
        /* The team may turn out smaller than asked for (OMP_THREAD_LIMIT), so it is asked again. */
        const int64_t part = omp_get_thread_num(), parts = omp_get_num_threads();
        run_part(body, args, ranges, count, part_start(n, part, parts), part_start(n, part + 1, parts));
    }
#endif
}

typedef struct {
    sgd_args args;
    int32_t nesterov;
    int32_t first;
} sgd_call;

static void sgd_body(const void *call, const ondine_range *range, int64_t from, int64_t to) {
    const sgd_call *c = call;
    sgd_args a = c->args;
    a.lr = range->a;
    a.weight_decay = range->b;
    a.gradient_weight = range->c;
    sgd_range(&a, from, to, c->nesterov, c->first);
}

void ondine_sgd(float *w, const float *g, float *v, const ondine_range *ranges, int32_t count, float momentum,
                int32_t nesterov, int32_t first, int32_t threads) {
    const sgd_call call = {{.w = w, .g = g, .v = v, .momentum = momentum}, nesterov, first};
    run(sgd_body, &call, ranges, count, threads);
}

static void adam_range_body(const void *args, const ondine_range *range, int64_t from, int64_t to) {
    adam_args a = *(const adam_args *)args;
    a.l2 = range->a;
    a.keep = range->b;
    a.step_size = range->c;
    adam_range(&a, from, to);
}

void ondine_adam(float *w, const float *g, float *m, float *v, const ondine_range *ranges, int32_t count, float blend1,
                 float beta2, float blend2, float epsilon, float root_bias2, int32_t threads) {
    const adam_args a = {.w = w, .g = g, .m = m, .v = v, .blend1 = blend1, .beta2 = beta2, .blend2 = blend2,
                         .epsilon = epsilon, .root_bias2 = root_bias2};
    run(adam_range_body, &a, ranges, count, threads);
}

static void rmsprop_range_body(const void *args, const ondine_range *range, int64_t from, int64_t to) {
    rmsprop_args a = *(const rmsprop_args *)args;
    a.lr = range->a;
    a.weight_decay = range->b;
    rmsprop_range(&a, from, to);
}

void ondine_rmsprop(float *w, const float *g, float *s, float *mean, float *v, const ondine_range *ranges, int32_t count,
                    float alpha, float blend, float epsilon, float momentum, int32_t threads) {
    const rmsprop_args a = {.w = w, .g = g, .s = s, .mean = mean, .v = v, .alpha = alpha, .blend = blend,
                            .epsilon = epsilon, .momentum = momentum};
    run(rmsprop_range_body, &a, ranges, count, threads);
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
