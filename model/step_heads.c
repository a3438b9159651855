/* Logits of single steps. */
#include "step_heads.h"

#include "layers.h"

enum { ALIGNMENT_SLACK = 4096 };

size_t step_heads_bytes(const struct heads *heads)
{
    size_t reals = rows_packed_reals(heads->width, N_TYPES);
    for (enum field field = 0; field < N_FIELDS; field++)
        reals += rows_packed_reals(heads->width, heads->width) +
                 rows_packed_reals(heads->width, heads->field[field].n_symbols);
    return reals * sizeof(real) + ALIGNMENT_SLACK;
}

void step_heads_init(struct step_heads *step, const struct heads *heads, const real *theta,
                     struct arena *arena)
{
    const size_t width = heads->width;
    *step = (struct step_heads){.heads = heads, .theta = theta};
    step->type = rows_pack(arena, theta + heads->type, theta + heads->type_bias, width, N_TYPES);
    for (enum field field = 0; field < N_FIELDS; field++) {
        const struct field_head *head = &heads->field[field];
        step->hidden[field] =
            rows_pack(arena, theta + head->hidden, theta + head->hidden_bias, width, width);
        step->out[field] =
            rows_pack(arena, theta + head->out, theta + head->out_bias, width, head->n_symbols);
    }
}

void step_heads_type(const struct step_heads *step, real *logits, const real *h, size_t n)
{
    rows_product(logits, h, &step->type, n);
}

void step_heads_field(const struct step_heads *step, real *logits, const real *h, enum field field,
                      const uint8_t *const symbol[N_FIELDS], size_t n, struct arena *scratch)
{
    const struct field_head *head = &step->heads->field[field];
    const size_t width = step->heads->width, mark = arena_mark(scratch);
    real *pre = arena_reals(scratch, n * width);
    rows_product(pre, h, &step->hidden[field], n);
    for (size_t i = 0; i < head->n_conditions; i++)
        embedding_forward(pre, step->theta + head->table[i], symbol[head->condition[i]], n, width);
    gelu_forward(pre, pre, n * width);
    rows_product(logits, pre, &step->out[field], n);
    arena_reset(scratch, mark);
}
