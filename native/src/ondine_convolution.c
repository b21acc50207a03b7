#include "ondine_convolution.h"

#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
#endif

int32_t ondine_convolution_version(void) {
    return ONDINE_CONVOLUTION_VERSION;
}

/* Channels of a block. */
#define LANES 16

/* The same pixel of two images, of a block: 16 times two values. */
#define PAIR (2 * LANES)

/* The most columns of a kernel. */
#define MOST_COLUMNS 3

/* Pairs of output pixels whose products are added up in registers; more where the sums lie far away. */
#define NEAR_PAIRS 256
#define FAR_PAIRS 1024

/* Weights' gradients from this size on, in all threads' copies, lie far away. */
#define FAR_BYTES (1024 * 1024)

/* Of what is rearranged of dy at a time: it stays in the second-level cache beside that of x. */
#define DY_BYTES (192 * 1024)

#define ALIGNED(bytes) (((bytes) + 63) & ~(int64_t)63)

/*
 * How the work is split. Threads form a grid: those of a row share the blocks of input channels among them, each row takes a part of the
 * pairs of images and has sums of its own, which are added up in the end.
 */
typedef struct {
    int64_t columns;
    int64_t rows;
    /* Pairs of images; the last may have only one. */
    int64_t pairs;
    /* A piece: rows of dy, and pairs of images, more than one only if their rows are whole. */
    int64_t tile;
    int64_t chunk;
    /* Blocks of outputs whose dy is rearranged at a time. */
    int64_t group;
    /* Of a rearranged x: rows of a piece and columns, in pairs, and what lies between those that neighbouring outputs meet. */
    int64_t x_rows;
    int64_t x_columns;
    int64_t row_step;
    int64_t column_step;
    /* Values of a pair of images of a piece: of a block of dy; of a block of x. */
    int64_t dy_pair;
    int64_t x_pair;
    /* Bytes of each thread's part of the scratch, and within it. */
    int64_t dy_bytes;
    int64_t thread_bytes;
    /* Floats of the gradient. */
    int64_t weights;
} split;

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t divisor(int64_t a, int64_t b) {
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static split split_of(const ondine_convolution *c) {
    split s;
    const int64_t threads = most(1, c->threads);
    s.pairs = (c->images + 1) / 2;
    s.weights = c->out_blocks * c->in_blocks * c->kernel_height * c->kernel_width * LANES * LANES;
    const int far = s.weights * (int64_t)sizeof(float) * threads > FAR_BYTES;
    s.columns = far || s.pairs < threads ? divisor(threads, c->in_blocks) : 1;
    s.rows = threads / s.columns;

    const int64_t pixels = far && c->kernel_height > 1 ? FAR_PAIRS : NEAR_PAIRS;
    s.tile = least(c->out_height, most(1, pixels / c->out_width));
    s.chunk = s.tile < c->out_height ? 1 : most(1, pixels / (c->out_height * c->out_width));
    s.chunk = least(s.chunk, (s.pairs + s.rows - 1) / s.rows);
    s.dy_pair = s.tile * c->out_width * PAIR;
    /* Even, as blocks of outputs go in twos. */
    s.group = least(c->out_blocks, most(2, DY_BYTES / 2 / (s.dy_pair * s.chunk) & ~(int64_t)1));

    /* Of a kernel of one row or column only what it meets. */
    s.row_step = c->kernel_height == 1 ? 1 : c->stride_height;
    s.column_step = c->kernel_width == 1 ? 1 : c->stride_width;
    s.x_rows = (s.tile - 1) * s.row_step + c->kernel_height;
    s.x_columns = (c->out_width - 1) * s.column_step + c->kernel_width;
    s.x_pair = s.x_rows * s.x_columns * PAIR;
    s.dy_bytes = ALIGNED(2 * s.dy_pair * s.chunk * s.group);
    s.thread_bytes = s.dy_bytes + ALIGNED(2 * s.x_pair * s.chunk);
    return s;
}

int64_t ondine_convolution_scratch(const ondine_convolution *c) {
    const split s = split_of(c);
    return s.rows * s.columns * s.thread_bytes + (s.rows - 1) * s.weights * (int64_t)sizeof(float);
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

int32_t ondine_convolution_supports(const ondine_convolution *c) {
    __builtin_cpu_init();
    const int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
            && __builtin_cpu_supports("avx512bf16");
    return avx512 && (c->kernel_width == 1 || c->kernel_width == MOST_COLUMNS);
}

/* Writes `count` pixels of two images as pairs, from pixels `step` apart; an image that is not there (NULL) counts as zeros. */
TARGET static void lay(const uint16_t *a, const uint16_t *b, int64_t count, int64_t step, uint16_t *to) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20,
                                           4, 19, 3, 18, 2, 17, 1, 16, 0);
    for (int64_t i = 0; i < count; i++) {
        const __m256i first = _mm256_loadu_si256((const __m256i *)(a + i * step * LANES));
        const __m256i second = b ? _mm256_loadu_si256((const __m256i *)(b + i * step * LANES)) : _mm256_setzero_si256();
        const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
        _mm512_store_si512(to + i * PAIR, _mm512_permutexvar_epi16(order, both));
    }
}

TARGET static void lay_zeros(int64_t count, uint16_t *to) {
    for (int64_t i = 0; i < count; i++) _mm512_store_si512(to + i * PAIR, _mm512_setzero_si512());
}

/* A row of x as the columns of the kernel meet it: zeros left and right of it as far as they reach. */
TARGET static void lay_x_row(const ondine_convolution *c, const split *s, const uint16_t *a, const uint16_t *b, uint16_t *to) {
    /* Of a kernel of one column, columns lie stride_width apart. */
    const int64_t step = s->column_step == c->stride_width ? 1 : c->stride_width;
    const int64_t before = least(s->x_columns, (c->padding_width + step - 1) / step);
    const int64_t begin = before * step - c->padding_width;
    const int64_t there = begin >= c->in_width ? 0 : least(s->x_columns - before, (c->in_width - 1 - begin) / step + 1);
    lay_zeros(before, to);
    lay(a + begin * LANES, b ? b + begin * LANES : b, there, step, to + before * PAIR);
    lay_zeros(s->x_columns - before - there, to + (before + there) * PAIR);
}

/* What one call of the innermost loop adds up: rows of outputs of some pairs of images. Distances are in values. */
typedef struct {
    const uint16_t *x;
    int64_t x_pair;
    int64_t x_row;
    int64_t x_step;
    const uint16_t *dy;
    int64_t dy_pair;
    int64_t dy_row;
    int64_t dy_block; /* from one block of outputs to the next */
    int64_t pairs;
    int64_t rows;
    int64_t columns;
    float *sums;
    int64_t sums_block; /* floats from one block of outputs to the next */
    int first; /* whether sums hold nothing yet */
} product;

/* With the broadcast inside: GCC 12 would make two instructions of it. */
#define MULTIPLY_ADD_MEMORY(sum, g, pair) \
    __asm__("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(g), "m"(*(const int32_t *)(pair)))
#define MULTIPLY_ADD(sum, g, v) (sum = _mm512_dpbf16_ps(sum, (__m512bh)(g), (__m512bh)(v)))

#define UNROLLED _Pragma("GCC unroll 16")

/*
 * COLUMNS columns of the kernel, INPUTS input channels, BLOCKS blocks of outputs: so many sums of 16 outputs stay in registers. A pair of
 * an input channel is broadcast out of memory, for all BLOCKS at once.
 */
#define PRODUCT(name, COLUMNS, INPUTS, BLOCKS) \
    TARGET static void name(const product *p) { \
        __m512 sum[BLOCKS][COLUMNS][INPUTS]; \
        UNROLLED for (int b = 0; b < BLOCKS; b++) { \
            UNROLLED for (int k = 0; k < COLUMNS; k++) { \
                UNROLLED for (int i = 0; i < INPUTS; i++) { \
                    const float *at = p->sums + b * p->sums_block + (k * LANES + i) * LANES; \
                    sum[b][k][i] = p->first ? _mm512_setzero_ps() : _mm512_loadu_ps(at); \
                } \
            } \
        } \
        const int64_t block = p->dy_block, step = p->x_step; \
        for (int64_t n = 0; n < p->pairs; n++) { \
            for (int64_t h = 0; h < p->rows; h++) { \
                const uint16_t *x = p->x + n * p->x_pair + h * p->x_row; \
                const uint16_t *dy = p->dy + n * p->dy_pair + h * p->dy_row; \
                for (int64_t w = p->columns; w > 0; w--, x += step, dy += PAIR) { \
                    __m512i g[BLOCKS]; \
                    UNROLLED for (int b = 0; b < BLOCKS; b++) g[b] = _mm512_load_si512(dy + b * block); \
                    UNROLLED for (int k = 0; k < COLUMNS; k++) { \
                        UNROLLED for (int i = 0; i < INPUTS; i++) { \
                            if (BLOCKS == 1) { \
                                MULTIPLY_ADD_MEMORY(sum[0][k][i], g[0], x + k * PAIR + i * 2); \
                            } else { \
                                const __m512i v = _mm512_set1_epi32(*(const int32_t *)(x + k * PAIR + i * 2)); \
                                UNROLLED for (int b = 0; b < BLOCKS; b++) MULTIPLY_ADD(sum[b][k][i], g[b], v); \
                            } \
                        } \
                    } \
                } \
            } \
        } \
        UNROLLED for (int b = 0; b < BLOCKS; b++) { \
            UNROLLED for (int k = 0; k < COLUMNS; k++) { \
                UNROLLED for (int i = 0; i < INPUTS; i++) { \
                    _mm512_storeu_ps(p->sums + b * p->sums_block + (k * LANES + i) * LANES, sum[b][k][i]); \
                } \
            } \
        } \
    }

PRODUCT(product_3_8_1, 3, 8, 1)
PRODUCT(product_3_4_2, 3, 4, 2)
PRODUCT(product_1_16_1, 1, 16, 1)
PRODUCT(product_1_8_2, 1, 8, 2)

/* All input channels of a block, and one or two blocks of outputs, of one row of the kernel. */
TARGET static void products(product p, int64_t columns, int blocks) {
    void (*const some)(const product *) = columns == 1 ? (blocks == 1 ? product_1_16_1 : product_1_8_2)
                                                       : (blocks == 1 ? product_3_8_1 : product_3_4_2);
    const int inputs = (columns == 1 ? 16 : 8) / blocks;
    for (int i = 0; i < LANES; i += inputs) {
        some(&p);
        p.x += 2 * inputs;
        p.sums += LANES * inputs;
    }
}

/* One thread's part of the gradient from one piece: pairs [n, n + count) of images, rows [top, bottom) of dy. */
typedef struct {
    const ondine_convolution *c;
    const split *s;
    uint16_t *x;
    uint16_t *dy;
    float *sums;
    int64_t block_from;
    int64_t block_to;
} part;

/* An image's block, NULL behind the last image. */
static const uint16_t *block_of(const void *base, int64_t image, int64_t images, int64_t block, int64_t blocks, int64_t size) {
    return image < images ? (const uint16_t *)base + (image * blocks + block) * size : NULL;
}

TARGET static void lay_dy_piece(const part *t, int64_t n, int64_t count, int64_t top, int64_t bottom, int64_t block, uint16_t *to) {
    const ondine_convolution *c = t->c;
    const int64_t size = c->out_height * c->out_width * LANES, from = top * c->out_width * LANES;
    for (int64_t m = n; m < n + count; m++, to += t->s->dy_pair) {
        const uint16_t *a = block_of(c->dy, 2 * m, c->images, block, c->out_blocks, size);
        const uint16_t *b = block_of(c->dy, 2 * m + 1, c->images, block, c->out_blocks, size);
        lay(a + from, b ? b + from : b, (bottom - top) * c->out_width, 1, to);
    }
}

TARGET static void lay_x_piece(const part *t, int64_t n, int64_t count, int64_t top, int64_t bottom, int64_t block) {
    const ondine_convolution *c = t->c;
    const split *s = t->s;
    const int64_t size = c->in_height * c->in_width * LANES;
    const int64_t rows = (bottom - top - 1) * s->row_step + c->kernel_height;
    const int64_t apart = s->row_step == c->stride_height ? 1 : c->stride_height;
    for (int64_t m = n; m < n + count; m++) {
        const uint16_t *a = block_of(c->x, 2 * m, c->images, block, c->in_blocks, size);
        const uint16_t *b = block_of(c->x, 2 * m + 1, c->images, block, c->in_blocks, size);
        for (int64_t r = 0; r < rows; r++) {
            const int64_t row = top * c->stride_height - c->padding_height + r * apart;
            if (row < 0 || row >= c->in_height) continue; /* nobody reads it */
            const int64_t from = row * c->in_width * LANES;
            lay_x_row(c, s, a + from, b ? b + from : b, t->x + (m - n) * s->x_pair + r * s->x_columns * PAIR);
        }
    }
}

/* Rows [from, to) of [top, bottom) of dy that meet a row of x at row r of the kernel. */
static void meeting(const ondine_convolution *c, int64_t r, int64_t top, int64_t bottom, int64_t *from, int64_t *to) {
    const int64_t shift = r - c->padding_height, stride = c->stride_height;
    const int64_t last = c->in_height - 1 - shift;
    *from = most(top, shift >= 0 ? 0 : (-shift + stride - 1) / stride);
    *to = least(bottom, last < 0 ? 0 : last / stride + 1);
    if (*to < *from) *to = *from;
}

TARGET static void add_piece(const part *t, int64_t n, int64_t count, int64_t top, int64_t bottom, int first) {
    const ondine_convolution *c = t->c;
    const split *s = t->s;
    const int64_t kernel = c->kernel_height * c->kernel_width * LANES * LANES;
    const int64_t dy_block = s->chunk * s->dy_pair;
    for (int64_t group = 0; group < c->out_blocks; group += s->group) {
        const int64_t end = least(group + s->group, c->out_blocks);
        for (int64_t o = group; o < end; o++) lay_dy_piece(t, n, count, top, bottom, o, t->dy + (o - group) * dy_block);
        for (int64_t i = t->block_from; i < t->block_to; i++) {
            lay_x_piece(t, n, count, top, bottom, i);
            int blocks;
            for (int64_t o = group; o < end; o += blocks) {
                blocks = o + 1 < end ? 2 : 1;
                for (int64_t r = 0; r < c->kernel_height; r++) {
                    int64_t from, to;
                    meeting(c, r, top, bottom, &from, &to);
                    const product p = {
                        .x = t->x + ((from - top) * s->row_step + r) * s->x_columns * PAIR,
                        .x_pair = s->x_pair,
                        .x_row = s->row_step * s->x_columns * PAIR,
                        .x_step = s->column_step * PAIR,
                        .dy = t->dy + (o - group) * dy_block + (from - top) * c->out_width * PAIR,
                        .dy_pair = s->dy_pair,
                        .dy_row = c->out_width * PAIR,
                        .dy_block = dy_block,
                        .pairs = count,
                        .rows = to - from,
                        .columns = c->out_width,
                        .sums = t->sums + (o * c->in_blocks + i) * kernel + r * c->kernel_width * LANES * LANES,
                        .sums_block = c->in_blocks * kernel,
                        .first = first,
                    };
                    products(p, c->kernel_width, blocks);
                }
            }
        }
    }
}

TARGET static void work(const ondine_convolution *c, const split *s, int64_t thread) {
    const int64_t column = thread % s->columns, row = thread / s->columns;
    char *mine = (char *)c->scratch + thread * s->thread_bytes;
    float *others = (float *)((char *)c->scratch + s->rows * s->columns * s->thread_bytes);
    const part t = {
        .c = c,
        .s = s,
        .dy = (uint16_t *)mine,
        .x = (uint16_t *)(mine + s->dy_bytes),
        .sums = row == 0 ? c->gradient : others + (row - 1) * s->weights,
        .block_from = c->in_blocks * column / s->columns,
        .block_to = c->in_blocks * (column + 1) / s->columns,
    };
    const int64_t begin = s->pairs * row / s->rows, end = s->pairs * (row + 1) / s->rows;
    /* Without any pair it still makes zeros. */
    int first = 1;
    for (int64_t n = begin; n < end || first; n += s->chunk) {
        const int64_t count = most(0, least(s->chunk, end - n));
        for (int64_t top = 0; top < c->out_height; top += s->tile) {
            add_piece(&t, n, count, top, least(top + s->tile, c->out_height), first);
            first = 0;
        }
    }
}

/* Adds the other rows' sums to the first's: one thread's part. */
TARGET static void add_up(const ondine_convolution *c, const split *s, int64_t thread, int64_t threads) {
    const float *others = (const float *)((char *)c->scratch + s->rows * s->columns * s->thread_bytes);
    const int64_t vectors = s->weights / LANES;
    const int64_t to = vectors * (thread + 1) / threads * LANES;
    for (int64_t i = vectors * thread / threads * LANES; i < to; i += LANES) {
        __m512 sum = _mm512_loadu_ps(c->gradient + i);
        for (int64_t r = 0; r + 1 < s->rows; r++) sum = _mm512_add_ps(sum, _mm512_loadu_ps(others + r * s->weights + i));
        _mm512_storeu_ps(c->gradient + i, sum);
    }
}

void ondine_convolution_backward_weights(const ondine_convolution *c) {
    const split s = split_of(c);
    const int64_t parts = s.rows * s.columns;
#ifdef _OPENMP
    if (parts > 1) {
#pragma omp parallel num_threads((int)parts)
        {
            /* OpenMP may give fewer. */
            const int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
            for (int64_t i = thread; i < parts; i += threads) work(c, &s, i);
            if (s.rows > 1) {
#pragma omp barrier
                add_up(c, &s, thread, threads);
            }
        }
        return;
    }
#endif
    for (int64_t i = 0; i < parts; i++) work(c, &s, i);
    if (s.rows > 1) add_up(c, &s, 0, 1);
}

#else

int32_t ondine_convolution_supports(const ondine_convolution *c) {
    (void)c;
    return 0;
}

void ondine_convolution_backward_weights(const ondine_convolution *c) {
    (void)c;
}

#endif
