/* Corpora of full rows are legal, full and the same each time. */
#define _GNU_SOURCE
#include "synthetic.h"

#include "runner.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static const size_t LENGTHS[] = {SYNTHETIC_MIN_EVENTS, 100, 192, SYNTHETIC_MAX_EVENTS};
enum { ROWS = 6, N_LENGTHS = sizeof LENGTHS / sizeof *LENGTHS };

static void rows_are_full_and_legal(void)
{
    for (int l = 0; l < N_LENGTHS; l++) {
        struct synthetic made;
        CU_ASSERT_EQUAL_FATAL(synthetic_init(&made, ROWS, LENGTHS[l]), OK);
        const struct corpus *corpus = &made.corpus;
        size_t labelled = 0;
        CU_ASSERT_EQUAL(corpus->n_pieces, 2 * ROWS);
        CU_ASSERT_EQUAL(corpus->n_events, 2 * ROWS * LENGTHS[l]);
        for (size_t i = 0; i < corpus->n_segments; i++) {
            const struct corpus_segment *segment = &corpus->segments[i];
            CU_ASSERT_EQUAL(segment->count, LENGTHS[l]);
            CU_ASSERT_EQUAL(segment->first, i * LENGTHS[l]);
            CU_ASSERT_EQUAL(events_validate(corpus->events + segment->first, segment->count,
                                            &corpus->vocabulary),
                            OK);
            for (int a = 0; a < N_ATTRIBUTES; a++) CU_ASSERT(isfinite(segment->attributes[a]));
            CU_ASSERT_EQUAL(corpus->pieces[i].split, SPLIT_TRAIN);
            labelled += corpus->pieces[i].label != CORPUS_UNLABELLED;
        }
        CU_ASSERT_EQUAL(labelled, ROWS);
        synthetic_fini(&made);
    }
}

static void files_open_and_verify(void)
{
    char path[] = "/tmp/affekt_synthetic_XXXXXX";
    const int descriptor = mkstemp(path);
    struct synthetic made;
    struct corpus opened;
    CU_ASSERT_FATAL(descriptor >= 0);
    close(descriptor);
    CU_ASSERT_EQUAL_FATAL(synthetic_init(&made, ROWS, 100), OK);
    CU_ASSERT_EQUAL(synthetic_write(&made, path), OK);
    CU_ASSERT_EQUAL_FATAL(corpus_open(&opened, path), OK);
    CU_ASSERT_EQUAL(corpus_verify(&opened), OK);
    CU_ASSERT_EQUAL(opened.n_events, made.corpus.n_events);
    CU_ASSERT_EQUAL(memcmp(opened.events, made.events, opened.n_events * sizeof *made.events), 0);
    corpus_close(&opened);
    unlink(path);
    synthetic_fini(&made);
}

static void short_memory_is_told(void)
{
    struct synthetic made;
    status_fault_set(1);
    CU_ASSERT_EQUAL(synthetic_init(&made, ROWS, 100), FAILED);
    status_fault_set(0);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "6 rows of 100 events"));
    CU_ASSERT_PTR_NULL(made.events);
}

const char *const suite_name = "synthetic";
const struct suite_test suite_tests[] = {
    {"rows are full and legal", rows_are_full_and_legal},
    {"files open and verify", files_open_and_verify},
    {"short memory is told", short_memory_is_told},
    {NULL, NULL},
};
