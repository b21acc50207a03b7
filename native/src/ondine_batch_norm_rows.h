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

ROWS_INLINE void rows_load(const panel *p, const float *from, __m512 *values, const int width) {
    EACH(v) values[v] = from ? LOAD_ROW(from, v) : _mm512_setzero_ps();
}

/* Of eight channels and the next eight, in double. */
typedef struct {
    __m512d low;
    __m512d high;
} wide;

ROWS_INLINE wide rows_wide(__m512 v) {
    return (wide){_mm512_cvtps_pd(_mm512_castps512_ps256(v)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1))};
}

ROWS_INLINE __m512 rows_narrow(wide w) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(w.low)), _mm512_cvtpd_ps(w.high), 1);
}

ROWS_INLINE wide rows_plus(wide a, wide b) {
    return (wide){_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)};
}

ROWS_INLINE wide rows_times(wide a, wide b) {
    return (wide){_mm512_mul_pd(a.low, b.low), _mm512_mul_pd(a.high, b.high)};
}

ROWS_INLINE wide rows_all(double value) {
    return (wide){_mm512_set1_pd(value), _mm512_set1_pd(value)};
}

/* As moments, with a row for a pixel: sums of 256 rows in two strands of float32, all the rest in double. */
ROWS_INLINE void rows_moments(const panel *p, float *means, float *variances, const int width) {
    wide mean[WIDTH], square[WIDTH];
    EACH(v) mean[v] = square[v] = rows_all(0);
    for (int64_t done = 0; done < p->rows; done += ROWS) {
        const int64_t count = p->rows - done < ROWS ? p->rows - done : ROWS;
        const float *from = p->x + done * p->stride;
        __m512 sum[WIDTH], other[WIDTH], middle[WIDTH];
        int64_t i = 0;
        EACH(v) sum[v] = other[v] = _mm512_setzero_ps();
        for (; i + 2 <= count; i += 2) {
            EACH(v) sum[v] = _mm512_add_ps(sum[v], LOAD_ROW(from + i * p->stride, v));
            EACH(v) other[v] = _mm512_add_ps(other[v], LOAD_ROW(from + (i + 1) * p->stride, v));
        }
        if (i < count) EACH(v) sum[v] = _mm512_add_ps(sum[v], LOAD_ROW(from + i * p->stride, v));
        EACH(v) {
            middle[v] = _mm512_div_ps(_mm512_add_ps(sum[v], other[v]), _mm512_set1_ps((float)count));
            sum[v] = other[v] = _mm512_setzero_ps();
        }
        for (i = 0; i + 2 <= count; i += 2) {
            EACH(v) {
                const __m512 d = _mm512_sub_ps(LOAD_ROW(from + i * p->stride, v), middle[v]);
                const __m512 e = _mm512_sub_ps(LOAD_ROW(from + (i + 1) * p->stride, v), middle[v]);
                sum[v] = _mm512_fmadd_ps(d, d, sum[v]);
                other[v] = _mm512_fmadd_ps(e, e, other[v]);
            }
        }
        if (i < count) {
            EACH(v) {
                const __m512 d = _mm512_sub_ps(LOAD_ROW(from + i * p->stride, v), middle[v]);
                sum[v] = _mm512_fmadd_ps(d, d, sum[v]);
            }
        }
        const double share = (double)count / (double)(done + count);
        EACH(v) {
            const wide d = rows_plus(rows_wide(middle[v]), rows_times(mean[v], rows_all(-1)));
            mean[v] = rows_plus(mean[v], rows_times(d, rows_all(share)));
            square[v] = rows_plus(square[v], rows_times(rows_times(d, rows_all((double)done * share)), d));
            square[v] = rows_plus(square[v], rows_wide(_mm512_add_ps(sum[v], other[v])));
        }
    }
    EACH(v) {
        const wide variance = rows_times(square[v], rows_all(1.0 / (double)p->rows));
        _mm512_mask_storeu_ps(means + v * LANES, MASK(v), rows_narrow(mean[v]));
        _mm512_mask_storeu_ps(variances + v * LANES, MASK(v), rows_narrow(variance));
    }
}

/* 1 / sqrt(variance + epsilon). */
ROWS_INLINE wide rows_rate(const ondine_batch_norm *call, __m512 variance) {
    const wide v = rows_plus(rows_wide(variance), rows_all((double)call->epsilon));
    const __m512d one = _mm512_set1_pd(1);
    return (wide){_mm512_div_pd(one, _mm512_sqrt_pd(v.low)), _mm512_div_pd(one, _mm512_sqrt_pd(v.high))};
}

/* scale / sqrt(variance + epsilon) */
ROWS_INLINE wide rows_factor(const ondine_batch_norm *call, const panel *p, int64_t channel, int v, const int width) {
    const wide rate = rows_rate(call, LOAD_ROW(call->variance + channel, v));
    return call->scale ? rows_times(rate, rows_wide(LOAD_ROW(call->scale + channel, v))) : rate;
}

#define ROWS_NORMALIZED(x, v) _mm512_fmadd_ps(_mm512_sub_ps(x, mean[v]), factor[v], shift[v])

ROWS_INLINE void rows_normalize(
        const ondine_batch_norm *call, const panel *p, int64_t channel, const int added, const int relu, const int width) {
    const float *addend = (const float *)call->addend + (added ? channel : 0);
    float *y = (float *)call->result + channel;
    __m512 mean[WIDTH], factor[WIDTH], shift[WIDTH];
    rows_load(p, call->mean + channel, mean, width);
    rows_load(p, call->shift ? call->shift + channel : NULL, shift, width);
    EACH(v) factor[v] = rows_narrow(rows_factor(call, p, channel, v, width));
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
    rows_load(p, call->mean + channel, mean, width);
    rows_load(p, call->shift ? call->shift + channel : NULL, shift, width);
    EACH(v) factor[v] = rows_narrow(rows_factor(call, p, channel, v, width));
    wide sums[WIDTH], products[WIDTH];
    EACH(v) sums[v] = products[v] = rows_all(0);
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
            sums[v] = rows_plus(sums[v], rows_wide(sum[v]));
            products[v] = rows_plus(products[v], rows_wide(product[v]));
        }
    }
    EACH(v) {
        const wide rate = rows_rate(call, LOAD_ROW(call->variance + channel, v));
        const wide shared = rows_times(rows_factor(call, p, channel, v, width), rows_all(-1.0 / (double)p->rows));
        const wide gradient = rows_times(products[v], rate);
        slope[v] = rows_narrow(rows_times(shared, rows_times(gradient, rate)));
        level[v] = rows_narrow(rows_times(shared, sums[v]));
        if (call->scale_gradient) {
            _mm512_mask_storeu_ps(call->scale_gradient + channel + v * LANES, MASK(v), rows_narrow(gradient));
        }
        if (call->shift_gradient) {
            _mm512_mask_storeu_ps(call->shift_gradient + channel + v * LANES, MASK(v), rows_narrow(sums[v]));
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
