/*
 * The kernels of ondine_batch_norm.c for rows of channels without pixels, as linear layers have them. A thread takes whole channels, and
 * nobody waits for another: channels have nothing to do with each other.
 */

/* Vectors of channels that are gone through together, at most: with what is known of each they fill the registers. */
#define WIDTH 4

/* Rows whose mean is taken before their squares are added; see CHUNK. */
#define ROWS 256

/* Rows of some channels. The last vector may be a part of one. */
typedef struct {
    const float *x;
    int64_t rows;
    int64_t stride;
    __mmask16 last;
} panel;

#define ROWS_INLINE TARGET_F32 static inline __attribute__((always_inline))
#define EACH(v) for (int v = 0; v < width; v++)
#define MASK(v) ((__mmask16)((v) == width - 1 ? p->last : 0xffff))
#define LOAD_ROW(from, v) _mm512_maskz_loadu_ps(MASK(v), (from) + (v) * LANES)

ROWS_INLINE void rows_load(const panel *p, const float *from, float otherwise, __m512 *values, const int width) {
    EACH(v) values[v] = from ? LOAD_ROW(from, v) : _mm512_set1_ps(otherwise);
}

/* As moments, with a row for a pixel. */
ROWS_INLINE void rows_moments(const panel *p, float *means, float *variances, const int width) {
    __m512 mean[WIDTH], square[WIDTH];
    EACH(v) mean[v] = square[v] = _mm512_setzero_ps();
    for (int64_t done = 0; done < p->rows; done += ROWS) {
        const int64_t count = p->rows - done < ROWS ? p->rows - done : ROWS;
        const float *from = p->x + done * p->stride;
        __m512 sum[WIDTH], middle[WIDTH], squares[WIDTH];
        EACH(v) sum[v] = squares[v] = _mm512_setzero_ps();
        for (int64_t i = 0; i < count; i++) EACH(v) sum[v] = _mm512_add_ps(sum[v], LOAD_ROW(from + i * p->stride, v));
        EACH(v) middle[v] = _mm512_div_ps(sum[v], _mm512_set1_ps((float)count));
        for (int64_t i = 0; i < count; i++) {
            EACH(v) {
                const __m512 d = _mm512_sub_ps(LOAD_ROW(from + i * p->stride, v), middle[v]);
                squares[v] = _mm512_fmadd_ps(d, d, squares[v]);
            }
        }
        const __m512 share = _mm512_set1_ps((float)count / (float)(done + count));
        const __m512 weight = _mm512_set1_ps((float)done * (float)count / (float)(done + count));
        EACH(v) {
            const __m512 d = _mm512_sub_ps(middle[v], mean[v]);
            mean[v] = _mm512_fmadd_ps(d, share, mean[v]);
            square[v] = _mm512_add_ps(square[v], _mm512_fmadd_ps(_mm512_mul_ps(d, weight), d, squares[v]));
        }
    }
    EACH(v) {
        _mm512_mask_storeu_ps(means + v * LANES, MASK(v), mean[v]);
        _mm512_mask_storeu_ps(variances + v * LANES, MASK(v), _mm512_div_ps(square[v], _mm512_set1_ps((float)p->rows)));
    }
}

/* 1 / sqrt(variance + epsilon), in double: of eight channels and the next eight. */
ROWS_INLINE void rows_rate(const ondine_batch_norm *call, __m512 variance, __m512d *low, __m512d *high) {
    const __m512d epsilon = _mm512_set1_pd((double)call->epsilon), one = _mm512_set1_pd(1);
    const __m512d v0 = _mm512_cvtps_pd(_mm512_castps512_ps256(variance));
    const __m512d v1 = _mm512_cvtps_pd(_mm512_extractf32x8_ps(variance, 1));
    *low = _mm512_div_pd(one, _mm512_sqrt_pd(_mm512_add_pd(v0, epsilon)));
    *high = _mm512_div_pd(one, _mm512_sqrt_pd(_mm512_add_pd(v1, epsilon)));
}

ROWS_INLINE __m512 rows_narrow(__m512d low, __m512d high) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}

#define WIDE_LOW(v) _mm512_cvtps_pd(_mm512_castps512_ps256(v))
#define WIDE_HIGH(v) _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1))

ROWS_INLINE void rows_factors(
        const ondine_batch_norm *call, const panel *p, int64_t channel, __m512 *factor, const int width) {
    EACH(v) {
        __m512d low, high;
        rows_rate(call, LOAD_ROW(call->variance + channel, v), &low, &high);
        if (call->scale) {
            const __m512 scale = LOAD_ROW(call->scale + channel, v);
            low = _mm512_mul_pd(low, WIDE_LOW(scale));
            high = _mm512_mul_pd(high, WIDE_HIGH(scale));
        }
        factor[v] = rows_narrow(low, high);
    }
}

#define ROWS_NORMALIZED(x, v) _mm512_fmadd_ps(_mm512_sub_ps(x, mean[v]), factor[v], shift[v])

ROWS_INLINE void rows_normalize(
        const ondine_batch_norm *call, const panel *p, int64_t channel, const int added, const int relu, const int width) {
    const float *addend = (const float *)call->addend + (added ? channel : 0);
    float *y = (float *)call->result + channel;
    __m512 mean[WIDTH], factor[WIDTH], shift[WIDTH];
    rows_load(p, call->mean + channel, 0, mean, width);
    rows_load(p, call->shift ? call->shift + channel : NULL, 0, shift, width);
    rows_factors(call, p, channel, factor, width);
    for (int64_t i = 0; i < p->rows; i++) {
        EACH(v) {
            __m512 value = ROWS_NORMALIZED(LOAD_ROW(p->x + i * p->stride, v), v);
            if (added) value = _mm512_add_ps(value, LOAD_ROW(addend + i * p->stride, v));
            /* Of operands that do not compare, the instruction takes the second. */
            if (relu) value = _mm512_max_ps(_mm512_setzero_ps(), value);
            _mm512_mask_storeu_ps(y + i * p->stride + v * LANES, MASK(v), value);
        }
    }
}

ROWS_INLINE void rows_forward(const ondine_batch_norm *call, const panel *p, int64_t channel, int again, const int width) {
    if (!again) rows_moments(p, call->mean + channel, call->variance + channel, width);
    if (call->addend) {
        if (call->relu) rows_normalize(call, p, channel, 1, 1, width);
        else rows_normalize(call, p, channel, 1, 0, width);
    } else {
        if (call->relu) rows_normalize(call, p, channel, 0, 1, width);
        else rows_normalize(call, p, channel, 0, 0, width);
    }
}

#define ROWS_PASSED(g, x, v) \
    (relu ? _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(ROWS_NORMALIZED(x, v), _mm512_setzero_ps(), _CMP_NLE_UQ), g) : g)

/* dx = g * factor + (x - mean) * slope + level, as for blocks. */
ROWS_INLINE void rows_backward(
        const ondine_batch_norm *call, const panel *p, int64_t channel, const int relu, const int width) {
    const float *dy = (const float *)call->dy + channel;
    float *dx = (float *)call->result + channel;
    __m512 mean[WIDTH], factor[WIDTH], shift[WIDTH], slope[WIDTH], level[WIDTH];
    rows_load(p, call->mean + channel, 0, mean, width);
    rows_load(p, call->shift ? call->shift + channel : NULL, 0, shift, width);
    rows_factors(call, p, channel, factor, width);
    __m512d sums[WIDTH][2], products[WIDTH][2];
    EACH(v) sums[v][0] = sums[v][1] = products[v][0] = products[v][1] = _mm512_setzero_pd();
    for (int64_t done = 0; done < p->rows; done += ROWS) {
        const int64_t end = p->rows - done < ROWS ? p->rows : done + ROWS;
        __m512 sum[WIDTH], product[WIDTH];
        EACH(v) sum[v] = product[v] = _mm512_setzero_ps();
        for (int64_t i = done; i < end; i++) {
            EACH(v) {
                const __m512 x = LOAD_ROW(p->x + i * p->stride, v);
                __m512 g = LOAD_ROW(dy + i * p->stride, v);
                g = ROWS_PASSED(g, x, v);
                sum[v] = _mm512_add_ps(sum[v], g);
                product[v] = _mm512_fmadd_ps(g, _mm512_sub_ps(x, mean[v]), product[v]);
            }
        }
        EACH(v) {
            sums[v][0] = _mm512_add_pd(sums[v][0], WIDE_LOW(sum[v]));
            sums[v][1] = _mm512_add_pd(sums[v][1], WIDE_HIGH(sum[v]));
            products[v][0] = _mm512_add_pd(products[v][0], WIDE_LOW(product[v]));
            products[v][1] = _mm512_add_pd(products[v][1], WIDE_HIGH(product[v]));
        }
    }
    EACH(v) {
        const __m512d part = _mm512_set1_pd(-1.0 / (double)p->rows);
        const __m512 scale = call->scale ? LOAD_ROW(call->scale + channel, v) : _mm512_set1_ps(1);
        const __m512d scales[2] = {WIDE_LOW(scale), WIDE_HIGH(scale)};
        __m512d rate[2], slopes[2], levels[2];
        rows_rate(call, LOAD_ROW(call->variance + channel, v), &rate[0], &rate[1]);
        for (int h = 0; h < 2; h++) {
            const __m512d shared = _mm512_mul_pd(part, _mm512_mul_pd(scales[h], rate[h]));
            levels[h] = _mm512_mul_pd(shared, sums[v][h]);
            products[v][h] = _mm512_mul_pd(products[v][h], rate[h]);
            slopes[h] = _mm512_mul_pd(shared, _mm512_mul_pd(products[v][h], rate[h]));
        }
        slope[v] = rows_narrow(slopes[0], slopes[1]);
        level[v] = rows_narrow(levels[0], levels[1]);
        if (call->scale_gradient) {
            _mm512_mask_storeu_ps(
                    call->scale_gradient + channel + v * LANES, MASK(v), rows_narrow(products[v][0], products[v][1]));
        }
        if (call->shift_gradient) {
            _mm512_mask_storeu_ps(call->shift_gradient + channel + v * LANES, MASK(v), rows_narrow(sums[v][0], sums[v][1]));
        }
    }
    for (int64_t i = 0; i < p->rows; i++) {
        EACH(v) {
            const __m512 x = LOAD_ROW(p->x + i * p->stride, v);
            __m512 g = LOAD_ROW(dy + i * p->stride, v);
            g = ROWS_PASSED(g, x, v);
            const __m512 rest = _mm512_fmadd_ps(_mm512_sub_ps(x, mean[v]), slope[v], level[v]);
            _mm512_mask_storeu_ps(dx + i * p->stride + v * LANES, MASK(v), _mm512_fmadd_ps(g, factor[v], rest));
        }
    }
}

enum rows_task { ROWS_FORWARD, ROWS_AGAIN, ROWS_BACKWARD };

ROWS_INLINE void rows_panel(
        const ondine_batch_norm *call, const panel *p, int64_t channel, enum rows_task task, const int width) {
    if (task != ROWS_BACKWARD) rows_forward(call, p, channel, task == ROWS_AGAIN, width);
    else if (call->relu) rows_backward(call, p, channel, 1, width);
    else rows_backward(call, p, channel, 0, width);
}

TARGET_F32 static void rows_panel_1(const ondine_batch_norm *call, const panel *p, int64_t channel, enum rows_task task) {
    rows_panel(call, p, channel, task, 1);
}

TARGET_F32 static void rows_panel_4(const ondine_batch_norm *call, const panel *p, int64_t channel, enum rows_task task) {
    rows_panel(call, p, channel, task, WIDTH);
}

TARGET_F32 static void rows_part(
        const ondine_batch_norm *call, int64_t thread, int64_t threads, enum rows_task task) {
    const int64_t channels = call->blocks * LANES - call->missing;
    const int64_t end = call->blocks * (thread + 1) / threads;
    for (int64_t b = call->blocks * thread / threads; b < end;) {
        const int64_t width = end - b >= WIDTH ? WIDTH : 1;
        const int whole = b + width < call->blocks || call->missing == 0;
        const panel p = {(const float *)call->x + b * LANES, call->images, channels,
                         (__mmask16)(whole ? 0xffff : 0xffff >> call->missing)};
        if (width == WIDTH) rows_panel_4(call, &p, b * LANES, task);
        else rows_panel_1(call, &p, b * LANES, task);
        b += width;
    }
}

static void forward_rows(const ondine_batch_norm *call, const split *s, int64_t thread, int64_t threads) {
    (void)s;
    rows_part(call, thread, threads, ROWS_FORWARD);
}

static void again_rows(const ondine_batch_norm *call, const split *s, int64_t thread, int64_t threads) {
    (void)s;
    rows_part(call, thread, threads, ROWS_AGAIN);
}

static void backward_rows(const ondine_batch_norm *call, const split *s, int64_t thread, int64_t threads) {
    (void)s;
    rows_part(call, thread, threads, ROWS_BACKWARD);
}

#undef EACH
#undef MASK
#undef LOAD_ROW
