/* collate: symbols against the events, augmentation that leaves the tonal side alone, onset grid
 * and chroma of segments made by hand, attributes, sizes. */
#include "collate.h"
#include "make_corpus.h"
#include "runner.h"

#include <math.h>
#include <string.h>

enum { MOST_ROWS = 64, ARENA_BYTES = 1 << 22 };

static struct made_corpus made;
static struct arena arena;
static struct collate collate;

static struct source source_of(void)
{
    return (struct source){made.corpus.events, made.corpus.segments};
}

static void begin(bool augment)
{
    const struct config config = make_config(NULL);
    made = make_corpus(20, 40);
    CU_ASSERT_EQUAL_FATAL(arena_init(&arena, ARENA_BYTES), OK);
    collate = (struct collate){
        .vocabulary = &made.corpus.vocabulary, .augment = augment, .seed = 5, .step = 9};
    collate_standard(&collate.standard, &made.corpus, &config);
}

static void end(void)
{
    arena_fini(&arena);
    make_corpus_free(&made);
}

/* One row a piece: its first segments. */
static size_t make_rows(struct row rows[MOST_ROWS])
{
    size_t n = 0;
    for (size_t i = 0; i < made.corpus.n_pieces && n < MOST_ROWS; i++)
        rows[n++] = (struct row){made.pieces[i].first_segment,
                                 made.pieces[i].n_segments < 3 ? made.pieces[i].n_segments : 3,
                                 made.pieces[i].label};
    return n;
}

static const struct event *event_of(const struct row *row, const struct batch *batch, size_t i,
                                    size_t first_segment, const struct corpus_segment **segment)
{
    size_t s = first_segment;
    while (i >= batch->segment_event[s + 1]) s++;
    *segment = &made.segments[row->first_segment + (s - first_segment)];
    return &made.events[(*segment)->first + i - batch->segment_event[s]];
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

/* What a row was shifted by, read off its symbols; a velocity shift is known by its symbols only.
 */
struct shifts {
    int pitch, tempo, velocity;
    bool tempo_known;
};

static bool velocity_fits(const struct row *row, const struct batch *batch, size_t r, int shift)
{
    const size_t s = batch->row_segment[r];
    const struct corpus_segment *segment;
    for (size_t i = batch->segment_event[s]; i < batch->segment_event[batch->row_segment[r + 1]];
         i++) {
        const struct event *event = event_of(row, batch, i, s, &segment);
        if (event->position != EVENTS_BAR &&
            batch->symbol[FIELD_VELOCITY][i] != clamp(event->velocity + shift, 1, 127) / 4)
            return false;
    }
    return true;
}

static struct shifts read_shifts(const struct row *row, const struct batch *batch, size_t r)
{
    struct shifts shifts = {.velocity = -8};
    const size_t s = batch->row_segment[r], first = batch->segment_event[s];
    const struct corpus_segment *segment;
    const struct event *bar = event_of(row, batch, first, s, &segment);
    const int turn = (batch->tonic[s] - segment->tonic + 24) % 12;
    shifts.pitch = turn > 6 ? turn - 12 : turn;
    shifts.tempo = batch->symbol[FIELD_TEMPO][first] - bar->pitch;
    shifts.tempo_known = bar->pitch != EVENTS_TEMPO_UNKNOWN;
    while (shifts.velocity < 9 && !velocity_fits(row, batch, r, shifts.velocity)) shifts.velocity++;
    return shifts;
}

static void check_event(const struct batch *batch, size_t i, const struct event *event,
                        const struct corpus_segment *segment, const struct shifts *shifts)
{
    if (event->position == EVENTS_BAR) {
        const int tempo = event->pitch ? clamp(event->pitch + shifts->tempo, 1, 48) : 0;
        CU_ASSERT_EQUAL(batch->symbol[FIELD_TEMPO][i], tempo);
        CU_ASSERT_EQUAL(batch->symbol[FIELD_SIGNATURE][i], event->duration);
        for (enum field f = FIELD_POSITION; f < N_FIELDS; f++)
            CU_ASSERT_EQUAL(batch->symbol[f][i], SYMBOL_NONE);
        CU_ASSERT_EQUAL(batch->tonal[i], SYMBOL_NONE);
        return;
    }
    CU_ASSERT(batch->symbol[FIELD_TEMPO][i] == SYMBOL_NONE &&
              batch->symbol[FIELD_SIGNATURE][i] == SYMBOL_NONE);
    CU_ASSERT_EQUAL(batch->symbol[FIELD_POSITION][i], event->position);
    CU_ASSERT_EQUAL(batch->symbol[FIELD_PITCH][i], event->pitch - segment->tonic - 15);
    CU_ASSERT(event->pitch + shifts->pitch >= 21 && event->pitch + shifts->pitch <= 108);
    CU_ASSERT_EQUAL(batch->symbol[FIELD_DURATION][i], event->duration);
    CU_ASSERT_EQUAL(batch->tonal[i], event->pitch - segment->tonic - 15);
}

static void check_row(const struct row *row, const struct batch *batch, size_t r,
                      const struct shifts *shifts)
{
    const size_t s = batch->row_segment[r];
    const struct corpus_segment *segment = NULL, *last = NULL;
    int bar = -1;
    CU_ASSERT_EQUAL(batch->row_segment[r + 1] - s, row->n_segments);
    for (size_t i = batch->segment_event[s]; i < batch->segment_event[batch->row_segment[r + 1]];
         i++) {
        const struct event *event = event_of(row, batch, i, s, &segment);
        if (segment != last) bar = -1;
        last = segment;
        bar += event->position == EVENTS_BAR;
        CU_ASSERT_EQUAL(batch->bar[i], bar);
        check_event(batch, i, event, segment, shifts);
    }
    for (size_t k = 0; k < row->n_segments; k++) {
        const int tonic = made.segments[row->first_segment + k].tonic + shifts->pitch;
        CU_ASSERT_EQUAL(batch->tonic[s + k], (tonic + 24) % 12);
        CU_ASSERT_EQUAL(batch->label[s + k], row->label);
    }
}

static void symbols_say_what_the_events_say(void)
{
    struct row rows[MOST_ROWS];
    begin(false);
    const struct source source = source_of();
    const size_t n = make_rows(rows);
    const struct batch batch = collate_rows(&collate, &source, rows, n, 100, &arena);
    const struct shifts none = {0, 0, 0, true};
    size_t events = 0;
    CU_ASSERT_EQUAL(batch.n_rows, n);
    for (size_t r = 0; r < n; r++) {
        check_row(&rows[r], &batch, r, &none);
        CU_ASSERT_TRUE(velocity_fits(&rows[r], &batch, r, 0));
        CU_ASSERT_EQUAL(batch.row_id[r], 100 + r);
        events += collate_row_events(&source, &rows[r]);
    }
    CU_ASSERT(events == batch.n_events && events == batch.segment_event[batch.n_segments]);
    end();
}

static void augmentation_shifts_whole_rows(void)
{
    struct row rows[MOST_ROWS];
    int pitch[12] = {0}, tempo[5] = {0}, low_velocity = 0, high_velocity = 0;
    begin(true);
    const struct source source = source_of();
    const size_t n = make_rows(rows);
    for (collate.step = 0; collate.step < 12; collate.step++) {
        arena_reset(&arena, 0);
        const struct batch batch = collate_rows(&collate, &source, rows, n, 0, &arena);
        for (size_t r = 0; r < n; r++) {
            const struct shifts shifts = read_shifts(&rows[r], &batch, r);
            CU_ASSERT_FATAL(shifts.pitch >= -5 && shifts.pitch <= 6);
            CU_ASSERT_FATAL(shifts.tempo >= -2 && shifts.tempo <= 2);
            CU_ASSERT(shifts.velocity <= 8);
            CU_ASSERT(shifts.tempo_known || shifts.tempo == 0);
            check_row(&rows[r], &batch, r, &shifts);
            pitch[shifts.pitch + 5]++;
            if (shifts.tempo_known) tempo[shifts.tempo + 2]++;
            low_velocity += shifts.velocity < -4;
            high_velocity += shifts.velocity > 3;
        }
    }
    for (int i = 0; i < 12; i++) CU_ASSERT(pitch[i] > 20); /* 60 expected */
    for (int i = 0; i < 5; i++) CU_ASSERT(tempo[i] > 50);
    CU_ASSERT(low_velocity > 50 && high_velocity > 50);
    end();
}

static void tonal_side_does_not_see_transposition(void)
{
    struct row rows[MOST_ROWS];
    begin(false);
    const struct source source = source_of();
    const size_t n = make_rows(rows);
    const struct batch plain = collate_rows(&collate, &source, rows, n, 0, &arena);
    collate.augment = true;
    const struct batch batch = collate_rows(&collate, &source, rows, n, 0, &arena);
    const size_t cells = batch.n_segments * (size_t)collate.vocabulary->settings.bars;
    CU_ASSERT_NOT_EQUAL(memcmp(plain.tonic, batch.tonic, batch.n_segments), 0);
    CU_ASSERT_EQUAL(memcmp(plain.symbol[FIELD_PITCH], batch.symbol[FIELD_PITCH], batch.n_events),
                    0);
    CU_ASSERT_EQUAL(memcmp(plain.tonal, batch.tonal, batch.n_events), 0);
    CU_ASSERT_EQUAL(memcmp(plain.onset, batch.onset, cells * collate.vocabulary->n_position), 0);
    CU_ASSERT_EQUAL(
        memcmp(plain.chroma, batch.chroma, cells * BATCH_PITCH_CLASSES * sizeof *batch.chroma), 0);
    CU_ASSERT_EQUAL(memcmp(plain.tonal_attributes, batch.tonal_attributes,
                           batch.n_segments * BATCH_TONAL_ATTRIBUTES * sizeof(real)),
                    0);
    CU_ASSERT_EQUAL(
        memcmp(plain.faders, batch.faders, batch.n_segments * BATCH_FADERS * sizeof(real)), 0);
    end();
}

static int same_velocities(const struct batch *a, size_t from, const struct batch *b)
{
    return memcmp(a->symbol[FIELD_VELOCITY] + from, b->symbol[FIELD_VELOCITY], b->n_events) == 0;
}

/* A row is shifted by (seed, step, place in the batch), whatever micro-batch it lies in. */
static void draws_depend_on_seed_step_and_row(void)
{
    struct row rows[MOST_ROWS];
    begin(true);
    const struct source source = source_of();
    const size_t n = make_rows(rows), mark = n / 2;
    const struct batch all = collate_rows(&collate, &source, rows, n, 0, &arena);
    const struct batch part =
        collate_rows(&collate, &source, rows + mark, n - mark, (uint32_t)mark, &arena);
    const size_t from = all.segment_event[all.row_segment[mark]];
    for (enum field f = 0; f < N_FIELDS; f++)
        CU_ASSERT_EQUAL(memcmp(all.symbol[f] + from, part.symbol[f], part.n_events), 0);
    const struct batch moved = collate_rows(&collate, &source, rows + mark, n - mark, 0, &arena);
    CU_ASSERT_FALSE(same_velocities(&all, from, &moved));
    collate.step++;
    const struct batch later = collate_rows(&collate, &source, rows, n, 0, &arena);
    CU_ASSERT_FALSE(same_velocities(&all, 0, &later));
    collate.step--;
    collate.seed++;
    const struct batch other = collate_rows(&collate, &source, rows, n, 0, &arena);
    CU_ASSERT_FALSE(same_velocities(&all, 0, &other));
    end();
}

/* Segments by hand: a 4/4 bar with a note that rings over into a 3/4 bar; one bar; a full range. */
static struct event by_hand[32];
static const struct corpus_segment HAND[] = {{.first = 0, .count = 7, .bars = 2, .tonic = 2},
                                             {.first = 7, .count = 2, .bars = 1, .tonic = -5},
                                             {.first = 9, .count = 3, .bars = 1, .tonic = 0}};

static struct event note(int position, int pitch, int steps)
{
    return (struct event){(uint8_t)position, (uint8_t)pitch,
                          (uint8_t)events_duration_symbol(&made.corpus.vocabulary, steps), 64};
}

static void write_by_hand(void)
{
    const struct events_vocabulary *vocabulary = &made.corpus.vocabulary;
    const uint8_t four = (uint8_t)events_signature_symbol(vocabulary, 4, 4);
    const uint8_t three = (uint8_t)events_signature_symbol(vocabulary, 3, 4);
    const struct event events[] = {{EVENTS_BAR, 20, four, 0},
                                   note(0, 60, 4),
                                   note(2, 64, 1),
                                   note(14, 67, 6),
                                   {EVENTS_BAR, 20, three, 0},
                                   note(2, 60, 2),
                                   note(11, 62, 16),
                                   {EVENTS_BAR, 0, three, 0},
                                   note(5, 61, 3),
                                   {EVENTS_BAR, 48, four, 0},
                                   note(0, 21, 1),
                                   note(0, 108, 1)};
    memcpy(by_hand, events, sizeof events);
}

static void lays_grids(void)
{
    static const char *const WANT[] = {"SHSH..........SH", "HHSH.......S", ".....SHH....", "",
                                       "S..............."};
    static const int CHROMA[][3] = {{10, 2, 5}, {10, 0, -1}, {6, -1, -1}, {-1, -1, -1}, {9, 0, -1}};
    const struct row rows[] = {{0, 2, 0}, {2, 1, 0}};
    begin(false);
    write_by_hand();
    const struct source source = {by_hand, HAND};
    const size_t width = collate.vocabulary->n_position;
    const struct batch batch = collate_rows(&collate, &source, rows, 2, 0, &arena);
    for (size_t bar = 0; bar < 5; bar++) {
        const uint8_t *cells = batch.onset + bar * width;
        const real *chroma = batch.chroma + bar * BATCH_PITCH_CLASSES;
        real want[BATCH_PITCH_CLASSES] = {0};
        int n = 0;
        while (n < 3 && CHROMA[bar][n] >= 0) n++;
        for (int i = 0; i < n; i++) want[CHROMA[bar][i]] = 1 / (real)n;
        for (int c = 0; c < BATCH_PITCH_CLASSES; c++)
            CU_ASSERT(fabs((double)(chroma[c] - want[c])) < 1e-6);
        const size_t length = strlen(WANT[bar]);
        for (size_t i = 0; i < width; i++) {
            const char c = i < length ? WANT[bar][i] : ' ';
            CU_ASSERT_EQUAL(cells[i], c == 'S'   ? ONSET_START
                                      : c == 'H' ? ONSET_HOLD
                                      : c == '.' ? ONSET_REST
                                                 : SYMBOL_NONE);
        }
    }
    CU_ASSERT(batch.tonic[0] == 2 && batch.tonic[1] == 7 && batch.tonic[2] == 0);
    CU_ASSERT_EQUAL(batch.symbol[FIELD_TEMPO][7], EVENTS_TEMPO_UNKNOWN);
    end();
}

static void stays_on_the_keyboard(void)
{
    const struct row row = {2, 1, 0};
    begin(true);
    write_by_hand();
    const struct source source = {by_hand, HAND};
    for (int range = 0; range < 3; range++) { /* both ends, the high one, the low one */
        by_hand[10].pitch = range == 1 ? 60 : 21;
        by_hand[11].pitch = range == 2 ? 60 : 108;
        const int still = (HAND[2].tonic + 12) % 12;
        bool moved = false;
        for (collate.step = 0; collate.step < 40; collate.step++) {
            arena_reset(&arena, 0);
            const struct batch batch = collate_rows(&collate, &source, &row, 1, 0, &arena);
            const uint8_t *pitch = batch.symbol[FIELD_PITCH];
            CU_ASSERT_EQUAL(pitch[2] - pitch[1], by_hand[11].pitch - by_hand[10].pitch);
            CU_ASSERT(batch.symbol[FIELD_TEMPO][0] >= 46 && batch.symbol[FIELD_TEMPO][0] <= 48);
            moved = moved || batch.tonic[0] != still;
        }
        CU_ASSERT_EQUAL(moved, range > 0);
    }
    end();
}

static double scaled(enum attribute a, double value)
{
    return (value - collate.standard.mean[a]) / collate.standard.deviation[a];
}

static int agrees(real x, double want)
{
    return isnan(want) ? isnan(x) : fabs((double)x - want) < 1e-4;
}

/* What the symbols cannot tell, the attributes must not move: unknown tempo, unmoved rate. */
static void attributes_move_with_the_shifts(void)
{
    struct row rows[MOST_ROWS];
    size_t unknown = 0;
    begin(true);
    const struct source source = source_of();
    const size_t n = make_rows(rows);
    const struct batch batch = collate_rows(&collate, &source, rows, n, 0, &arena);
    for (size_t r = 0; r < n; r++) {
        const struct shifts shifts = read_shifts(&rows[r], &batch, r);
        const double stretch = shifts.tempo_known ? shifts.tempo * log(2) / 12 : 0;
        for (size_t k = 0; k < rows[r].n_segments; k++) {
            const size_t s = batch.row_segment[r] + k;
            const float *a = made.segments[rows[r].first_segment + k].attributes;
            const real *got = batch.rhythm_attributes + s * BATCH_RHYTHM_ATTRIBUTES;
            unknown += isnan(a[ATTRIBUTE_TEMPO]) ? 1 : 0;
            CU_ASSERT(agrees(
                got[0], scaled(ATTRIBUTE_NOTE_RATE, (double)a[ATTRIBUTE_NOTE_RATE] + stretch)));
            CU_ASSERT(
                agrees(got[1], scaled(ATTRIBUTE_TEMPO, (double)a[ATTRIBUTE_TEMPO] + stretch)));
            CU_ASSERT(agrees(
                got[2], scaled(ATTRIBUTE_NOTE_LENGTH, (double)a[ATTRIBUTE_NOTE_LENGTH] - stretch)));
            CU_ASSERT(agrees(got[4], scaled(ATTRIBUTE_POLYPHONY, (double)a[ATTRIBUTE_POLYPHONY])));
            const double velocity =
                (double)got[3] * collate.standard.deviation[ATTRIBUTE_VELOCITY] +
                collate.standard.mean[ATTRIBUTE_VELOCITY] - (double)a[ATTRIBUTE_VELOCITY];
            CU_ASSERT(fabs(velocity - round(velocity)) < 1e-3 && fabs(velocity) < 8.5);
            CU_ASSERT_TRUE(velocity_fits(&rows[r], &batch, r, (int)lround(velocity)));
            CU_ASSERT(agrees(batch.faders[s * BATCH_FADERS], (double)a[ATTRIBUTE_RHYTHM_DENSITY]));
            CU_ASSERT(agrees(batch.faders[s * BATCH_FADERS + 3], (double)a[ATTRIBUTE_REGISTER]));
        }
    }
    CU_ASSERT(unknown > 10);
    end();
}

static void standard_is_of_the_training_split(void)
{
    begin(false);
    for (int a = 0; a < N_ATTRIBUTES; a++) {
        double n = 0, mean = 0, square = 0;
        for (int pass = 0; pass < 2; pass++)
            for (size_t s = 0; s < made.corpus.n_segments; s++) {
                const double x = (double)made.segments[s].attributes[a];
                if (isnan(x) || made.pieces[made.segments[s].piece].split != SPLIT_TRAIN) continue;
                if (pass == 0) {
                    n++;
                    mean += x;
                } else {
                    square += (x - mean / n) * (x - mean / n);
                }
            }
        CU_ASSERT(fabs(collate.standard.mean[a] - mean / n) < 1e-9 * fabs(mean / n) + 1e-12);
        CU_ASSERT(fabs(collate.standard.deviation[a] / sqrt(square / n) - 1) < 1e-6);
    }
    end();
}

static void fits_the_bytes_it_states(void)
{
    struct row rows[MOST_ROWS];
    begin(true);
    const struct source source = source_of();
    const size_t n = make_rows(rows);
    for (size_t count = 1; count <= n; count++) {
        arena_reset(&arena, 0);
        const struct batch batch = collate_rows(&collate, &source, rows, count, 0, &arena);
        CU_ASSERT(arena.used <= collate_bytes(collate.vocabulary, batch.n_events, batch.n_rows,
                                              batch.n_segments));
    }
    end();
}

const char *const suite_name = "collate";
const struct suite_test suite_tests[] = {
    {"symbols say what the events say", symbols_say_what_the_events_say},
    {"augmentation shifts whole rows", augmentation_shifts_whole_rows},
    {"tonal side does not see transposition", tonal_side_does_not_see_transposition},
    {"draws depend on seed, step and row", draws_depend_on_seed_step_and_row},
    {"lays grids", lays_grids},
    {"stays on the keyboard", stays_on_the_keyboard},
    {"attributes move with the shifts", attributes_move_with_the_shifts},
    {"standard is of the training split", standard_is_of_the_training_split},
    {"fits the bytes it states", fits_the_bytes_it_states},
    {NULL, NULL},
};
