/* Factored event outputs. */
#include "heads.h"

#include <string.h>

const char *const field_names[N_FIELDS] = {"tempo", "signature", "position",
                                           "pitch", "duration",  "velocity"};

static const struct {
    size_t n;
    enum field condition[HEADS_MAX_CONDITIONS];
} ORDER[N_FIELDS] = {
    [FIELD_TEMPO] = {0, {0}},
    [FIELD_SIGNATURE] = {1, {FIELD_TEMPO}},
    [FIELD_POSITION] = {0, {0}},
    [FIELD_PITCH] = {1, {FIELD_POSITION}},
    [FIELD_DURATION] = {2, {FIELD_POSITION, FIELD_PITCH}},
    [FIELD_VELOCITY] = {3, {FIELD_POSITION, FIELD_PITCH, FIELD_DURATION}},
};

static void define_field(struct heads *heads, struct parameters *parameters, const char *prefix,
                         enum field field, const struct vocabulary *vocabulary)
{
    struct field_head *head = &heads->field[field];
    const size_t width = heads->width;
    const char *name = field_names[field];
    const double scale = 1 / sqrt((double)width);
    head->n_symbols = vocabulary->size[field];
    head->n_conditions = ORDER[field].n;
    for (size_t i = 0; i < head->n_conditions; i++) {
        const enum field condition = head->condition[i] = ORDER[field].condition[i];
        head->table[i] =
            parameters_add(parameters, vocabulary->size[condition], width, INITIALIZE_NORMAL, 0.05,
                           "%s/%s/given/%s", prefix, name, field_names[condition]);
    }
    head->hidden = parameters_add(parameters, width, width, INITIALIZE_NORMAL, scale,
                                  "%s/%s/hidden/weight", prefix, name);
    head->hidden_bias =
        parameters_add(parameters, 1, width, INITIALIZE_ZERO, 0, "%s/%s/hidden/bias", prefix, name);
    head->out = parameters_add(parameters, width, head->n_symbols, INITIALIZE_NORMAL, 0.02,
                               "%s/%s/out/weight", prefix, name);
    head->out_bias = parameters_add(parameters, 1, head->n_symbols, INITIALIZE_ZERO, 0,
                                    "%s/%s/out/bias", prefix, name);
}

void heads_define(struct heads *heads, struct parameters *parameters, const char *prefix,
                  size_t width, const struct vocabulary *vocabulary)
{
    *heads = (struct heads){.width = width, .first = parameters->count};
    heads->type = parameters_add(parameters, width, N_TYPES, INITIALIZE_NORMAL, 0.02,
                                 "%s/type/weight", prefix);
    heads->type_bias =
        parameters_add(parameters, 1, N_TYPES, INITIALIZE_ZERO, 0, "%s/type/bias", prefix);
    for (enum field field = 0; field < N_FIELDS; field++)
        define_field(heads, parameters, prefix, field, vocabulary);
    heads->count = parameters->count - heads->first;
}

/* pre (n, width) += the embeddings of the symbols that a field is conditioned on. */
static void add_conditions(const struct field_head *head, const real *theta, real *pre,
                           const uint8_t *const symbol[N_FIELDS], size_t n, size_t width)
{
    for (size_t i = 0; i < head->n_conditions; i++)
        embedding_forward(pre, theta + head->table[i], symbol[head->condition[i]], n, width);
}

/* The steps whose event is of one type, gathered: their rows of h and their symbols. */
struct gathered {
    size_t n;
    uint32_t *step;
    real *h, *dh;
    uint8_t *symbol[N_FIELDS];
};

static void gather(struct gathered *g, uint8_t type, const struct heads *heads, const real *h,
                   const struct heads_targets *targets, size_t n, struct arena *scratch)
{
    const enum field mark = type == TYPE_BAR ? FIELD_SIGNATURE : FIELD_POSITION;
    const size_t width = heads->width;
    g->n = 0;
    g->step = arena_take(scratch, n * sizeof *g->step);
    for (size_t i = 0; i < n; i++)
        if (targets->type[i] == type && targets->symbol[mark][i] != SYMBOL_NONE)
            g->step[g->n++] = (uint32_t)i;
    g->h = arena_reals(scratch, g->n * width);
    g->dh = arena_zeros(scratch, g->n * width);
    for (enum field field = 0; field < N_FIELDS; field++) {
        g->symbol[field] = arena_take(scratch, g->n);
        for (size_t i = 0; i < g->n; i++) g->symbol[field][i] = targets->symbol[field][g->step[i]];
    }
    for (size_t i = 0; i < g->n; i++)
        memcpy(g->h + i * width, h + g->step[i] * width, width * sizeof(real));
}

static double field_loss(const struct heads *heads, enum field field, const real *theta,
                         real *gradient, const struct gathered *g, double scale,
                         struct arena *scratch)
{
    const struct field_head *head = &heads->field[field];
    const size_t n = g->n, width = heads->width, mark = arena_mark(scratch);
    const uint8_t *const *symbols = (const uint8_t *const *)g->symbol;
    real *pre = arena_reals(scratch, n * width);
    real *active = arena_reals(scratch, n * width);
    real *logits = arena_reals(scratch, n * head->n_symbols);
    uint8_t *target = arena_take(scratch, n);
    memcpy(target, g->symbol[field], n);
    for (size_t i = 0; field == FIELD_TEMPO && i < n; i++)
        if (target[i] == 0) target[i] = SYMBOL_NONE; /* the unknown tempo is not learnt */
    linear_forward(pre, g->h, theta + head->hidden, theta + head->hidden_bias, n, width, width);
    add_conditions(head, theta, pre, symbols, n, width);
    gelu_forward(active, pre, n * width);
    linear_forward(logits, active, theta + head->out, theta + head->out_bias, n, width,
                   head->n_symbols);
    const double loss =
        cross_entropy(gradient ? logits : NULL, logits, target, (real)scale, n, head->n_symbols);
    if (gradient) {
        real *d = arena_reals(scratch, n * width);
        real *dh = arena_reals(scratch, n * width);
        linear_gelu_backward(d, gradient + head->out, gradient + head->out_bias, logits, pre,
                             active, theta + head->out, n, width, head->n_symbols);
        for (size_t i = 0; i < head->n_conditions; i++)
            embedding_backward(gradient + head->table[i], d, g->symbol[head->condition[i]], n,
                               width);
        linear_backward(dh, gradient + head->hidden, gradient + head->hidden_bias, d, g->h,
                        theta + head->hidden, n, width, width);
        for (size_t i = 0; i < n * width; i++) g->dh[i] += dh[i];
    }
    arena_reset(scratch, mark);
    return loss;
}

static double type_loss(const struct heads *heads, const real *theta, real *gradient, real *dh,
                        const real *h, const uint8_t *type, double scale, size_t n,
                        struct arena *scratch)
{
    const size_t mark = arena_mark(scratch), width = heads->width;
    real *logits = arena_reals(scratch, n * N_TYPES);
    linear_forward(logits, h, theta + heads->type, theta + heads->type_bias, n, width, N_TYPES);
    const double loss =
        cross_entropy(gradient ? logits : NULL, logits, type, (real)scale, n, N_TYPES);
    if (gradient) {
        real *d = arena_reals(scratch, n * width);
        linear_backward(d, gradient + heads->type, gradient + heads->type_bias, logits, h,
                        theta + heads->type, n, width, N_TYPES);
        for (size_t i = 0; i < n * width; i++) dh[i] += d[i];
    }
    arena_reset(scratch, mark);
    return loss;
}

void heads_loss(const struct heads *heads, const real *theta, real *gradient, real *dh,
                const real *h, const struct heads_targets *targets, double scale,
                double loss[N_EVENT_LOSSES], size_t n, struct arena *scratch)
{
    static const enum field first_field[N_TYPES + 1] = {FIELD_TEMPO, FIELD_POSITION, N_FIELDS};
    const size_t mark = arena_mark(scratch), width = heads->width;
    loss[N_FIELDS] += type_loss(heads, theta, gradient, dh, h, targets->type, scale, n, scratch);
    for (uint8_t type = 0; type < N_TYPES; type++) {
        struct gathered g;
        gather(&g, type, heads, h, targets, n, scratch);
        for (enum field field = first_field[type]; field < first_field[type + 1]; field++)
            loss[field] += field_loss(heads, field, theta, gradient, &g, scale, scratch);
        for (size_t i = 0; gradient && i < g.n; i++)
            for (size_t j = 0; j < width; j++) dh[g.step[i] * width + j] += g.dh[i * width + j];
        arena_reset(scratch, mark);
    }
}

size_t heads_scratch_bytes(const struct heads *heads, size_t n)
{
    size_t symbols = N_TYPES;
    for (enum field field = 0; field < N_FIELDS; field++)
        if (heads->field[field].n_symbols > symbols) symbols = heads->field[field].n_symbols;
    /* gathered h, dh and symbols; then pre, active, d, dh, logits and targets of one field */
    return n * (6 * heads->width + symbols) * sizeof(real) + n * (N_FIELDS + 1 + sizeof(uint32_t)) +
           4096;
}
