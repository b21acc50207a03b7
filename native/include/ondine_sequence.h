/*
 * Runs oneDNN's primitives, and kernels of Ondine's own, one after another from C: what a plan does from Java, for measuring what the way through
 * Java costs. Knows nothing of oneDNN but the shape of one function, which the caller gives, so that the library
 * neither needs its headers nor is linked to it.
 */
#ifndef ONDINE_SEQUENCE_H
#define ONDINE_SEQUENCE_H

#include <stdint.h>

#include "ondine_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dnnl_primitive_execute: primitive, stream, number of arguments, arguments; 0 for success. */
typedef int (*ondine_execute_function)(const void *, void *, int, const void *);

/* A kernel of Ondine's own: it takes its struct. */
typedef void (*ondine_own_function)(const void *);

/* One execution. Java writes this layout: three pointers, a 64-bit integer and a pointer. */
typedef struct {
    const void *primitive;
    void *stream;
    /* Of a primitive `count` arguments, of a kernel its struct. */
    const void *arguments;
    int64_t count;
    /* NULL of a primitive. */
    ondine_own_function own;
} ondine_execution;

/* Runs all of them in order. Returns the first status that is not 0, and runs nothing behind it. */
ONDINE_API int32_t ondine_run_sequence(ondine_execute_function execute, const ondine_execution *executions, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
