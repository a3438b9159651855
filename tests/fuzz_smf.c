/*
 * libFuzzer harness of the MIDI reader and writer: any bytes are refused with a reason or give a
 * score that keeps its promises, encodes, and reads back with the same notes.
 */
#include "smf.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_report(const struct smf_report *report)
{
    ASSERT(memchr(report->warning, 0, sizeof report->warning));
    ASSERT(!report->damaged || report->warning[0]);
}

static void check_score(const struct score *score)
{
    ASSERT(score->division > 0 && score->n_notes > 0 && score->n_notes <= SMF_MAX_NOTES);
    for (size_t i = 0; i < score->n_notes; i++) {
        const struct score_note *note = &score->notes[i];
        ASSERT(note->onset >= 0 && note->end > note->onset && note->channel < 16);
        ASSERT(note->pitch < 128 && note->velocity > 0 && note->velocity < 128);
        ASSERT(!i || note[-1].onset <= note->onset);
    }
    for (size_t i = 0; i < score->n_tempi; i++) {
        ASSERT(score->tempi[i].microseconds > 0);
        ASSERT(score->tempi[i].tick >= (i ? score->tempi[i - 1].tick : 0));
    }
    for (size_t i = 0; i < score->n_signatures; i++) {
        ASSERT(score->signatures[i].numerator > 0 && score->signatures[i].denominator > 0);
        ASSERT(score->signatures[i].tick >= (i ? score->signatures[i - 1].tick : 0));
    }
}

/* Onsets and pitches come back; ends of overlapping notes of one pitch may be exchanged. */
static void check_back(const struct score *score, int split)
{
    unsigned char *bytes;
    size_t size, n = 0;
    struct score back;
    struct smf_report report;
    if (smf_encode(&bytes, &size, score, split) != OK) return;
    const enum status status = smf_parse(&back, &report, bytes, size, &(struct smf_options){false});
    for (size_t i = 0; i < score->n_notes; i++) {
        if (score->notes[i].channel == 9) continue;
        ASSERT(status == OK && n < back.n_notes);
        ASSERT(back.notes[n].onset == score->notes[i].onset);
        ASSERT(back.notes[n].pitch == score->notes[i].pitch);
        n++;
    }
    ASSERT(back.n_notes == n && !report.damaged);
    ASSERT(!n || (back.n_signatures == score->n_signatures));
    free(bytes);
    score_fini(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int pedal = 0; pedal < 2; pedal++) {
        struct score score;
        struct smf_report report;
        const struct smf_options options = {pedal};
        if (smf_parse(&score, &report, data, size, &options) == OK) {
            check_report(&report);
            check_score(&score);
            check_back(&score, pedal ? 60 : 0);
        } else {
            ASSERT(!score.notes && status_message()[0]);
        }
        score_fini(&score);
    }
    return 0;
}
