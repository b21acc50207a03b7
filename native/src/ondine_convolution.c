#include "ondine_convolution.h"

#include "ondine_avx512.h"

#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
#endif

int32_t ondine_convolution_version(void) {
    return ONDINE_CONVOLUTION_VERSION;
}

/* Channels of a block. */
#define LANES 16

/* The most columns of a kernel. */
#define MOST_COLUMNS 3

/* Output pixels whose products are added up in registers: few where dy's cells are made for it; more where the sums lie far away. */
#define FEW_PIXELS 256
#define MANY_PIXELS 1024

/* Weights' gradients from this size on, in all threads' copies, lie far away. */
#define FAR_BYTES (1024 * 1024)

/* Of dy, what one block of x after the other is multiplied with: it stays in the second-level cache. */
#define DY_BYTES (192 * 1024)

/*
 * What is multiplied at a time is a cell: 64 bytes, a pixel of a block. In float32 that is the memory as it is; in bfloat16 the pixels of two
 * images, 16 times two values. A unit is what a cell is taken of: an image, or two.
 */
typedef struct {
    uint32_t lane[LANES];
} cell;

#define CELL_BYTES ((int64_t)sizeof(cell))

/*
 * How the work is split, and how what it reads lies. Threads form a grid: those of a row share the blocks of input channels among them, each
 * row takes a part of the units and has sums of its own, which are added up in the end.
 */
typedef struct {
    int64_t columns;
    int64_t rows;
    int64_t units;
    /* A piece: rows of dy, and units, more than one only if their rows are whole. */
    int64_t tile;
    int64_t chunk;
    /* Blocks of outputs of a piece that are multiplied with one block of inputs after the other. */
    int64_t group;
    /*
     * Whether the loop goes over the pixels of x instead of dy. Each is then broadcast once for all columns of the kernel, which pays for
     * a single block of outputs: reading is what limits it. dy gets the zeros then.
     */
    int slides;
    /* Whether dy and x are rearranged, or read where they are. */
    int lays_dy;
    int lays_x;
    /* Rearranged rows, in cells. */
    int64_t dy_columns;
    int64_t x_columns;
    /* Rearranged rows of x of a piece, and how many lie between those that neighbouring rows of dy meet; as the columns. */
    int64_t x_rows;
    int64_t row_step;
    int64_t column_step;
    /* Distances in cells, rearranged or not: from unit to unit, of dy also from block to block. */
    int64_t dy_unit;
    int64_t dy_block;
    int64_t x_unit;
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
    const int pairs = c->type == ONDINE_CONVOLUTION_BF16;
    s.units = pairs ? (c->images + 1) / 2 : c->images;
    s.weights = c->out_blocks * c->in_blocks * c->kernel_height * c->kernel_width * LANES * LANES;
    const int far = s.weights * (int64_t)sizeof(float) * threads > FAR_BYTES;
    s.columns = far || s.units < threads ? divisor(threads, c->in_blocks) : 1;
    s.rows = threads / s.columns;

    const int64_t pixels = !pairs || (far && c->kernel_height > 1) ? MANY_PIXELS : FEW_PIXELS;
    s.tile = least(c->out_height, most(1, pixels / c->out_width));
    s.chunk = s.tile < c->out_height ? 1 : most(1, pixels / (c->out_height * c->out_width));
    s.chunk = least(s.chunk, (s.units + s.rows - 1) / s.rows);

    s.slides = c->out_blocks == 1 && c->kernel_width == MOST_COLUMNS && c->stride_width == 1;
    s.lays_dy = pairs || s.slides;
    s.dy_columns = s.slides ? c->in_width + c->kernel_width - 1 : c->out_width;
    s.dy_unit = s.lays_dy ? s.tile * s.dy_columns : c->out_blocks * c->out_height * c->out_width;
    s.dy_block = s.lays_dy ? s.chunk * s.dy_unit : c->out_height * c->out_width;
    /* Even, as blocks of outputs go in twos. */
    s.group = least(c->out_blocks, most(2, DY_BYTES / CELL_BYTES / (s.tile * s.dy_columns * s.chunk) & ~(int64_t)1));

    const int64_t reach = (c->out_width - 1) * c->stride_width + c->kernel_width - c->padding_width;
    s.lays_x = pairs || !(s.slides || (c->padding_width == 0 && reach <= c->in_width));
    /* Of a kernel of one row or column, only what it meets is rearranged. */
    s.row_step = s.lays_x && c->kernel_height == 1 ? 1 : c->stride_height;
    s.column_step = s.lays_x && c->kernel_width == 1 ? 1 : c->stride_width;
    s.x_rows = (s.tile - 1) * s.row_step + c->kernel_height;
    s.x_columns = s.slides ? c->in_width : s.lays_x ? (c->out_width - 1) * s.column_step + c->kernel_width : c->in_width;
    s.x_unit = s.lays_x ? s.x_rows * s.x_columns : c->in_blocks * c->in_height * c->in_width;

    s.dy_bytes = s.lays_dy ? CELL_BYTES * s.dy_block * s.group : 0;
    s.thread_bytes = s.dy_bytes + (s.lays_x ? CELL_BYTES * s.x_unit * s.chunk : 0);
    return s;
}

int64_t ondine_convolution_scratch(const ondine_convolution *c) {
    const split s = split_of(c);
    return s.rows * s.columns * s.thread_bytes + (s.rows - 1) * s.weights * (int64_t)sizeof(float);
}

#ifdef ONDINE_AVX512

#define TARGET TARGET_F32

int32_t ondine_convolution_supports(const ondine_convolution *c) {
    const int bf16 = c->type == ONDINE_CONVOLUTION_BF16;
    if (!bf16 && c->type != ONDINE_CONVOLUTION_F32) return 0;
    return has_avx512(bf16) && (c->kernel_width == 1 || c->kernel_width == MOST_COLUMNS);
}

/* ---- rearranging ---------------------------------------------------------------------------------------------------------------- */

/* Pixels of a unit: of one image, or of two in bfloat16, the second NULL if there is none. */
typedef struct {
    const char *first;
    const char *second;
} source;

TARGET static void lay_zeros(int64_t count, cell *to) {
    for (int64_t i = 0; i < count; i++) _mm512_store_si512(to + i, _mm512_setzero_si512());
}

/* Writes `count` cells, of the pixels from `from` on that are `step` apart. */
TARGET static void lay(const ondine_convolution *c, source of, int64_t from, int64_t step, int64_t count, cell *to) {
    if (c->type == ONDINE_CONVOLUTION_F32) {
        for (int64_t i = 0; i < count; i++) {
            _mm512_store_si512(to + i, _mm512_loadu_si512(of.first + (from + i * step) * CELL_BYTES));
        }
        return;
    }
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20,
                                           4, 19, 3, 18, 2, 17, 1, 16, 0);
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = (from + i * step) * CELL_BYTES / 2;
        const __m256i first = _mm256_loadu_si256((const __m256i *)(of.first + at));
        const __m256i second = of.second ? _mm256_loadu_si256((const __m256i *)(of.second + at)) : _mm256_setzero_si256();
        const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
        _mm512_store_si512(to + i, _mm512_permutexvar_epi16(order, both));
    }
}

/* Writes `count` cells of a row of `width` pixels, those from `from` on that are `step` apart; where there is no pixel, zeros. */
TARGET static void lay_row(
        const ondine_convolution *c, source row, int64_t width, int64_t from, int64_t step, int64_t count, cell *to) {
    const int64_t before = from < 0 ? least(count, (-from + step - 1) / step) : 0;
    const int64_t begin = from + before * step;
    const int64_t there = begin >= width ? 0 : least(count - before, (width - 1 - begin) / step + 1);
    lay_zeros(before, to);
    lay(c, row, begin, step, there, to + before);
    lay_zeros(count - before - there, to + before + there);
}

/* A row of a block of a unit. */
static source row_of(
        const ondine_convolution *c,
        const void *base,
        int64_t unit,
        int64_t block,
        int64_t blocks,
        int64_t height,
        int64_t width,
        int64_t row) {
    const int pairs = c->type == ONDINE_CONVOLUTION_BF16;
    const int64_t pixel = pairs ? CELL_BYTES / 2 : CELL_BYTES;
    const int64_t image = pairs ? 2 * unit : unit;
    source s;
    s.first = (const char *)base + (((image * blocks + block) * height + row) * width) * pixel;
    s.second = pairs && image + 1 < c->images ? s.first + blocks * height * width * pixel : NULL;
    return s;
}

/* ---- multiplying ---------------------------------------------------------------------------------------------------------------- */

/* What one call of the innermost loop adds up: rows of outputs of some units. Distances are in cells. */
typedef struct {
    const cell *x;
    int64_t x_unit;
    int64_t x_row;
    int64_t x_step;
    const cell *dy;
    int64_t dy_unit;
    int64_t dy_row;
    int64_t dy_block; /* from one block of outputs to the next */
    int64_t units;
    int64_t rows;
    int64_t columns;
    float *sums;
    int64_t sums_block; /* floats from one block of outputs to the next */
    int first; /* whether sums hold nothing yet */
} product;

/* With the broadcast inside: GCC 12 would make two instructions of it. */
#define ADD_MEMORY_BF16(sum, g, v) __asm__("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(g), "m"(v))
#define ADD_MEMORY_F32(sum, g, v) __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(g), "m"(v))
#define ADD_BF16(sum, g, v) (sum = _mm512_dpbf16_ps(sum, (__m512bh)(g), (__m512bh)(v)))
#define ADD_F32(sum, g, v) (sum = _mm512_fmadd_ps(_mm512_castsi512_ps(g), _mm512_castsi512_ps(v), sum))

#define UNROLLED _Pragma("GCC unroll 16")

/* Over all sums of a loop: BLOCKS blocks of outputs, COLUMNS columns of the kernel, INPUTS input channels. */
#define EACH_SUM(COLUMNS, INPUTS, BLOCKS) \
    UNROLLED for (int b = 0; b < BLOCKS; b++) UNROLLED for (int k = 0; k < COLUMNS; k++) UNROLLED for (int i = 0; i < INPUTS; i++)

/* The sums of a piece are added to those before it, instead of going on from them: fewer roundings one behind the other. */
#define FINISH(COLUMNS, INPUTS, BLOCKS) \
    EACH_SUM(COLUMNS, INPUTS, BLOCKS) { \
        float *at = p->sums + b * p->sums_block + (k * LANES + i) * LANES; \
        _mm512_storeu_ps(at, p->first ? sum[b][k][i] : _mm512_add_ps(sum[b][k][i], _mm512_loadu_ps(at))); \
    }

/* Goes over the pixels of dy. A cell's input channel is broadcast out of memory, for all BLOCKS at once. */
#define PRODUCT(name, TARGET, TYPE, COLUMNS, INPUTS, BLOCKS) \
    TARGET static void name(const product *p) { \
        __m512 sum[BLOCKS][COLUMNS][INPUTS]; \
        EACH_SUM(COLUMNS, INPUTS, BLOCKS) sum[b][k][i] = _mm512_setzero_ps(); \
        const int64_t block = p->dy_block, step = p->x_step; \
        for (int64_t n = 0; n < p->units; n++) { \
            for (int64_t h = 0; h < p->rows; h++) { \
                const cell *x = p->x + n * p->x_unit + h * p->x_row; \
                const cell *dy = p->dy + n * p->dy_unit + h * p->dy_row; \
                for (int64_t w = p->columns; w > 0; w--, x += step, dy++) { \
                    __m512i g[BLOCKS]; \
                    UNROLLED for (int b = 0; b < BLOCKS; b++) g[b] = _mm512_loadu_si512(dy + b * block); \
                    UNROLLED for (int k = 0; k < COLUMNS; k++) { \
                        UNROLLED for (int i = 0; i < INPUTS; i++) { \
                            if (BLOCKS == 1) { \
                                ADD_MEMORY_##TYPE(sum[0][k][i], g[0], x[k].lane[i]); \
                            } else { \
                                const __m512i v = _mm512_set1_epi32((int)x[k].lane[i]); \
                                UNROLLED for (int b = 0; b < BLOCKS; b++) ADD_##TYPE(sum[b][k][i], g[b], v); \
                            } \
                        } \
                    } \
                } \
            } \
        } \
        FINISH(COLUMNS, INPUTS, BLOCKS) \
    }

/* Goes over the pixels of x, and takes each for three columns of the kernel: those of dy that meet it end at dy[2]. */
#define SLIDING(name, TARGET, TYPE, INPUTS) \
    TARGET static void name(const product *p) { \
        __m512 sum[1][MOST_COLUMNS][INPUTS]; \
        EACH_SUM(MOST_COLUMNS, INPUTS, 1) sum[b][k][i] = _mm512_setzero_ps(); \
        for (int64_t n = 0; n < p->units; n++) { \
            for (int64_t h = 0; h < p->rows; h++) { \
                const cell *x = p->x + n * p->x_unit + h * p->x_row; \
                const cell *dy = p->dy + n * p->dy_unit + h * p->dy_row; \
                for (int64_t w = p->columns; w > 0; w--, x++, dy++) { \
                    __m512i g[MOST_COLUMNS]; \
                    UNROLLED for (int k = 0; k < MOST_COLUMNS; k++) g[k] = _mm512_loadu_si512(dy + MOST_COLUMNS - 1 - k); \
                    UNROLLED for (int i = 0; i < INPUTS; i++) { \
                        const __m512i v = _mm512_set1_epi32((int)x->lane[i]); \
                        UNROLLED for (int k = 0; k < MOST_COLUMNS; k++) ADD_##TYPE(sum[0][k][i], g[k], v); \
                    } \
                } \
            } \
        } \
        FINISH(MOST_COLUMNS, INPUTS, 1) \
    }

PRODUCT(product_3_8_1_f32, TARGET, F32, 3, 8, 1)
PRODUCT(product_3_4_2_f32, TARGET, F32, 3, 4, 2)
PRODUCT(product_1_16_1_f32, TARGET, F32, 1, 16, 1)
PRODUCT(product_1_8_2_f32, TARGET, F32, 1, 8, 2)
SLIDING(sliding_f32, TARGET, F32, 8)
PRODUCT(product_3_8_1_bf16, TARGET_BF16, BF16, 3, 8, 1)
PRODUCT(product_3_4_2_bf16, TARGET_BF16, BF16, 3, 4, 2)
PRODUCT(product_1_16_1_bf16, TARGET_BF16, BF16, 1, 16, 1)
PRODUCT(product_1_8_2_bf16, TARGET_BF16, BF16, 1, 8, 2)
SLIDING(sliding_bf16, TARGET_BF16, BF16, 8)

typedef void loop(const product *);

/* The loop for so many columns of the kernel and blocks of outputs, and how many input channels it takes. */
static loop *loop_of(const ondine_convolution *c, const split *s, int blocks, int *inputs) {
    const int bf16 = c->type == ONDINE_CONVOLUTION_BF16;
    *inputs = (c->kernel_width == 1 ? 16 : 8) / blocks;
    if (s->slides) return bf16 ? sliding_bf16 : sliding_f32;
    if (c->kernel_width == 1) {
        if (blocks == 1) return bf16 ? product_1_16_1_bf16 : product_1_16_1_f32;
        return bf16 ? product_1_8_2_bf16 : product_1_8_2_f32;
    }
    if (blocks == 1) return bf16 ? product_3_8_1_bf16 : product_3_8_1_f32;
    return bf16 ? product_3_4_2_bf16 : product_3_4_2_f32;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------ */

/* One thread's part: blocks [block_from, block_to) of the inputs, and memory of its own. */
typedef struct {
    const ondine_convolution *c;
    const split *s;
    cell *x;
    cell *dy;
    float *sums;
    int64_t block_from;
    int64_t block_to;
} part;

/* Units [unit, unit + units) and rows [top, bottom) of dy. */
typedef struct {
    int64_t unit;
    int64_t units;
    int64_t top;
    int64_t bottom;
} piece;

/* A block of dy in a piece, where its loop finds it. */
TARGET static const cell *dy_of(const part *t, const piece *p, int64_t group, int64_t block, int lays) {
    const ondine_convolution *c = t->c;
    const split *s = t->s;
    if (!s->lays_dy) {
        return (const cell *)row_of(c, c->dy, p->unit, block, c->out_blocks, c->out_height, c->out_width, p->top).first;
    }
    cell *base = t->dy + (block - group) * s->dy_block;
    if (!lays) return base;
    /* x[q] meets dy[q + padding - k] at column k, which is to be found at q + kernel_width - 1 - k. */
    const int64_t from = s->slides ? c->padding_width + 1 - c->kernel_width : 0;
    for (int64_t m = 0; m < p->units; m++) {
        cell *to = base + m * s->dy_unit;
        for (int64_t h = p->top; h < p->bottom; h++, to += s->dy_columns) {
            const source row = row_of(c, c->dy, p->unit + m, block, c->out_blocks, c->out_height, c->out_width, h);
            lay_row(c, row, c->out_width, from, 1, s->dy_columns, to);
        }
    }
    return base;
}

/* A block of x in a piece, where the loop finds the row that row 0 of the kernel meets at the piece's first; it may lie before the image. */
TARGET static const cell *x_of(const part *t, const piece *p, int64_t block) {
    const ondine_convolution *c = t->c;
    const split *s = t->s;
    const int64_t top = p->top * c->stride_height - c->padding_height;
    if (!s->lays_x) {
        return (const cell *)row_of(c, c->x, p->unit, block, c->in_blocks, c->in_height, c->in_width, 0).first + top * c->in_width;
    }
    const int64_t rows = (p->bottom - p->top - 1) * s->row_step + c->kernel_height;
    const int64_t apart = s->row_step == c->stride_height ? 1 : c->stride_height;
    const int64_t step = s->column_step == c->stride_width ? 1 : c->stride_width;
    for (int64_t m = 0; m < p->units; m++) {
        for (int64_t r = 0; r < rows; r++) {
            const int64_t row = top + r * apart;
            if (row < 0 || row >= c->in_height) continue; /* nobody reads it */
            const source from = row_of(c, c->x, p->unit + m, block, c->in_blocks, c->in_height, c->in_width, row);
            lay_row(c, from, c->in_width, s->slides ? 0 : -c->padding_width, step, s->x_columns, t->x + m * s->x_unit + r * s->x_columns);
        }
    }
    return t->x;
}

/* Rows [from, to) of a piece of dy that meet a row of x at row r of the kernel. */
static void meeting(const ondine_convolution *c, int64_t r, const piece *p, int64_t *from, int64_t *to) {
    const int64_t shift = r - c->padding_height, stride = c->stride_height;
    const int64_t last = c->in_height - 1 - shift;
    *from = most(p->top, shift >= 0 ? 0 : (-shift + stride - 1) / stride);
    *to = least(p->bottom, last < 0 ? 0 : last / stride + 1);
    if (*to < *from) *to = *from;
}

/* Adds the products of a piece of one block of inputs and one or two of outputs to their sums. */
TARGET static void multiply(
        const part *t, const piece *p, const cell *x, const cell *dy, int blocks, float *sums, int first) {
    const ondine_convolution *c = t->c;
    const split *s = t->s;
    int inputs;
    loop *const run = loop_of(c, s, blocks, &inputs);
    const int64_t kernel = c->kernel_height * c->kernel_width * LANES * LANES;
    for (int64_t r = 0; r < c->kernel_height; r++) {
        int64_t from, to;
        meeting(c, r, p, &from, &to);
        product q = {
            .x = x + ((from - p->top) * s->row_step + r) * s->x_columns,
            .x_unit = s->x_unit,
            .x_row = s->row_step * s->x_columns,
            .x_step = s->column_step,
            .dy = dy + (from - p->top) * s->dy_columns,
            .dy_unit = s->dy_unit,
            .dy_row = s->dy_columns,
            .dy_block = s->dy_block,
            .units = p->units,
            .rows = to - from,
            .columns = s->slides ? c->in_width : c->out_width,
            .sums = sums + r * c->kernel_width * LANES * LANES,
            .sums_block = c->in_blocks * kernel,
            .first = first,
        };
        for (int i = 0; i < LANES; i += inputs) {
            run(&q);
            q.x = (const cell *)(q.x->lane + inputs);
            q.sums += LANES * inputs;
        }
    }
}

TARGET static void add_piece(const part *t, const piece *p, int first) {
    const ondine_convolution *c = t->c;
    const int64_t kernel = c->kernel_height * c->kernel_width * LANES * LANES;
    for (int64_t group = 0; group < c->out_blocks; group += t->s->group) {
        const int64_t end = least(group + t->s->group, c->out_blocks);
        for (int64_t o = group; o < end; o++) dy_of(t, p, group, o, 1);
        for (int64_t i = t->block_from; i < t->block_to; i++) {
            const cell *x = x_of(t, p, i);
            int blocks;
            for (int64_t o = group; o < end; o += blocks) {
                blocks = o + 1 < end ? 2 : 1;
                multiply(t, p, x, dy_of(t, p, group, o, 0), blocks, t->sums + (o * c->in_blocks + i) * kernel, first);
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
        .dy = (cell *)mine,
        .x = (cell *)(mine + s->dy_bytes),
        .sums = row == 0 ? c->gradient : others + (row - 1) * s->weights,
        .block_from = c->in_blocks * column / s->columns,
        .block_to = c->in_blocks * (column + 1) / s->columns,
    };
    const int64_t begin = s->units * row / s->rows, end = s->units * (row + 1) / s->rows;
    /* Without any unit it still makes zeros. */
    int first = 1;
    for (int64_t n = begin; n < end || first; n += s->chunk) {
        for (int64_t top = 0; top < c->out_height; top += s->tile) {
            const piece p = {n, most(0, least(s->chunk, end - n)), top, least(top + s->tile, c->out_height)};
            add_piece(&t, &p, first);
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
