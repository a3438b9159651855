/* Encoding rows outside a training step. */
#include "encode.h"

static void encode_one(struct trainer *trainer, struct micro *micro, const struct row *rows,
                       double temperature)
{
    static const struct vae_noise quiet;
    const struct source source = {trainer->corpus->events, trainer->corpus->segments};
    const struct collate collate = {.vocabulary = &trainer->corpus->vocabulary,
                                    .standard = trainer->standard};
    micro->batch = collate_rows(&collate, &source, rows + micro->first_row, micro->n_rows,
                                (uint32_t)micro->first_row, &trainer->batches);
    vae_encode(&trainer->vae, trainer->theta, &micro->tape, &micro->batch, &quiet, temperature,
               &trainer->activations, &trainer->scratch);
}

enum status encode_rows(struct trainer *trainer, const struct row *rows, size_t n_rows,
                        double temperature, encode_visit *visit, void *context)
{
    enum status status = OK;
    const struct source source = {trainer->corpus->events, trainer->corpus->segments};
    struct micro_plan plan;
    TRY(micro_plan_init(&plan, n_rows, group_size(trainer->group)));
    micro_plan_cut(&plan, &source, rows, n_rows, trainer->config.train.micro_events);
    for (size_t i = 0; i < plan.n_micros; i++) {
        struct micro *micro = &plan.micros[i];
        if (micro->rank != group_rank(trainer->group)) continue;
        arena_reset(&trainer->batches, 0);
        arena_reset(&trainer->activations, 0);
        encode_one(trainer, micro, rows, temperature);
        visit(context, micro);
        watchdog_on(trainer->timeline.watchdog);
    }
done:
    micro_plan_fini(&plan);
    return status;
}
