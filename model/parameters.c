/* The tensor table. */
#include "parameters.h"

#include "random.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ALIGNMENT = 16 }; /* reals: 64 bytes of float */

enum status parameters_init(struct parameters *parameters)
{
    *parameters = (struct parameters){0};
    if (!status_fault())
        parameters->tensors = calloc(PARAMETERS_MAX_TENSORS, sizeof(struct tensor));
    if (!parameters->tensors)
        return status_fail(FAILED, "cannot allocate a table of %d tensors", PARAMETERS_MAX_TENSORS);
    return OK;
}

void parameters_fini(struct parameters *parameters)
{
    free(parameters->tensors);
    *parameters = (struct parameters){0};
}

size_t parameters_add(struct parameters *parameters, size_t rows, size_t columns,
                      enum initializer initializer, double scale, const char *format, ...)
{
    ASSERT(parameters->n_tensors < PARAMETERS_MAX_TENSORS);
    ASSERT(columns > 0 && rows <= (SIZE_MAX / 2 - parameters->count) / sizeof(real) / columns);
    struct tensor tensor = {.rows = rows,
                            .columns = columns,
                            .offset = parameters->count,
                            .initializer = initializer,
                            .scale = (real)scale,
                            .decay = initializer == INITIALIZE_NORMAL};
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(tensor.name, sizeof tensor.name, format, arguments);
    va_end(arguments);
    ASSERT(length > 0 && length < PARAMETERS_NAME_SIZE);
    ASSERT(!parameters_find(parameters, tensor.name));
    parameters->tensors[parameters->n_tensors++] = tensor;
    parameters->count += (rows * columns + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return tensor.offset;
}

const struct tensor *parameters_find(const struct parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->n_tensors; i++)
        if (strcmp(parameters->tensors[i].name, name) == 0) return &parameters->tensors[i];
    return NULL;
}

static void initialize_tensor(real *x, const struct tensor *tensor, uint64_t seed, uint64_t index)
{
    const size_t n = tensor->rows * tensor->columns;
    if (tensor->initializer == INITIALIZE_ONE)
        for (size_t i = 0; i < n; i++) x[i] = 1;
    if (tensor->initializer != INITIALIZE_NORMAL) return;
    random_normals(x, n, seed, RANDOM_INITIALISE, index, 0);
    for (size_t i = 0; i < n; i++) x[i] *= tensor->scale;
}

void parameters_initialize(const struct parameters *parameters, real *block, uint64_t seed)
{
    memset(block, 0, parameters->count * sizeof(real));
    for (size_t i = 0; i < parameters->n_tensors; i++)
        initialize_tensor(block + parameters->tensors[i].offset, &parameters->tensors[i], seed, i);
}

size_t parameters_trained(const struct parameters *parameters)
{
    size_t n = 0;
    for (size_t i = 0; i < parameters->n_tensors; i++)
        n += parameters->tensors[i].rows * parameters->tensors[i].columns;
    return n;
}
