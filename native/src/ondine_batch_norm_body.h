/* The kernels of ondine_batch_norm.c for one type of values; included once for each, with the macros that read and write it. */

/* How the values of a block of channels are normalized; each array spread as the values are. */
typedef struct {
    __m512 mean;
    __m512 factor; /* scale / sqrt(variance + epsilon) */
    __m512 shift;
} NAME(normal);

TARGET static inline __m512 NAME(mean_of)(__m512 sum, int64_t count) {
    return _mm512_div_ps(sum, _mm512_set1_ps((float)count));
}

/*
 * Leaves the means of a piece's channels and the sums of squares around them. Each chunk is read twice, the second time from the
 * first-level cache: sums of squares around zero would lose their digits where the mean is large. Chunks are joined by the formula of
 * Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
 */
TARGET static void NAME(moments)(const VALUE *x, int64_t pixels, float *moments) {
    __m512 mean0 = _mm512_setzero_ps(), mean1 = mean0, square0 = mean0, square1 = mean0;
    for (int64_t done = 0; done < pixels; done += CHUNK) {
        const int64_t count = pixels - done < CHUNK ? pixels - done : CHUNK;
        const int64_t pairs = count / 2;
        const VALUE *from = x + done * LANES;
        __m512 a0 = _mm512_setzero_ps(), a1 = a0, b0 = a0, b1 = a0;
        int64_t i = 0;
        for (; i + 2 <= pairs; i += 2) {
            LOAD(from + i * 2 * LANES, u0, u1);
            LOAD(from + (i + 1) * 2 * LANES, v0, v1);
            a0 = _mm512_add_ps(a0, u0);
            a1 = _mm512_add_ps(a1, u1);
            b0 = _mm512_add_ps(b0, v0);
            b1 = _mm512_add_ps(b1, v1);
        }
        if (i < pairs) {
            LOAD(from + i * 2 * LANES, u0, u1);
            a0 = _mm512_add_ps(a0, u0);
            a1 = _mm512_add_ps(a1, u1);
        }
        if (count & 1) {
            LOAD_LAST(from + pairs * 2 * LANES, u0, u1);
            b0 = _mm512_add_ps(b0, u0);
            b1 = _mm512_add_ps(b1, u1);
        }
        a0 = _mm512_add_ps(a0, b0);
        a1 = _mm512_add_ps(a1, b1);
        FOLD(a0, a1);
        const __m512 m0 = NAME(mean_of)(a0, count), m1 = NAME(mean_of)(a1, count);

        a0 = a1 = b0 = b1 = _mm512_setzero_ps();
        for (i = 0; i + 2 <= pairs; i += 2) {
            LOAD(from + i * 2 * LANES, u0, u1);
            LOAD(from + (i + 1) * 2 * LANES, v0, v1);
            u0 = _mm512_sub_ps(u0, m0);
            u1 = _mm512_sub_ps(u1, m1);
            v0 = _mm512_sub_ps(v0, m0);
            v1 = _mm512_sub_ps(v1, m1);
            a0 = _mm512_fmadd_ps(u0, u0, a0);
            a1 = _mm512_fmadd_ps(u1, u1, a1);
            b0 = _mm512_fmadd_ps(v0, v0, b0);
            b1 = _mm512_fmadd_ps(v1, v1, b1);
        }
        if (i < pairs) {
            LOAD(from + i * 2 * LANES, u0, u1);
            u0 = _mm512_sub_ps(u0, m0);
            u1 = _mm512_sub_ps(u1, m1);
            a0 = _mm512_fmadd_ps(u0, u0, a0);
            a1 = _mm512_fmadd_ps(u1, u1, a1);
        }
        if (count & 1) {
            LOAD_LAST(from + pairs * 2 * LANES, u0, u1);
            u0 = _mm512_maskz_sub_ps(LAST_0, u0, m0);
            u1 = _mm512_maskz_sub_ps(LAST_1, u1, m1);
            b0 = _mm512_fmadd_ps(u0, u0, b0);
            b1 = _mm512_fmadd_ps(u1, u1, b1);
        }
        a0 = _mm512_add_ps(a0, b0);
        a1 = _mm512_add_ps(a1, b1);
        FOLD(a0, a1);

        const __m512 share = _mm512_set1_ps((float)count / (float)(done + count));
        const __m512 weight = _mm512_set1_ps((float)done * (float)count / (float)(done + count));
        /* Weight first: it is 0 at the first chunk, and squares of large means overflow. */
        const __m512 d0 = _mm512_sub_ps(m0, mean0), d1 = _mm512_sub_ps(m1, mean1);
        mean0 = _mm512_fmadd_ps(d0, share, mean0);
        mean1 = _mm512_fmadd_ps(d1, share, mean1);
        square0 = _mm512_add_ps(square0, _mm512_fmadd_ps(_mm512_mul_ps(d0, weight), d0, a0));
        square1 = _mm512_add_ps(square1, _mm512_fmadd_ps(_mm512_mul_ps(d1, weight), d1, a1));
    }
    _mm512_storeu_ps(moments, GATHER(mean0, mean1));
    _mm512_storeu_ps(moments + LANES, GATHER(square0, square1));
}

/* Joins the moments of a block's pieces, in double and in their order: mean and variance of its channels. */
TARGET static void NAME(join)(const ondine_batch_norm *call, const split *s, const float *moments, int64_t block) {
    float *mean = call->mean + block * LANES;
    float *variance = call->variance + block * LANES;
    const double count = (double)call->images * (double)call->space;
    for (int half = 0; half < 2; half++) {
        const float *means = moments + half * 8;
        __m512d sum = _mm512_setzero_pd();
        const float *at = means;
        for (int64_t n = 0; n < call->images; n++) {
            for (int64_t p = 0; p < s->pieces; p++, at += 2 * LANES) {
                const int64_t pixels = p + 1 < s->pieces ? s->piece : call->space - p * s->piece;
                sum = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps(at)), _mm512_set1_pd((double)pixels), sum);
            }
        }
        const __m512d middle = _mm512_div_pd(sum, _mm512_set1_pd(count));
        __m512d squares = _mm512_setzero_pd();
        at = means;
        for (int64_t n = 0; n < call->images; n++) {
            for (int64_t p = 0; p < s->pieces; p++, at += 2 * LANES) {
                const int64_t pixels = p + 1 < s->pieces ? s->piece : call->space - p * s->piece;
                const __m512d d = _mm512_sub_pd(_mm512_cvtps_pd(_mm256_loadu_ps(at)), middle);
                squares = _mm512_add_pd(squares, _mm512_cvtps_pd(_mm256_loadu_ps(at + LANES)));
                squares = _mm512_fmadd_pd(_mm512_mul_pd(d, d), _mm512_set1_pd((double)pixels), squares);
            }
        }
        _mm256_storeu_ps(mean + half * 8, _mm512_cvtpd_ps(middle));
        _mm256_storeu_ps(variance + half * 8, _mm512_cvtpd_ps(_mm512_div_pd(squares, _mm512_set1_pd(count))));
    }
}

/* Adds up the two sums of a block's pieces, in double and in their order. */
TARGET static void NAME(total)(const ondine_batch_norm *call, const split *s, const float *sums, double *totals) {
    const int64_t items = call->images * s->pieces;
    for (int part = 0; part < 4; part++) {
        __m512d sum = _mm512_setzero_pd();
        for (int64_t i = 0; i < items; i++) {
            sum = _mm512_add_pd(sum, _mm512_cvtps_pd(_mm256_loadu_ps(sums + i * 2 * LANES + part * 8)));
        }
        _mm512_storeu_pd(totals + part * 8, sum);
    }
}

/* The numbers of each channel in the scratch memory. */
static inline float *NAME(factors)(const ondine_batch_norm *call) {
    return call->scratch;
}

static inline float *NAME(slopes)(const ondine_batch_norm *call) {
    return call->scratch + call->blocks * LANES;
}

static inline float *NAME(levels)(const ondine_batch_norm *call) {
    return call->scratch + 2 * call->blocks * LANES;
}

static inline double NAME(rate)(const ondine_batch_norm *call, int64_t channel) {
    return 1.0 / sqrt((double)call->variance[channel] + (double)call->epsilon);
}

TARGET static void NAME(make_factors)(const ondine_batch_norm *call, int64_t block) {
    for (int64_t c = block * LANES; c < (block + 1) * LANES; c++) {
        NAME(factors)(call)[c] = (float)((call->scale ? call->scale[c] : 1.0) * NAME(rate)(call, c));
    }
}

TARGET static inline NAME(normal) NAME(normal_of)(const ondine_batch_norm *call, int64_t block) {
    NAME(normal) n;
    n.mean = _mm512_loadu_ps(call->mean + block * LANES);
    n.factor = _mm512_loadu_ps(NAME(factors)(call) + block * LANES);
    n.shift = call->shift ? _mm512_loadu_ps(call->shift + block * LANES) : _mm512_setzero_ps();
    return n;
}

/* The one formula of y, so that backward finds the very sign that forward wrote. */
#define NORMALIZED(x, mean, factor, shift) _mm512_fmadd_ps(_mm512_sub_ps(x, mean), factor, shift)

/* max(0, v) that hands a NaN on: of operands that do not compare, the instruction takes the second. */
#define RELU(v) _mm512_max_ps(_mm512_setzero_ps(), v)

#define NORMALIZE(at, load, store) \
    do { \
        load(x + (at), v0, v1); \
        v0 = NORMALIZED(v0, mean0, factor0, shift0); \
        v1 = NORMALIZED(v1, mean1, factor1, shift1); \
        if (added) { \
            ROUND(v0, v1); \
            load(addend + (at), r0, r1); \
            v0 = _mm512_add_ps(v0, r0); \
            v1 = _mm512_add_ps(v1, r1); \
        } \
        if (relu) { \
            v0 = RELU(v0); \
            v1 = RELU(v1); \
        } \
        store(y + (at), v0, v1); \
    } while (0)

/* No restrict: y may be the addend. */
TARGET static inline __attribute__((always_inline)) void NAME(normalize_loop)(
        const VALUE *x,
        const VALUE *addend,
        VALUE *y,
        int64_t pixels,
        const NAME(normal) *n,
        const VALUE *soon,
        const int added,
        const int relu,
        const int far,
        const int write_far) {
    SPREAD(n->mean, mean0, mean1);
    SPREAD(n->factor, factor0, factor1);
    SPREAD(n->shift, shift0, shift1);
    const int64_t pairs = pixels / 2;
    for (int64_t i = 0; i < pairs; i++) {
        if (far) FETCH(soon + i * 2 * LANES);
        if (write_far) {
            NORMALIZE(i * 2 * LANES, LOAD, STORE_FAR);
        } else {
            NORMALIZE(i * 2 * LANES, LOAD, STORE);
        }
    }
    if (pixels & 1) NORMALIZE(pairs * 2 * LANES, LOAD_LAST, STORE_LAST);
}

TARGET static void NAME(normalize)(
        const VALUE *x,
        const VALUE *addend,
        VALUE *y,
        int64_t pixels,
        const NAME(normal) *n,
        const VALUE *soon,
        int relu,
        int far) {
    /* What was just read is written where it is. */
    const int write_far = ((uintptr_t)y & 63) == 0 && addend != y;
#define LOOP(added, relu, far, write_far) NAME(normalize_loop)(x, addend, y, pixels, n, soon, added, relu, far, write_far)
#define CHOOSE(added, relu) \
    do { \
        if (!far) LOOP(added, relu, 0, 0); \
        else if (write_far) LOOP(added, relu, 1, 1); \
        else LOOP(added, relu, 1, 0); \
    } while (0)
    if (addend) {
        if (relu) CHOOSE(1, 1);
        else CHOOSE(1, 0);
    } else {
        if (relu) CHOOSE(0, 1);
        else CHOOSE(0, 0);
    }
#undef CHOOSE
#undef LOOP
}

/* The gradient behind the ReLU: none where y is not above zero. */
#define PASSED(dy, x, mean, factor, shift) \
    (relu ? _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(NORMALIZED(x, mean, factor, shift), _mm512_setzero_ps(), _CMP_NLE_UQ), dy) : dy)

/* Leaves the sums of a piece's g and g * (x - mean). */
TARGET static inline __attribute__((always_inline)) void NAME(sums_loop)(
        const VALUE *x, const VALUE *dy, int64_t pixels, const NAME(normal) *n, float *sums, const int relu) {
    SPREAD(n->mean, mean0, mean1);
    SPREAD(n->factor, factor0, factor1);
    SPREAD(n->shift, shift0, shift1);
    __m512 a0 = _mm512_setzero_ps(), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    const int64_t pairs = pixels / 2;
    int64_t i = 0;
    for (; i + 2 <= pairs; i += 2) {
        LOAD(x + i * 2 * LANES, u0, u1);
        LOAD(dy + i * 2 * LANES, g0, g1);
        g0 = PASSED(g0, u0, mean0, factor0, shift0);
        g1 = PASSED(g1, u1, mean1, factor1, shift1);
        a0 = _mm512_add_ps(a0, g0);
        a1 = _mm512_add_ps(a1, g1);
        b0 = _mm512_fmadd_ps(g0, _mm512_sub_ps(u0, mean0), b0);
        b1 = _mm512_fmadd_ps(g1, _mm512_sub_ps(u1, mean1), b1);
        LOAD(x + (i + 1) * 2 * LANES, v0, v1);
        LOAD(dy + (i + 1) * 2 * LANES, h0, h1);
        h0 = PASSED(h0, v0, mean0, factor0, shift0);
        h1 = PASSED(h1, v1, mean1, factor1, shift1);
        c0 = _mm512_add_ps(c0, h0);
        c1 = _mm512_add_ps(c1, h1);
        d0 = _mm512_fmadd_ps(h0, _mm512_sub_ps(v0, mean0), d0);
        d1 = _mm512_fmadd_ps(h1, _mm512_sub_ps(v1, mean1), d1);
    }
    if (i < pairs) {
        LOAD(x + i * 2 * LANES, u0, u1);
        LOAD(dy + i * 2 * LANES, g0, g1);
        g0 = PASSED(g0, u0, mean0, factor0, shift0);
        g1 = PASSED(g1, u1, mean1, factor1, shift1);
        a0 = _mm512_add_ps(a0, g0);
        a1 = _mm512_add_ps(a1, g1);
        b0 = _mm512_fmadd_ps(g0, _mm512_sub_ps(u0, mean0), b0);
        b1 = _mm512_fmadd_ps(g1, _mm512_sub_ps(u1, mean1), b1);
    }
    if (pixels & 1) {
        /* Lanes without a pixel have no gradient, but a NaN or infinite mean would make one. */
        LOAD_LAST(x + pairs * 2 * LANES, u0, u1);
        LOAD_LAST(dy + pairs * 2 * LANES, g0, g1);
        g0 = _mm512_maskz_mov_ps(LAST_0, PASSED(g0, u0, mean0, factor0, shift0));
        g1 = _mm512_maskz_mov_ps(LAST_1, PASSED(g1, u1, mean1, factor1, shift1));
        c0 = _mm512_add_ps(c0, g0);
        c1 = _mm512_add_ps(c1, g1);
        d0 = _mm512_mask3_fmadd_ps(g0, _mm512_sub_ps(u0, mean0), d0, LAST_0);
        d1 = _mm512_mask3_fmadd_ps(g1, _mm512_sub_ps(u1, mean1), d1, LAST_1);
    }
    a0 = _mm512_add_ps(a0, c0);
    a1 = _mm512_add_ps(a1, c1);
    b0 = _mm512_add_ps(b0, d0);
    b1 = _mm512_add_ps(b1, d1);
    FOLD(a0, a1);
    FOLD(b0, b1);
    _mm512_storeu_ps(sums, GATHER(a0, a1));
    _mm512_storeu_ps(sums + LANES, GATHER(b0, b1));
}

TARGET static void NAME(sums)(
        const VALUE *x, const VALUE *dy, int64_t pixels, const NAME(normal) *n, float *sums, int relu) {
    relu ? NAME(sums_loop)(x, dy, pixels, n, sums, 1) : NAME(sums_loop)(x, dy, pixels, n, sums, 0);
}

#define DIFFERENTIATE(at, load, store) \
    do { \
        load(x + (at), u0, u1); \
        load(dy + (at), g0, g1); \
        g0 = PASSED(g0, u0, mean0, factor0, shift0); \
        g1 = PASSED(g1, u1, mean1, factor1, shift1); \
        u0 = _mm512_fmadd_ps(_mm512_sub_ps(u0, mean0), slope0, level0); \
        u1 = _mm512_fmadd_ps(_mm512_sub_ps(u1, mean1), slope1, level1); \
        u0 = _mm512_fmadd_ps(g0, factor0, u0); \
        u1 = _mm512_fmadd_ps(g1, factor1, u1); \
        store(dx + (at), u0, u1); \
    } while (0)

/* dx = g * factor + (x - mean) * slope + level. No restrict: dx may be dy. */
TARGET static inline __attribute__((always_inline)) void NAME(differentiate_loop)(
        const VALUE *x,
        const VALUE *dy,
        VALUE *dx,
        int64_t pixels,
        int64_t soon,
        const NAME(normal) *n,
        __m512 slope,
        __m512 level,
        const int relu,
        const int far,
        const int write_far) {
    SPREAD(n->mean, mean0, mean1);
    SPREAD(n->factor, factor0, factor1);
    SPREAD(n->shift, shift0, shift1);
    SPREAD(slope, slope0, slope1);
    SPREAD(level, level0, level1);
    const int64_t pairs = pixels / 2;
    for (int64_t i = 0; i < pairs; i++) {
        if (far) {
            FETCH(x + soon + i * 2 * LANES);
            FETCH(dy + soon + i * 2 * LANES);
        }
        if (write_far) {
            DIFFERENTIATE(i * 2 * LANES, LOAD, STORE_FAR);
        } else {
            DIFFERENTIATE(i * 2 * LANES, LOAD, STORE);
        }
    }
    if (pixels & 1) DIFFERENTIATE(pairs * 2 * LANES, LOAD_LAST, STORE_LAST);
}

TARGET static void NAME(differentiate)(
        const VALUE *x,
        const VALUE *dy,
        VALUE *dx,
        int64_t at,
        int64_t pixels,
        int64_t soon,
        const NAME(normal) *n,
        __m512 slope,
        __m512 level,
        int relu,
        int far) {
    x += at;
    dy += at;
    dx += at;
    soon -= at;
    /* What was just read is written where it is. */
    const int write_far = ((uintptr_t)dx & 63) == 0 && dx != dy;
#define LOOP(relu, far, write_far) NAME(differentiate_loop)(x, dy, dx, pixels, soon, n, slope, level, relu, far, write_far)
    if (relu) {
        if (!far) LOOP(1, 0, 0);
        else if (write_far) LOOP(1, 1, 1);
        else LOOP(1, 1, 0);
    } else {
        if (!far) LOOP(0, 0, 0);
        else if (write_far) LOOP(0, 1, 1);
        else LOOP(0, 1, 0);
    }
#undef LOOP
}

/* A group of blocks, and the pieces of it that a thread takes: [from, to) of them as they lie in memory. */
typedef struct {
    int64_t first;
    int64_t blocks;
    int64_t from;
    int64_t to;
} NAME(share);

static inline NAME(share) NAME(share_of)(
        const ondine_batch_norm *call, const split *s, int64_t first, int64_t thread, int64_t threads) {
    NAME(share) share = {first, 0, 0, 0};
    if (first >= call->blocks) return share;
    share.blocks = call->blocks - first < s->group ? call->blocks - first : s->group;
    const int64_t items = share.blocks * call->images * s->pieces;
    share.from = items * thread / threads;
    share.to = items * (thread + 1) / threads;
    return share;
}

/* A piece of a group: its block, the first of its values, how many pixels it has, and where its sums go (those of a block in a row). */
typedef struct {
    int64_t block;
    int64_t from;
    int64_t pixels;
    int64_t sums;
} NAME(item);

static inline NAME(item) NAME(item_at)(const ondine_batch_norm *call, const split *s, const NAME(share) *share, int64_t i) {
    const int64_t piece = i % s->pieces;
    const int64_t within = i / s->pieces % share->blocks;
    const int64_t image = i / s->pieces / share->blocks;
    NAME(item) it;
    it.block = share->first + within;
    it.from = ((image * call->blocks + it.block) * call->space + piece * s->piece) * LANES;
    it.pixels = piece + 1 < s->pieces ? s->piece : call->space - piece * s->piece;
    it.sums = ((within * call->images + image) * s->pieces + piece) * 2 * LANES;
    return it;
}

static inline void NAME(wait)(int64_t threads) {
    (void)threads;
#ifdef _OPENMP
    if (threads > 1) {
#pragma omp barrier
    }
#endif
}

/*
 * One thread's part. The pieces of a group are dealt out evenly, then its blocks, whose sums are joined; then everybody normalizes the
 * pieces whose sums it took, last first, as they are nearest. Between them it takes the sums of the next group's pieces, fetched while
 * results are written: memory is read and written at a time.
 */
TARGET static void NAME(forward)(const ondine_batch_norm *call, const split *s, int64_t thread, int64_t threads) {
    const VALUE *x = call->x;
    const VALUE *addend = call->addend;
    VALUE *y = call->result;
    const int64_t of_block = call->images * s->pieces * 2 * LANES;
    float *moments = call->scratch + 3 * call->blocks * LANES;
    float *others = moments + s->group * of_block;
    NAME(share) now = NAME(share_of)(call, s, 0, thread, threads);
    for (int64_t i = now.from; i < now.to; i++) {
        const NAME(item) it = NAME(item_at)(call, s, &now, i);
        NAME(moments)(x + it.from, it.pixels, moments + it.sums);
    }
    while (now.blocks > 0) {
        NAME(wait)(threads);
        const int64_t last = now.blocks * (thread + 1) / threads;
        for (int64_t b = now.blocks * thread / threads; b < last; b++) {
            NAME(join)(call, s, moments + b * of_block, now.first + b);
            NAME(make_factors)(call, now.first + b);
        }
        NAME(wait)(threads);
        const NAME(share) next = NAME(share_of)(call, s, now.first + now.blocks, thread, threads);
        int64_t ahead = next.from;
        for (int64_t i = now.to - 1; i >= now.from; i--) {
            const NAME(item) it = NAME(item_at)(call, s, &now, i);
            const NAME(normal) n = NAME(normal_of)(call, it.block);
            const NAME(item) then = ahead < next.to ? NAME(item_at)(call, s, &next, ahead) : it;
            const VALUE *added = addend ? addend + it.from : NULL;
            NAME(normalize)(x + it.from, added, y + it.from, it.pixels, &n, x + then.from, call->relu, s->far);
            if (ahead++ < next.to) NAME(moments)(x + then.from, then.pixels, others + then.sums);
        }
        for (; ahead < next.to; ahead++) {
            const NAME(item) then = NAME(item_at)(call, s, &next, ahead);
            NAME(moments)(x + then.from, then.pixels, others + then.sums);
        }
        now = next;
        float *swap = moments;
        moments = others;
        others = swap;
    }
    if (s->far) _mm_sfence();
}

/* As they lie in memory, and kept near: whoever wants y once more reads it next. */
TARGET static void NAME(again)(const ondine_batch_norm *call, const split *s, int64_t thread, int64_t threads) {
    const VALUE *x = call->x;
    const VALUE *addend = call->addend;
    VALUE *y = call->result;
    const int64_t end = call->blocks * (thread + 1) / threads;
    for (int64_t b = call->blocks * thread / threads; b < end; b++) NAME(make_factors)(call, b);
    NAME(wait)(threads);
    const int64_t items = call->images * call->blocks * s->pieces;
    const NAME(share) all = {0, call->blocks, items * thread / threads, items * (thread + 1) / threads};
    for (int64_t i = all.from; i < all.to; i++) {
        const NAME(item) it = NAME(item_at)(call, s, &all, i);
        const NAME(normal) n = NAME(normal_of)(call, it.block);
        NAME(normalize)(x + it.from, addend ? addend + it.from : NULL, y + it.from, it.pixels, &n, x, call->relu, 0);
    }
}

/* From the sums of a block's pieces to the gradients of scale and shift, and to what dx takes of them. */
TARGET static void NAME(conclude)(const ondine_batch_norm *call, const split *s, const float *sums, int64_t block) {
    const double count = (double)call->images * (double)call->space;
    double totals[2 * LANES];
    NAME(total)(call, s, sums, totals);
    for (int i = 0; i < LANES; i++) {
        const int64_t c = block * LANES + i;
        const double rate = NAME(rate)(call, c);
        const double factor = (call->scale ? call->scale[c] : 1.0) * rate;
        NAME(slopes)(call)[c] = (float)(-factor * rate * rate * totals[LANES + i] / count);
        NAME(levels)(call)[c] = (float)(-factor * totals[i] / count);
        if (call->scale_gradient) call->scale_gradient[c] = (float)(totals[LANES + i] * rate);
        if (call->shift_gradient) call->shift_gradient[c] = (float)totals[i];
    }
}

/* As forward, of the two sums of each piece. */
TARGET static void NAME(backward)(const ondine_batch_norm *call, const split *s, int64_t thread, int64_t threads) {
    const VALUE *x = call->x;
    const VALUE *dy = call->dy;
    VALUE *dx = call->result;
    const int64_t of_block = call->images * s->pieces * 2 * LANES;
    float *sums = call->scratch + 3 * call->blocks * LANES;
    float *others = sums + s->group * of_block;
    const int64_t end = call->blocks * (thread + 1) / threads;
    for (int64_t b = call->blocks * thread / threads; b < end; b++) NAME(make_factors)(call, b);
    NAME(wait)(threads);
    NAME(share) now = NAME(share_of)(call, s, 0, thread, threads);
    for (int64_t i = now.from; i < now.to; i++) {
        const NAME(item) it = NAME(item_at)(call, s, &now, i);
        const NAME(normal) n = NAME(normal_of)(call, it.block);
        NAME(sums)(x + it.from, dy + it.from, it.pixels, &n, sums + it.sums, call->relu);
    }
    while (now.blocks > 0) {
        NAME(wait)(threads);
        const int64_t last = now.blocks * (thread + 1) / threads;
        for (int64_t b = now.blocks * thread / threads; b < last; b++) {
            NAME(conclude)(call, s, sums + b * of_block, now.first + b);
        }
        NAME(wait)(threads);
        const NAME(share) next = NAME(share_of)(call, s, now.first + now.blocks, thread, threads);
        int64_t ahead = next.from;
        for (int64_t i = now.to - 1; i >= now.from; i--) {
            const NAME(item) it = NAME(item_at)(call, s, &now, i);
            const NAME(normal) n = NAME(normal_of)(call, it.block);
            const __m512 slope = _mm512_loadu_ps(NAME(slopes)(call) + it.block * LANES);
            const __m512 level = _mm512_loadu_ps(NAME(levels)(call) + it.block * LANES);
            const NAME(item) then = ahead < next.to ? NAME(item_at)(call, s, &next, ahead) : it;
            NAME(differentiate)(x, dy, dx, it.from, it.pixels, then.from, &n, slope, level, call->relu, s->far);
            if (ahead++ < next.to) {
                const NAME(normal) m = NAME(normal_of)(call, then.block);
                NAME(sums)(x + then.from, dy + then.from, then.pixels, &m, others + then.sums, call->relu);
            }
        }
        for (; ahead < next.to; ahead++) {
            const NAME(item) then = NAME(item_at)(call, s, &next, ahead);
            const NAME(normal) m = NAME(normal_of)(call, then.block);
            NAME(sums)(x + then.from, dy + then.from, then.pixels, &m, others + then.sums, call->relu);
        }
        now = next;
        float *swap = sums;
        sums = others;
        others = swap;
    }
    if (s->far) _mm_sfence();
}

#undef NORMALIZED
#undef RELU
#undef NORMALIZE
#undef PASSED
#undef DIFFERENTIATE
#undef NAME
#undef TARGET
#undef VALUE
#undef LAST_0
#undef LAST_1
#undef LOAD
#undef LOAD_LAST
#undef STORE
#undef STORE_FAR
#undef STORE_LAST
#undef FETCH
#undef ROUND
#undef FOLD
#undef GATHER
#undef SPREAD
