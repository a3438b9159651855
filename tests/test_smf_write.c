/* smf_encode, smf_write: what is written is read back; what cannot be said is refused. */
#define _GNU_SOURCE
#include "runner.h"
#include "smf.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_NOTES = 300, MAX_MARKS = 20, MAX_KEYS = 128 };

static const struct smf_options no_pedal;
static uint64_t state;

static uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* A score and its room. */
struct sample {
    struct score score;
    struct score_note notes[MAX_NOTES];
    struct score_tempo tempi[MAX_MARKS];
    struct score_signature signatures[MAX_MARKS];
};

static int64_t draw_tick(void)
{
    return draw(4) ? draw(3000) : draw(100000000);
}

/*
 * Notes may overlap, also on one key; but there the ends follow the onsets, or no pairing could
 * tell them apart.
 */
static void draw_notes(struct sample *sample, size_t n, int split)
{
    int64_t ends[MAX_KEYS] = {0};
    struct score *score = &sample->score;
    for (size_t i = 0; i < n; i++) {
        sample->notes[i] = (struct score_note){.onset = draw_tick(), .pitch = (uint8_t)draw(128)};
        if (!draw(3)) sample->notes[i].pitch = 60;
    }
    score->notes = sample->notes;
    score->n_notes = n;
    score_sort(score);
    for (size_t i = 0; i < n; i++) {
        struct score_note *note = &sample->notes[i];
        int64_t *end = &ends[note->pitch];
        note->end = note->onset + 1 + draw(500);
        if (note->end < *end) note->end = *end;
        *end = note->end;
        note->velocity = (uint8_t)(1 + draw(127));
        note->track = (uint16_t)(1 + (note->pitch < split));
    }
    score_sort(score);
}

static void draw_score(struct sample *sample, int split)
{
    memset(sample, 0, sizeof *sample);
    struct score *score = &sample->score;
    score->division = 1 + draw(0x7fff);
    draw_notes(sample, 1 + draw(MAX_NOTES), split);
    score->tempi = sample->tempi;
    score->n_tempi = draw(MAX_MARKS);
    for (size_t i = 0; i < score->n_tempi; i++)
        sample->tempi[i] = (struct score_tempo){draw_tick(), 1 + draw(0xffffff)};
    score->signatures = sample->signatures;
    score->n_signatures = draw(MAX_MARKS);
    for (size_t i = 0; i < score->n_signatures; i++)
        sample->signatures[i] = (struct score_signature){draw_tick(), (uint8_t)(1 + draw(255)),
                                                         (uint16_t)(1u << draw(8))};
    score_sort(score);
    /* Ticks must lie within the reader's reach. */
    const int64_t limit = (int64_t)score->division * SMF_MAX_QUARTERS;
    if (limit < 200000000) score->division = 480;
}

static bool same_notes(const struct score *a, const struct score *b)
{
    bool same = a->n_notes == b->n_notes;
    for (size_t i = 0; same && i < a->n_notes; i++) {
        const struct score_note *p = &a->notes[i], *q = &b->notes[i];
        same = p->onset == q->onset && p->end == q->end && p->pitch == q->pitch &&
               p->velocity == q->velocity && p->track == q->track && p->channel == q->channel;
    }
    return same;
}

static bool same_marks(const struct score *a, const struct score *b)
{
    bool same = a->n_tempi == b->n_tempi && a->n_signatures == b->n_signatures &&
                a->division == b->division;
    for (size_t i = 0; same && i < a->n_tempi; i++)
        same = a->tempi[i].tick == b->tempi[i].tick &&
               a->tempi[i].microseconds == b->tempi[i].microseconds;
    for (size_t i = 0; same && i < a->n_signatures; i++) {
        const struct score_signature *p = &a->signatures[i], *q = &b->signatures[i];
        same =
            p->tick == q->tick && p->numerator == q->numerator && p->denominator == q->denominator;
    }
    return same;
}

static void reads_back_random_scores(void)
{
    static struct sample sample;
    state = 3;
    for (int trial = 0; trial < 300; trial++) {
        unsigned char *bytes;
        size_t size;
        struct score back;
        struct smf_report report;
        const int split = trial % 2 ? 1 + (int)draw(127) : 0;
        draw_score(&sample, split);
        CU_ASSERT_EQUAL_FATAL(smf_encode(&bytes, &size, &sample.score, split), OK);
        CU_ASSERT_EQUAL_FATAL(smf_parse(&back, &report, bytes, size, &no_pedal), OK);
        CU_ASSERT_FALSE(report.damaged);
        CU_ASSERT_STRING_EQUAL(report.warning, "");
        CU_ASSERT_TRUE(same_notes(&sample.score, &back));
        CU_ASSERT_TRUE(same_marks(&sample.score, &back));
        free(bytes);
        score_fini(&back);
    }
}

static struct score_note one_note = {.onset = 0, .end = 96, .pitch = 60, .velocity = 64};

static struct score one_score(void)
{
    return (struct score){.division = 480, .notes = &one_note, .n_notes = 1};
}

/* Format 1, two tracks: the bytes as the standard has them. */
static void writes_the_bytes_of_the_standard(void)
{
    static const unsigned char wanted[] =
        "MThd\0\0\0\6\0\1\0\2\1\xe0"
        "MTrk\0\0\0\x1c\0\xff\3\5Tempo\0\xff\x58\4\6\3\x18\x08\0\xff\x51\3\7\xa1\x20\0\xff\x2f\0"
        "MTrk\0\0\0\x18\0\xff\3\5Piano\0\xc0\0\0\x90\x3c\x40\x60\x80\x3c\x40\0\xff\x2f";
    struct score score = one_score();
    struct score_tempo tempo = {0, 500000};
    struct score_signature signature = {0, 6, 8};
    score.tempi = &tempo;
    score.signatures = &signature;
    score.n_tempi = score.n_signatures = 1;
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(smf_encode(&bytes, &size, &score, 0), OK);
    CU_ASSERT_EQUAL_FATAL(size, sizeof wanted);
    CU_ASSERT_EQUAL(memcmp(bytes, wanted, size), 0);
    free(bytes);
}

/* No player may need one voice more than the score has. */
static void releases_before_it_strikes(void)
{
    static const unsigned char wanted[] = "\x60\x80\x3c\x40\0\x90\x3b\x40\x60\x80\x3b\x40";
    struct score_note notes[2] = {one_note, one_note};
    struct score score = one_score();
    unsigned char *bytes;
    size_t size;
    notes[1].pitch = 59;
    notes[1].onset = 96;
    notes[1].end = 192;
    score.notes = notes;
    score.n_notes = 2;
    CU_ASSERT_EQUAL_FATAL(smf_encode(&bytes, &size, &score, 0), OK);
    CU_ASSERT_PTR_NOT_NULL(memmem(bytes, size, wanted, sizeof wanted - 1));
    free(bytes);
}

static void leaves_drums_out(void)
{
    struct score_note notes[2] = {one_note, one_note};
    struct score score = one_score(), back;
    struct smf_report report;
    unsigned char *bytes;
    size_t size;
    notes[0].channel = 9;
    notes[1].channel = 3;
    score.notes = notes;
    score.n_notes = 2;
    score.seconds = true;
    CU_ASSERT_EQUAL_FATAL(smf_encode(&bytes, &size, &score, 0), OK);
    CU_ASSERT_EQUAL_FATAL(smf_parse(&back, &report, bytes, size, &no_pedal), OK);
    CU_ASSERT_EQUAL(back.n_notes, 1);
    /* seconds become an explicit 120 bpm */
    CU_ASSERT_EQUAL_FATAL(back.n_tempi, 1);
    CU_ASSERT_EQUAL(back.tempi[0].microseconds, 500000);
    free(bytes);
    score_fini(&back);
}

static void check_refused(const struct score *score, int split, const char *reason)
{
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL(smf_encode(&bytes, &size, score, split), FAILED);
    CU_ASSERT_PTR_NULL(bytes);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), reason));
}

static void refuses_notes_it_cannot_say(void)
{
    const struct score_note bad[] = {
        {.onset = -1, .end = 1, .pitch = 60, .velocity = 1},
        {.onset = 5, .end = 5, .pitch = 60, .velocity = 1},
        {.onset = 5, .end = (int64_t)480 * SMF_MAX_QUARTERS, .pitch = 60, .velocity = 1},
        {.onset = 5, .end = 6, .pitch = 128, .velocity = 1},
        {.onset = 5, .end = 6, .pitch = 60, .velocity = 0},
        {.onset = 5, .end = 6, .pitch = 60, .velocity = 128},
    };
    struct score score = one_score();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct score_note note = bad[i];
        score.notes = &note;
        check_refused(&score, 0, "note 0 ");
    }
    struct score_note late = {.onset = 0x10000000, .end = 0x10000001, .pitch = 1, .velocity = 1};
    score.notes = &late;
    check_refused(&score, 0, "a gap of more than");
}

static void refuses_marks_it_cannot_say(void)
{
    const struct score_tempo tempi[] = {{-1, 1}, {0, 0}, {0, 0x1000000}, {(int64_t)1 << 60, 1}};
    const struct score_signature signatures[] = {{-1, 4, 4}, {0, 0, 4},   {0, 4, 0},
                                                 {0, 4, 3},  {0, 4, 256}, {(int64_t)1 << 60, 4, 4}};
    for (size_t i = 0; i < sizeof tempi / sizeof tempi[0]; i++) {
        struct score score = one_score();
        struct score_tempo tempo = tempi[i];
        score.tempi = &tempo;
        score.n_tempi = 1;
        check_refused(&score, 0, "tempo 0 ");
    }
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        struct score score = one_score();
        struct score_signature signature = signatures[i];
        score.signatures = &signature;
        score.n_signatures = 1;
        check_refused(&score, 0, "time signature 0 ");
    }
    struct score score = one_score();
    check_refused(&score, -1, "split at pitch -1");
    check_refused(&score, 128, "split at pitch 128");
    score.division = 0;
    check_refused(&score, 0, "0 ticks a quarter");
    score.division = 0x8000;
    check_refused(&score, 0, "32768 ticks a quarter");
}

/* Each single failure of a write or a read leaves a whole file, a message and no leak. */
static void survives_every_fault(void)
{
    char path[] = "/tmp/test_smf_write.XXXXXX";
    const int descriptor = mkstemp(path);
    CU_ASSERT_FATAL(descriptor >= 0);
    close(descriptor);
    struct score score = one_score(), back;
    struct smf_report report;
    CU_ASSERT_EQUAL_FATAL(smf_write(&score, 0, path), OK);
    one_note.velocity = 65;
    enum status status = FAILED;
    for (int k = 1; status != OK; k++) {
        status_fault_set(k);
        status = smf_write(&score, 60, path);
        status_fault_set(0);
        CU_ASSERT_EQUAL_FATAL(smf_read(&back, &report, path, &no_pedal), OK);
        CU_ASSERT(back.notes[0].velocity == 65 || (status != OK && back.notes[0].velocity == 64));
        score_fini(&back);
        if (status != OK) CU_ASSERT_EQUAL(strncmp(status_message(), path, strlen(path)), 0);
    }
    one_note.velocity = 64;
    status = FAILED;
    for (int k = 1; status != OK; k++) {
        status_fault_set(k);
        status = smf_read(&back, &report, path, &no_pedal);
        status_fault_set(0);
        CU_ASSERT((status == OK) == (back.n_notes == 1));
        if (status != OK) CU_ASSERT_EQUAL(strncmp(status_message(), path, strlen(path)), 0);
    }
    score_fini(&back);
    (void)unlink(path);
}

const char *const suite_name = "smf_write";
/* Every track lasts until the score's end, or its own last event if that is later. */
static void lasts_until_the_end(void)
{
    static const unsigned char silence[] = {0x80 | 480 >> 7, 480 & 0x7f, 0xff, 0x2f, 0x00};
    struct score_note note = {.onset = 0, .end = 480, .pitch = 60, .velocity = 64};
    const int64_t ends[] = {0, 480, 960};
    for (int i = 0; i < 3; i++) {
        const struct score score = {.division = 480, .notes = &note, .n_notes = 1, .end = ends[i]};
        unsigned char *bytes;
        size_t size;
        CU_ASSERT_EQUAL_FATAL(smf_encode(&bytes, &size, &score, 0), OK);
        const unsigned char *tail = bytes + size - sizeof silence;
        CU_ASSERT_EQUAL(memcmp(tail, silence, sizeof silence) == 0, ends[i] == 960);
        CU_ASSERT_EQUAL(tail[1], ends[i] == 960 ? 480 & 0x7f : 0);
        free(bytes);
    }
    const struct score endless = {.division = 480, .notes = &note, .n_notes = 1, .end = -1};
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL(smf_encode(&bytes, &size, &endless, 0), FAILED);
    CU_ASSERT_STRING_EQUAL(status_message(), "an end at tick -1");
}

const struct suite_test suite_tests[] = {
    {"reads back random scores", reads_back_random_scores},
    {"writes the bytes of the standard", writes_the_bytes_of_the_standard},
    {"releases before it strikes", releases_before_it_strikes},
    {"leaves drums out", leaves_drums_out},
    {"refuses notes it cannot say", refuses_notes_it_cannot_say},
    {"refuses marks it cannot say", refuses_marks_it_cannot_say},
    {"lasts until the end", lasts_until_the_end},
    {"survives every fault", survives_every_fault},
    {NULL, NULL},
};
