/**
 * The tensor table: every parameter's name, shape, place, initialiser and decay.
 *
 * One table drives allocation, initialisation, checkpoints, the optimiser and the parameter report.
 * Tensors lie in one block in the order in which they were added; modules add theirs in the order
 * in which the backward pass finishes them, so that gradients become ready from the front.
 */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include "real.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARAMETERS_NAME_SIZE = 64, PARAMETERS_MAX_TENSORS = 1024 };

enum initializer {
    INITIALIZE_ZERO,
    INITIALIZE_ONE,
    INITIALIZE_NORMAL, /* N(0, scale^2) */
};

struct tensor {
    char name[PARAMETERS_NAME_SIZE];
    size_t rows, columns;
    size_t offset; /* reals from the start of the block; a multiple of 16 */
    enum initializer initializer;
    real scale;
    bool decay; /* weight decay applies */
};

struct parameters {
    struct tensor *tensors; /* owned */
    size_t n_tensors;
    size_t count; /* reals in the block, padding included */
};

STATUS_CHECKED enum status parameters_init(struct parameters *parameters);
void parameters_fini(struct parameters *parameters);

/**
 * Adds a tensor; returns its offset.  Local.  Aborts when the table is full or the name taken.
 *
 * @param scale   standard deviation of INITIALIZE_NORMAL; decay applies to these only
 * @param format  printf format of the name
 */
size_t parameters_add(struct parameters *parameters, size_t rows, size_t columns,
                      enum initializer initializer, double scale, const char *format, ...)
    STATUS_FORMAT(6, 7);

/** The tensor of that name, or NULL.  Local. */
const struct tensor *parameters_find(const struct parameters *parameters, const char *name);

/** Fills a block of `count` reals: keyed by (seed, tensor, place).  Local. */
void parameters_initialize(const struct parameters *parameters, real *block, uint64_t seed);

/** Trained numbers, padding left out.  Local. */
size_t parameters_trained(const struct parameters *parameters);

/** Called when gradient[first, first + count) is final, in increasing order without gaps. */
typedef void gradient_ready(void *context, size_t first, size_t count);
struct ready {
    gradient_ready *call; /* NULL: nobody listens */
    void *context;
};

/** Tells whoever listens that gradient[first, end) is final. */
static inline void ready_announce(const struct ready *ready, size_t first, size_t end)
{
    if (ready->call) ready->call(ready->context, first, end - first);
}

#endif
