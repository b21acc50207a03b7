/*
 * A convolution, batch norm with ReLU, and their gradients, made and run through oneDNN's C interface: the program
 * that dev.ondine.bench.crossing.JavaSequence is, statement for statement. Both print the time of a pass and a
 * checksum of the gradients, so that what the way through Java costs can be read off.
 *
 *   ondine_sequence BATCH CHANNELS SIZE THREADS WARM_UP_SECONDS SECONDS
 *
 * Activations are nhwc, weights in the layout that each primitive prefers, scratchpads the caller's, everything 64-byte
 * aligned and filled with the same numbers in memory order.
 */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <oneapi/dnnl/dnnl.h>

enum { STEPS = 6, ARGUMENTS = 10 };

static const float EPSILON = 1e-5f;

typedef struct {
    dnnl_primitive_t primitive;
    dnnl_primitive_desc_t descriptor;
    dnnl_exec_arg_t arguments[ARGUMENTS];
    int count;
} step;

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static uint64_t seed;

static void check(dnnl_status_t status, const char *what) {
    if (status == dnnl_success) return;
    fprintf(stderr, "ondine_sequence: %s: status %d\n", what, (int)status);
    exit(1);
}

/* The next of a sequence of floats in [-0.5, 0.5): Knuth's linear congruential generator, its upper 24 bits. */
static float next_float(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)(seed >> 40) * 0x1p-24f - 0.5f;
}

static dnnl_memory_desc_t describe(int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag) {
    dnnl_memory_desc_t md;
    check(dnnl_memory_desc_create_with_tag(&md, rank, dims, dnnl_f32, tag), "describing a tensor");
    return md;
}

/* Memory for a descriptor; float values are drawn from the sequence, in the order in which they lie there. */
static dnnl_memory_t allocate(const_dnnl_memory_desc_t md, int fill) {
    const size_t bytes = dnnl_memory_desc_get_size(md);
    float *data = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (data == NULL) {
        fprintf(stderr, "ondine_sequence: no memory\n");
        exit(1);
    }
    memset(data, 0, bytes);
    if (fill) {
        for (size_t i = 0; i < bytes / sizeof(float); i++) data[i] = next_float();
    }
    dnnl_memory_t memory;
    check(dnnl_memory_create(&memory, md, engine, data), "creating a memory object");
    return memory;
}

static dnnl_memory_t allocate_for(const step *s, int argument, int fill) {
    return allocate(dnnl_primitive_desc_query_md(s->descriptor, dnnl_query_exec_arg_md, argument), fill);
}

static void argument(step *s, int index, dnnl_memory_t memory) {
    s->arguments[s->count++] = (dnnl_exec_arg_t){index, memory};
}

static void finish(step *s) {
    const_dnnl_memory_desc_t scratchpad = dnnl_primitive_desc_query_md(s->descriptor, dnnl_query_scratchpad_md, 0);
    if (scratchpad != NULL && dnnl_memory_desc_get_size(scratchpad) > 0) {
        argument(s, DNNL_ARG_SCRATCHPAD, allocate(scratchpad, 0));
    }
    check(dnnl_primitive_create(&s->primitive, s->descriptor), "creating a primitive");
}

static void run(step *steps, int n) {
    for (int i = 0; i < n; i++) {
        check(dnnl_primitive_execute(steps[i].primitive, stream, steps[i].count, steps[i].arguments), "running");
    }
}

static int64_t nanos(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t checksum(dnnl_memory_t memory, uint64_t sum) {
    const_dnnl_memory_desc_t md;
    void *data;
    check(dnnl_memory_get_memory_desc(memory, &md), "asking for a layout");
    check(dnnl_memory_get_data_handle(memory, &data), "asking for memory");
    const size_t n = dnnl_memory_desc_get_size(md) / sizeof(uint32_t);
    for (size_t i = 0; i < n; i++) sum = sum * 31 + ((const uint32_t *)data)[i];
    return sum;
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: ondine_sequence BATCH CHANNELS SIZE THREADS WARM_UP_SECONDS SECONDS\n");
        return 2;
    }
    const int64_t n = atoll(argv[1]), c = atoll(argv[2]), size = atoll(argv[3]);
    const double warm_up = atof(argv[5]), seconds = atof(argv[6]);
    omp_set_num_threads(atoi(argv[4]));
    check(dnnl_engine_create(&engine, dnnl_cpu, 0), "creating an engine");
    check(dnnl_stream_create(&stream, engine, dnnl_stream_in_order), "creating a stream");
    dnnl_primitive_attr_t attributes;
    check(dnnl_primitive_attr_create(&attributes), "creating attributes");
    check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "setting the scratchpad mode");

    const dnnl_dims_t image = {n, c, size, size}, kernel = {c, c, 3, 3}, channels = {c}, one = {1, 1}, none = {0, 0};
    const dnnl_memory_desc_t x = describe(4, image, dnnl_nhwc), weights = describe(4, kernel, dnnl_format_tag_any);
    const dnnl_memory_desc_t vector = describe(1, channels, dnnl_a);
    const unsigned flags = dnnl_use_scale | dnnl_use_shift | dnnl_fuse_norm_relu;

    step steps[STEPS] = {0};
    step *conv = &steps[0], *norm = &steps[1], *norm_backward = &steps[2], *weights_backward = &steps[3];
    step reorder = {0}, data_backward = {0};
    check(dnnl_convolution_forward_primitive_desc_create(&conv->descriptor, engine, dnnl_forward_training,
              dnnl_convolution_direct, x, weights, NULL, x, one, none, one, one, attributes), "convolution");
    check(dnnl_batch_normalization_forward_primitive_desc_create(&norm->descriptor, engine, dnnl_forward_training, x, x,
              EPSILON, flags, attributes), "batch norm");
    check(dnnl_batch_normalization_backward_primitive_desc_create(&norm_backward->descriptor, engine, dnnl_backward, x, x,
              x, EPSILON, flags, norm->descriptor, attributes), "batch norm, backward");
    check(dnnl_convolution_backward_weights_primitive_desc_create(&weights_backward->descriptor, engine,
              dnnl_convolution_direct, x, weights, NULL, x, one, none, one, one, conv->descriptor, attributes),
          "convolution, backward weights");
    check(dnnl_convolution_backward_data_primitive_desc_create(&data_backward.descriptor, engine, dnnl_convolution_direct,
              x, weights, x, one, none, one, one, conv->descriptor, attributes), "convolution, backward data");

    seed = 1;
    dnnl_memory_t src = allocate(x, 1), diff = allocate(x, 1), w = allocate_for(conv, DNNL_ARG_WEIGHTS, 1);
    dnnl_memory_t scale = allocate(vector, 1), shift = allocate(vector, 1), mean = allocate(vector, 0);
    dnnl_memory_t variance = allocate(vector, 0), dscale = allocate(vector, 0), dshift = allocate(vector, 0);
    dnnl_memory_t y = allocate(x, 0), z = allocate(x, 0), dy = allocate(x, 0), dx = allocate(x, 0);
    dnnl_memory_t mask = allocate_for(norm, DNNL_ARG_WORKSPACE, 0);
    dnnl_memory_t dw = allocate_for(weights_backward, DNNL_ARG_DIFF_WEIGHTS, 0);
    dnnl_memory_t w2 = allocate_for(&data_backward, DNNL_ARG_WEIGHTS, 0);

    argument(conv, DNNL_ARG_SRC, src);
    argument(conv, DNNL_ARG_WEIGHTS, w);
    argument(conv, DNNL_ARG_DST, y);
    finish(conv);
    argument(norm, DNNL_ARG_SRC, y);
    argument(norm, DNNL_ARG_SCALE, scale);
    argument(norm, DNNL_ARG_SHIFT, shift);
    argument(norm, DNNL_ARG_DST, z);
    argument(norm, DNNL_ARG_MEAN, mean);
    argument(norm, DNNL_ARG_VARIANCE, variance);
    argument(norm, DNNL_ARG_WORKSPACE, mask);
    finish(norm);
    argument(norm_backward, DNNL_ARG_SRC, y);
    argument(norm_backward, DNNL_ARG_MEAN, mean);
    argument(norm_backward, DNNL_ARG_VARIANCE, variance);
    argument(norm_backward, DNNL_ARG_DIFF_DST, diff);
    argument(norm_backward, DNNL_ARG_SCALE, scale);
    argument(norm_backward, DNNL_ARG_WORKSPACE, mask);
    argument(norm_backward, DNNL_ARG_DIFF_SRC, dy);
    argument(norm_backward, DNNL_ARG_DIFF_SCALE, dscale);
    argument(norm_backward, DNNL_ARG_DIFF_SHIFT, dshift);
    finish(norm_backward);
    argument(weights_backward, DNNL_ARG_SRC, src);
    argument(weights_backward, DNNL_ARG_DIFF_DST, dy);
    argument(weights_backward, DNNL_ARG_DIFF_WEIGHTS, dw);
    finish(weights_backward);
    const_dnnl_memory_desc_t from = dnnl_primitive_desc_query_md(conv->descriptor, dnnl_query_weights_md, 0);
    const_dnnl_memory_desc_t to = dnnl_primitive_desc_query_md(data_backward.descriptor, dnnl_query_weights_md, 0);
    int count = 4;
    if (!dnnl_memory_desc_equal(from, to)) {
        check(dnnl_reorder_primitive_desc_create(&reorder.descriptor, from, engine, to, engine, attributes), "reorder");
        argument(&reorder, DNNL_ARG_SRC, w);
        argument(&reorder, DNNL_ARG_DST, w2);
        finish(&reorder);
        steps[count++] = reorder;
    } else {
        w2 = w;
    }
    argument(&data_backward, DNNL_ARG_DIFF_DST, dy);
    argument(&data_backward, DNNL_ARG_WEIGHTS, w2);
    argument(&data_backward, DNNL_ARG_DIFF_SRC, dx);
    finish(&data_backward);
    steps[count++] = data_backward;

    const int64_t warm = nanos() + (int64_t)(warm_up * 1e9);
    do run(steps, count);
    while (nanos() < warm);
    size_t capacity = 1 << 16, passes = 0;
    int64_t *times = malloc(capacity * sizeof(*times));
    const int64_t end = nanos() + (int64_t)(seconds * 1e9);
    for (int64_t before = nanos(), now; before < end && times != NULL; before = now) {
        run(steps, count);
        now = nanos();
        if (passes == capacity) times = realloc(times, (capacity *= 2) * sizeof(*times));
        if (times != NULL) times[passes++] = now - before;
    }
    if (times == NULL) return 1;
    qsort(times, passes, sizeof(*times), compare);
    const uint64_t sum = checksum(dscale, checksum(dw, checksum(dx, 0)));
    printf("{\"median_ns\": %.1f, \"fastest_ns\": %lld, \"passes\": %zu, \"primitives\": %d, \"checksum\": \"%016llx\"}\n",
           (times[passes / 2] + times[(passes - 1) / 2]) / 2.0, (long long)times[0], passes, count,
           (unsigned long long)sum);
    return 0;
}
