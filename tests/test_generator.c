/* generator: twin of the decoder, legality, random numbers, drawing; test_generator_float.c builds
 * the same suite in the program's precision. */
#include "generator.h"

#include "generator_draw.h"
#include "numeric.h"
#include "step_attention.h"
#include "vae_objective.h"

enum { PIECES = 4, SEGMENTS = 20, MAX_EVENTS = 24, LATENT = 5, MEMORY = 12 };

#ifdef REAL_DOUBLE
static const double LIMIT = 1e-9;
#else
static const double LIMIT = 2e-6;
#endif

static const uint16_t bar_steps[3] = {MAKE_POSITIONS, 3, 1};

/* The events of some pieces, segment after segment, and the latents they were written from. */
struct music {
    size_t n_pieces, n_segments;
    struct generator_event events[SEGMENTS][PIECES * MAX_EVENTS];
    size_t counts[SEGMENTS][PIECES];
    real z[SEGMENTS][N_FACTORS][PIECES * LATENT];
    uint8_t tonic[SEGMENTS][PIECES];
    double nats[PIECES];
};

static struct generator_settings plain_settings(void)
{
    return (struct generator_settings){.temperature = 1,
                                       .top_p = 1,
                                       .seed = 8,
                                       .max_events = MAX_EVENTS,
                                       .bar_steps = bar_steps,
                                       .tempo = -1,
                                       .signature = -1};
}

static void multiply(struct vae_bench *bench, real factor)
{
    for (size_t i = 0; i < bench->vae.parameters.count; i++) bench->theta[i] *= factor;
}

static bool bar_by_bar; /* how segments are written */

/* Pieces first_piece.. of `bench`'s model; a piece's latents depend on its number alone. */
static void write_music(struct music *music, const struct vae_bench *bench, size_t n_pieces,
                        uint32_t first_piece, const struct generator_settings *settings)
{
    struct generator *generator;
    memset(music, 0, sizeof *music);
    CU_ASSERT_EQUAL_FATAL(
        generator_create(&generator, &bench->vae, bench->theta, n_pieces, first_piece, settings),
        OK);
    music->n_pieces = n_pieces;
    for (music->n_segments = 0; music->n_segments < SEGMENTS; music->n_segments++) {
        const size_t s = music->n_segments;
        for (uint32_t i = 0; i < n_pieces; i++) {
            for (size_t g = 0; g < N_FACTORS; g++)
                random_normals(music->z[s][g] + i * LATENT, LATENT, 1, RANDOM_TEST, 10 * s + g,
                               first_piece + i);
            music->tonic[s][i] = (uint8_t)((first_piece + i + s) % 12);
        }
        const struct generator_request request = {.z = {music->z[s][0], music->z[s][1]},
                                                  .tonic = music->tonic[s],
                                                  .bars = 1 + s % MAKE_BARS};
        if (!bar_by_bar)
            generator_segment(generator, &request, music->events[s], music->counts[s]);
        else
            generator_begin(generator, &request);
        for (size_t bars = 1; bar_by_bar && bars <= request.bars; bars++)
            generator_write(generator, bars, music->events[s], music->counts[s]);
    }
    for (size_t i = 0; i < n_pieces; i++) music->nats[i] = generator_nats(generator, i);
    generator_destroy(generator);
}

/* One piece as a row of segments, as the decoder reads it. */
static void piece_as_batch(struct made_batch *made, const struct music *music, size_t piece)
{
    memset(made, 0, sizeof *made);
    struct batch *batch = &made->batch;
    *batch = (struct batch){.n_rows = 1,
                            .n_segments = music->n_segments,
                            .row_segment = made->row_segment,
                            .segment_event = made->segment_event,
                            .row_id = made->row_id,
                            .bar = made->bar};
    made->row_segment[1] = (uint32_t)music->n_segments;
    for (enum field f = 0; f < N_FIELDS; f++) batch->symbol[f] = made->symbol[f];
    for (size_t s = 0; s < music->n_segments; s++) {
        uint8_t bars = 0;
        for (size_t i = 0; i < music->counts[s][piece]; i++) {
            const struct generator_event *event = &music->events[s][piece * MAX_EVENTS + i];
            bars = (uint8_t)(bars + (event->type == TYPE_BAR));
            for (enum field f = 0; f < N_FIELDS; f++)
                made->symbol[f][batch->n_events] = event->symbol[f];
            made->bar[batch->n_events++] = (uint8_t)(bars - 1);
        }
        made->segment_event[s + 1] = (uint32_t)batch->n_events;
    }
}

/* -log p of a piece by the full decoder. */
static double decoder_nats(struct vae_bench *bench, const struct music *music, size_t piece)
{
    static struct made_batch made;
    enum { CONDITION = N_FACTORS * LATENT + BATCH_PITCH_CLASSES };
    real condition[SEGMENTS * CONDITION];
    double loss[N_EVENT_LOSSES] = {0}, total = 0;
    piece_as_batch(&made, music, piece);
    for (size_t s = 0; s < music->n_segments; s++) {
        const real *const z[N_FACTORS] = {music->z[s][0] + piece * LATENT,
                                          music->z[s][1] + piece * LATENT};
        vae_condition(&bench->vae.shape, condition + s * CONDITION, z, &music->tonic[s][piece], 1);
    }
    const struct decoder_call call = {.batch = &made.batch, .condition = condition, .scale = 1};
    decoder_loss(&bench->vae.decoder, bench->theta, NULL, &call, loss, &bench->activations,
                 &bench->scratch);
    for (int i = 0; i < N_EVENT_LOSSES; i++) total += loss[i];
    return total;
}

static void add_bias(struct vae_bench *bench, const char *name, size_t symbol, real amount)
{
    const struct tensor *tensor = parameters_find(&bench->vae.parameters, name);
    CU_ASSERT_FATAL(tensor && symbol < tensor->columns);
    bench->theta[tensor->offset + symbol] += amount;
}

/* Far from uniform, and fond of notes. */
static void bench_talkative(struct vae_bench *bench)
{
    vae_bench_init(bench, MEMORY, 1);
    multiply(bench, REAL(1.7));
    add_bias(bench, "decoder/heads/type/bias", TYPE_NOTE, 2);
}

static void twin_of_the_decoder(void)
{
    static struct music music;
    struct vae_bench bench;
    const struct generator_settings settings = plain_settings();
    bench_talkative(&bench);
    size_t most = 0;
    write_music(&music, &bench, PIECES, 3, &settings);
    for (size_t i = 0; i < PIECES; i++) {
        const double want = decoder_nats(&bench, &music, i);
        size_t n_events = 0;
        for (size_t s = 0; s < SEGMENTS; s++) n_events += music.counts[s][i];
        CU_ASSERT_DOUBLE_EQUAL(music.nats[i], want, LIMIT * want);
        CU_ASSERT(want > 20);
        most = n_events > most ? n_events : most;
    }
    /* memory was trimmed, and its ring begun anew */
    CU_ASSERT(most > step_attention_capacity(MEMORY, MAX_EVENTS + 1));
    vae_bench_fini(&bench);
}

/* A piece that goes on as another: the same nats as the decoder's of the joined segments. */
static void a_copy_goes_on_as_its_original(void)
{
    static struct music music;
    struct vae_bench bench;
    struct generator *generator;
    const struct generator_settings settings = plain_settings();
    bench_talkative(&bench);
    memset(&music, 0, sizeof music);
    music.n_pieces = 2;
    music.n_segments = SEGMENTS;
    CU_ASSERT_EQUAL_FATAL(generator_create(&generator, &bench.vae, bench.theta, 2, 0, &settings),
                          OK);
    for (size_t s = 0; s < SEGMENTS; s++) {
        const size_t from = s % 2, to = 1 - from; /* each is overwritten by the other in turn */
        for (size_t g = 0; g < N_FACTORS; g++)
            random_normals(music.z[s][g], 2 * LATENT, 1, RANDOM_TEST, 10 * s + g, 7);
        const struct generator_request request = {
            .z = {music.z[s][0], music.z[s][1]}, .tonic = music.tonic[s], .bars = MAKE_BARS};
        generator_segment(generator, &request, music.events[s], music.counts[s]);
        generator_copy(generator, to, from);
        generator_copy(generator, to, to);
        for (size_t g = 0; g < N_FACTORS; g++)
            memcpy(music.z[s][g] + to * LATENT, music.z[s][g] + from * LATENT,
                   LATENT * sizeof(real));
        memcpy(music.events[s] + to * MAX_EVENTS, music.events[s] + from * MAX_EVENTS,
               MAX_EVENTS * sizeof *music.events[s]);
        music.counts[s][to] = music.counts[s][from];
    }
    for (size_t i = 0; i < 2; i++) {
        const double want = decoder_nats(&bench, &music, i);
        CU_ASSERT_DOUBLE_EQUAL(generator_nats(generator, i), want, LIMIT * want);
    }
    generator_destroy(generator);
    vae_bench_fini(&bench);
}

/* Memory and condition matter: otherwise the test above could not tell. */
static void memory_and_latents_count(void)
{
    static struct music music;
    struct vae_bench bench;
    const struct generator_settings settings = plain_settings();
    bench_talkative(&bench);
    write_music(&music, &bench, 1, 0, &settings);
    bench.vae.decoder.shape.memory = MEMORY / 2;
    CU_ASSERT(fabs(decoder_nats(&bench, &music, 0) - music.nats[0]) > 1e-2);
    bench.vae.decoder.shape.memory = MEMORY;
    music.z[1][FACTOR_TONAL][0] += 1;
    CU_ASSERT(fabs(decoder_nats(&bench, &music, 0) - music.nats[0]) > 1e-2);
    vae_bench_fini(&bench);
}

static bool event_follows(const struct generator_event *event, const struct generator_event *last,
                          int signature)
{
    const struct vocabulary vocabulary = make_vocabulary();
    for (enum field f = 0; f < N_FIELDS; f++) {
        const bool has = (event->type == TYPE_BAR) == (f < FIELD_POSITION);
        if (has ? event->symbol[f] >= vocabulary.size[f] : event->symbol[f] != SYMBOL_NONE)
            return false;
    }
    if (event->type == TYPE_BAR)
        return event->symbol[FIELD_TEMPO] > 0 &&
               (signature < 0 || event->symbol[FIELD_SIGNATURE] == signature);
    const int position = event->symbol[FIELD_POSITION];
    if (!last || position >= bar_steps[signature]) return false;
    if (last->type == TYPE_BAR || position > last->symbol[FIELD_POSITION]) return true;
    return position == last->symbol[FIELD_POSITION] &&
           event->symbol[FIELD_PITCH] > last->symbol[FIELD_PITCH];
}

/* Whether every segment of a piece is as generator.h says. */
static bool is_legal(const struct music *music, size_t piece)
{
    int signature = -1;
    for (size_t s = 0; s < music->n_segments; s++) {
        const struct generator_event *events = music->events[s] + piece * MAX_EVENTS;
        size_t bars = 0;
        if (music->counts[s][piece] > MAX_EVENTS) return false;
        for (size_t i = 0; i < music->counts[s][piece]; i++) {
            if (!event_follows(events + i, i > 0 ? events + i - 1 : NULL, signature)) return false;
            bars += events[i].type == TYPE_BAR;
            if (events[i].type == TYPE_BAR) signature = events[i].symbol[FIELD_SIGNATURE];
        }
        if (bars != 1 + s % MAKE_BARS) return false;
    }
    return true;
}

static void legal_under_any_weights(void)
{
    static struct music music;
    struct vae_bench bench;
    struct generator_settings settings = plain_settings();
    vae_bench_init(&bench, 4, 1);
    for (uint32_t seed = 0; seed < 200; seed++) {
        vae_initialize(&bench.vae, bench.theta, seed);
        multiply(&bench, (real)(1 + seed % 16));
        settings.seed = seed;
        settings.top_p = seed % 3 ? 1 : 0.5;
        settings.temperature = seed % 5 ? 1 : 0.2;
        write_music(&music, &bench, 2, seed, &settings);
        CU_ASSERT(is_legal(&music, 0) && is_legal(&music, 1));
    }
    vae_bench_fini(&bench);
}

/* Weights that want only notes, the highest pitch and the last position. */
static void legal_under_extreme_weights(void)
{
    static struct music music;
    struct vae_bench bench;
    const struct generator_settings settings = plain_settings();
    vae_bench_init(&bench, MEMORY, 1);
    add_bias(&bench, "decoder/heads/type/bias", TYPE_NOTE, 50);
    write_music(&music, &bench, PIECES, 0, &settings);
    for (size_t i = 0; i < PIECES; i++) CU_ASSERT(is_legal(&music, i));
    add_bias(&bench, "decoder/heads/position/out/bias", 0, 50);
    add_bias(&bench, "decoder/heads/pitch/out/bias", 0, 50);
    add_bias(&bench, "decoder/heads/signature/out/bias", 0, 50);
    write_music(&music, &bench, PIECES, 0, &settings);
    for (size_t i = 0; i < PIECES; i++) {
        CU_ASSERT(is_legal(&music, i));
        CU_ASSERT_EQUAL(music.counts[2][i], MAX_EVENTS); /* all but the bars due */
    }
    add_bias(&bench, "decoder/heads/position/out/bias", MAKE_POSITIONS - 1, 100);
    add_bias(&bench, "decoder/heads/pitch/out/bias", 6, 100);
    write_music(&music, &bench, PIECES, 0, &settings);
    for (size_t i = 0; i < PIECES; i++) {
        CU_ASSERT(is_legal(&music, i));
        CU_ASSERT_EQUAL(music.counts[2][i], 2 * MAKE_BARS); /* one note fills a bar */
    }
    vae_bench_fini(&bench);
}

/* Whether piece a of one music has the events of piece b of another. */
static bool same_piece(const struct music *one, size_t a, const struct music *other, size_t b)
{
    for (size_t s = 0; s < SEGMENTS; s++) {
        if (one->counts[s][a] != other->counts[s][b]) return false;
        if (memcmp(one->events[s] + a * MAX_EVENTS, other->events[s] + b * MAX_EVENTS,
                   one->counts[s][a] * sizeof one->events[0][0]) != 0)
            return false;
    }
    return true;
}

static void pieces_depend_on_their_number_alone(void)
{
    static struct music all, again, one;
    struct vae_bench bench;
    struct generator_settings settings = plain_settings();
    vae_bench_init(&bench, MEMORY, 1);
    write_music(&all, &bench, PIECES, 5, &settings);
    bar_by_bar = true;
    write_music(&again, &bench, PIECES, 5, &settings);
    bar_by_bar = false;
    for (size_t i = 0; i < PIECES; i++) {
        CU_ASSERT(same_piece(&all, i, &again, i));
        write_music(&one, &bench, 1, 5 + (uint32_t)i, &settings);
        CU_ASSERT(same_piece(&all, i, &one, 0));
        CU_ASSERT(one.nats[0] == all.nats[i]);
    }
    CU_ASSERT(!same_piece(&all, 0, &all, 1));
    settings.seed++;
    write_music(&again, &bench, PIECES, 5, &settings);
    for (size_t i = 0; i < PIECES; i++) CU_ASSERT(!same_piece(&all, i, &again, i));
    vae_bench_fini(&bench);
}

static void keeps_to_tempo_and_signature(void)
{
    static struct music music;
    struct vae_bench bench;
    struct generator_settings settings = plain_settings();
    vae_bench_init(&bench, MEMORY, 1);
    settings.tempo = 2;
    settings.signature = 1;
    write_music(&music, &bench, PIECES, 0, &settings);
    for (size_t piece = 0; piece < PIECES; piece++) {
        CU_ASSERT(is_legal(&music, piece));
        for (size_t s = 0; s < SEGMENTS; s++)
            for (size_t i = 0; i < music.counts[s][piece]; i++) {
                const struct generator_event *event = &music.events[s][piece * MAX_EVENTS + i];
                if (event->type == TYPE_NOTE) continue;
                CU_ASSERT_EQUAL(event->symbol[FIELD_TEMPO], 2);
                CU_ASSERT_EQUAL(event->symbol[FIELD_SIGNATURE], 1);
            }
        CU_ASSERT_DOUBLE_EQUAL(music.nats[piece], decoder_nats(&bench, &music, piece),
                               LIMIT * music.nats[piece]);
    }
    vae_bench_fini(&bench);
}

/* p (n): what generator_draw should draw from, by sorting. */
static void nucleus(double *p, const real *logits, const bool *allowed, size_t n,
                    double temperature, double top_p)
{
    double total = 0, kept = 0;
    size_t rank[16];
    for (size_t i = 0; i < n; i++)
        total += p[i] = allowed[i] ? exp((double)logits[i] / temperature) : 0;
    for (size_t i = 0; i < n; i++) {
        rank[i] = 0;
        p[i] /= total;
        for (size_t j = 0; j < n; j++)
            rank[i] += allowed[j] && (!allowed[i] || logits[j] > logits[i]);
    }
    for (size_t place = 0; place < n; place++)
        for (size_t i = 0; i < n; i++) {
            if (rank[i] != place || !allowed[i]) continue;
            if (kept >= top_p) p[i] = 0;
            kept += p[i];
        }
    for (size_t i = 0; i < n; i++) p[i] /= kept;
}

static void check_draws(const real *logits, const bool *allowed, size_t n, double temperature,
                        double top_p)
{
    enum { DRAWS = 4000 };
    double want[16];
    size_t counts[16] = {0};
    nucleus(want, logits, allowed, n, temperature, top_p);
    for (size_t i = 0; i < DRAWS; i++) {
        const double uniform = ((double)i + 0.5) / DRAWS;
        const size_t chosen = generator_draw(logits, allowed, n, temperature, top_p, uniform);
        CU_ASSERT_FATAL(chosen < n && allowed[chosen]);
        counts[chosen]++;
    }
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_DOUBLE_EQUAL((double)counts[i] / DRAWS, want[i], 1.01 / DRAWS);
        CU_ASSERT(want[i] > 0 || counts[i] == 0);
    }
    const double edges[] = {1e-300, 1 - 1e-16};
    for (size_t i = 0; i < 2; i++)
        CU_ASSERT(want[generator_draw(logits, allowed, n, temperature, top_p, edges[i])] > 0);
}

/* The bars of every segment have the symbols that the request names, unknown tempo included. */
static void keeps_to_the_bars_of_the_request(void)
{
    static const uint8_t tempo[] = {2, 0, 1, 3}, signature[] = {1, 0, 2, 0};
    const struct generator_settings settings = plain_settings();
    struct vae_bench bench;
    struct generator *generator;
    struct generator_event events[MAX_EVENTS];
    real z[N_FACTORS][LATENT] = {{0}};
    const uint8_t tonic = 3;
    size_t count;
    vae_bench_init(&bench, MEMORY, 1);
    CU_ASSERT_EQUAL_FATAL(generator_create(&generator, &bench.vae, bench.theta, 1, 0, &settings),
                          OK);
    for (size_t s = 0; s < SEGMENTS; s++) {
        const size_t bars = 1 + s % MAKE_BARS, first = s % 2;
        const struct generator_request request = {.z = {z[0], z[1]},
                                                  .tonic = &tonic,
                                                  .bars = bars,
                                                  .tempo = tempo + first,
                                                  .signature = signature + first};
        size_t bar = first;
        generator_segment(generator, &request, events, &count);
        for (size_t i = 0; i < count; i++) {
            if (events[i].type == TYPE_BAR) {
                CU_ASSERT_EQUAL(events[i].symbol[FIELD_TEMPO], tempo[bar]);
                CU_ASSERT_EQUAL(events[i].symbol[FIELD_SIGNATURE], signature[bar]);
                bar++;
            } else {
                CU_ASSERT(events[i].symbol[FIELD_POSITION] < bar_steps[signature[bar - 1]]);
            }
        }
        CU_ASSERT_EQUAL(bar, first + bars);
    }
    generator_destroy(generator);
    vae_bench_fini(&bench);
}

static void draws_as_often_as_it_should(void)
{
    static const double temperatures[] = {0.3, 1, 2.5}, top[] = {1, 0.9, 0.6, 0.05};
    enum { N = 9 };
    for (uint32_t round = 0; round < 6; round++) {
        real logits[N];
        bool allowed[N];
        numeric_normals(logits, N, round);
        for (uint32_t i = 0; i < N; i++) {
            logits[i] *= (real)(round + 1) / 2;
            allowed[i] = i == 2 || round == 0 || random_below(3, 5, RANDOM_TEST, round, i, 0) > 0;
        }
        for (size_t t = 0; t < 3; t++)
            for (size_t p = 0; p < 4; p++) check_draws(logits, allowed, N, temperatures[t], top[p]);
    }
}

static void wants_memory(void)
{
    struct vae_bench bench;
    struct generator *generator;
    const struct generator_settings settings = plain_settings();
    vae_bench_init(&bench, MEMORY, 1);
    unsigned failures = 0;
    for (long place = 1; place < 20; place++) {
        status_fault_set(place);
        const enum status status =
            generator_create(&generator, &bench.vae, bench.theta, PIECES, 0, &settings);
        status_fault_set(0);
        CU_ASSERT((status == OK) == (generator != NULL));
        failures += status != OK;
        generator_destroy(generator);
        if (status == OK) break;
    }
    CU_ASSERT_EQUAL(failures, 4);
    vae_bench_fini(&bench);
}

#ifdef REAL_DOUBLE
const char *const suite_name = "generator";
#else
const char *const suite_name = "generator_float";
#endif
const struct suite_test suite_tests[] = {
    {"twin of the decoder", twin_of_the_decoder},
    {"a copy goes on as its original", a_copy_goes_on_as_its_original},
    {"memory and latents count", memory_and_latents_count},
    {"legal under any weights", legal_under_any_weights},
    {"legal under extreme weights", legal_under_extreme_weights},
    {"pieces depend on their number alone", pieces_depend_on_their_number_alone},
    {"keeps to tempo and signature", keeps_to_tempo_and_signature},
    {"keeps to the bars of the request", keeps_to_the_bars_of_the_request},
    {"draws as often as it should", draws_as_often_as_it_should},
    {"wants memory", wants_memory},
    {NULL, NULL},
};
