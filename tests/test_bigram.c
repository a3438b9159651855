/* bigram and validation: counts against a plain loop over the events, the same on any ranks. */
#include "bigram.h"
#include "runner.h"
#include "train_group.h"
#include "validate.h"

#include <math.h>
#include <string.h>

enum { MOST_SYMBOLS = 128, KINDS = N_FIELDS + 1, BEFORE_ALL = MOST_SYMBOLS - 1 };

static double count[KINDS][MOST_SYMBOLS][MOST_SYMBOLS];

/* What an event says about a field; -1: nothing.  The last kind is the event's type. */
static int symbol_of(const struct event *event, int tonic, int kind)
{
    const bool bar = event->position == EVENTS_BAR;
    switch (kind) {
    case FIELD_TEMPO: return bar ? event->pitch : -1;
    case FIELD_SIGNATURE: return bar ? event->duration : -1;
    case FIELD_POSITION: return bar ? -1 : event->position;
    case FIELD_PITCH: return bar ? -1 : event->pitch - tonic - 15;
    case FIELD_DURATION: return bar ? -1 : event->duration;
    case FIELD_VELOCITY: return bar ? -1 : event->velocity / 4;
    default: return bar ? 0 : 1;
    }
}

static size_t symbols_of(int kind)
{
    const struct vocabulary vocabulary = collate_vocabulary(&train_corpus()->vocabulary);
    return kind == N_FIELDS ? 2 : vocabulary.size[kind];
}

/* Goes through a run of segments; counts, or adds up what they cost. */
static double walk(uint32_t first, uint32_t n, bool counting)
{
    const struct corpus *corpus = train_corpus();
    int last[KINDS];
    double nats = 0;
    for (int k = 0; k < KINDS; k++) last[k] = BEFORE_ALL;
    for (uint32_t s = first; s < first + n; s++)
        for (uint32_t i = 0; i < corpus->segments[s].count; i++) {
            const struct event *event = &corpus->events[corpus->segments[s].first + i];
            for (int k = 0; k < KINDS; k++) {
                const int symbol = symbol_of(event, corpus->segments[s].tonic, k);
                if (symbol < 0) continue;
                double total = 0.1 * (double)symbols_of(k);
                double *row = count[k][last[k]];
                last[k] = symbol;
                if (k == FIELD_TEMPO && symbol == 0) continue; /* unknown */
                if (counting) row[symbol]++;
                for (int j = 0; j < MOST_SYMBOLS && !counting; j++) total += row[j];
                if (!counting) nats -= log((row[symbol] + 0.1) / total);
            }
            if (event->position == EVENTS_BAR) last[FIELD_POSITION] = BEFORE_ALL;
        }
    return nats;
}

static void count_training(void)
{
    const struct corpus *corpus = train_corpus();
    memset(count, 0, sizeof count);
    for (size_t i = 0; i < corpus->n_pieces; i++)
        if (corpus->pieces[i].split == SPLIT_TRAIN)
            (void)walk(corpus->pieces[i].first_segment, corpus->pieces[i].n_segments, true);
}

static void agrees_with_plain_counts(void)
{
    const struct config config = make_config(NULL);
    const struct corpus *corpus = train_corpus();
    const struct source source = {corpus->events, corpus->segments};
    const struct collate collate = {.vocabulary = &corpus->vocabulary};
    struct bigram *bigram;
    struct arena arena;
    CU_ASSERT_EQUAL(bigram_create(&bigram, train_world(), corpus, &config), OK);
    CU_ASSERT_EQUAL(arena_init(&arena, 1 << 20), OK);
    count_training();
    for (size_t i = 0; i < corpus->n_pieces; i += 3) {
        const struct corpus_piece *piece = &corpus->pieces[i];
        const uint32_t most = piece->n_segments < 3 ? piece->n_segments : 3;
        const struct row rows[] = {{piece->first_segment, most, 0}, {piece->first_segment, 1, 0}};
        arena_reset(&arena, 0);
        const struct batch batch = collate_rows(&collate, &source, rows, 2, 0, &arena);
        const double want =
            walk(piece->first_segment, most, false) + walk(piece->first_segment, 1, false);
        const double got = bigram_nats(bigram, &batch);
        CU_ASSERT(want > 0 && fabs(got - want) <= 1e-9 * want);
        CU_ASSERT_TRUE(train_equal(&got, sizeof got));
    }
    arena_fini(&arena);
    bigram_destroy(bigram);
    bigram_destroy(NULL);
}

static int is_close(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-5 * fabs(b);
}

static void validate_as(struct group *group, struct validation_report report[2])
{
    const struct config config = make_config(NULL);
    struct trainer trainer;
    struct validation validation;
    CU_ASSERT_EQUAL(trainer_init(&trainer, group, train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(validation_init(&validation, &trainer), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, 5, NULL), OK);
    CU_ASSERT_EQUAL(validation_run(&validation, &trainer, &report[0]), OK); /* before the fit */
    CU_ASSERT_EQUAL(train_steps(&trainer, 1, NULL), OK);
    CU_ASSERT_EQUAL(validation_run(&validation, &trainer, &report[1]), OK);
    validation_fini(&validation);
    trainer_fini(&trainer);
}

static void ranks_do_not_change_validation(void)
{
    struct validation_report all[2], one[2];
    validate_as(train_world(), all);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_TRUE(train_equal(&all[i].loss, sizeof all[i].loss));
        CU_ASSERT(isfinite(all[i].loss) && all[i].loss > all[i].events && all[i].events > 0);
    }
    CU_ASSERT(isnan(all[0].emotion) && all[0].n_pieces == 0);
    CU_ASSERT(all[1].emotion >= 0 && all[1].emotion <= all[1].arousal);
    CU_ASSERT_EQUAL(all[1].n_pieces, 8); /* the fourth round of emotions of every five */
    if (group_rank(train_world()) != 0) return;
    validate_as(group_self(), one);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(is_close(all[i].loss, one[i].loss) && is_close(all[i].events, one[i].events));
        CU_ASSERT(is_close(all[i].bigram, one[i].bigram));
        CU_ASSERT(is_close(all[i].emotion, one[i].emotion));
        CU_ASSERT(is_close(all[i].arousal, one[i].arousal));
        CU_ASSERT(is_close(all[i].valence, one[i].valence));
        CU_ASSERT(all[i].n_events == one[i].n_events && all[i].n_pieces == one[i].n_pieces);
        CU_ASSERT_EQUAL(all[i].n_active, one[i].n_active);
    }
}

/* Scales what an encoder says of a factor's latents. */
static void scale_head(struct trainer *trainer, const char *factor, real scale)
{
    for (size_t i = 0; i < trainer->vae.parameters.n_tensors; i++) {
        const struct tensor *tensor = &trainer->vae.parameters.tensors[i];
        if (!strstr(tensor->name, "encoder/") || !strstr(tensor->name, factor) ||
            !strstr(tensor->name, "head/weight"))
            continue;
        for (size_t j = 0; j < tensor->rows * tensor->columns; j++)
            trainer->theta[tensor->offset + j] *= scale;
    }
}

static void idle_coordinates_are_counted(void)
{
    const struct config config = make_config(NULL);
    struct trainer trainer;
    struct validation validation;
    struct validation_report report;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(validation_init(&validation, &trainer), OK);
    const size_t latent = vae_latent(&trainer.vae.shape);
    scale_head(&trainer, "rhythm", 100);
    scale_head(&trainer, "tonal", 0);
    CU_ASSERT_EQUAL(validation_run(&validation, &trainer, &report), OK);
    CU_ASSERT_EQUAL(report.n_coordinates, 2 * latent);
    CU_ASSERT_EQUAL(report.n_active, latent);
    scale_head(&trainer, "rhythm", 0);
    CU_ASSERT_EQUAL(validation_run(&validation, &trainer, &report), OK);
    CU_ASSERT_EQUAL(report.n_active, 0);
    validation_fini(&validation);
    trainer_fini(&trainer);
}

const char *const suite_name = "bigram";
const struct suite_test suite_tests[] = {
    {"agrees with plain counts", agrees_with_plain_counts},
    {"ranks do not change validation", ranks_do_not_change_validation},
    {"idle coordinates are counted", idle_coordinates_are_counted},
    {NULL, NULL},
};
