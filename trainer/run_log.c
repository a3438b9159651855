/* Metrics and progress of a run. */
#include "run_log.h"

#include "emotion.h"
#include "stop.h"

#include <math.h>
#include <stdio.h>

enum { MAX_METRICS = 64 };

/* A line of metrics in the making. */
struct line {
    struct metric metric[MAX_METRICS];
    size_t n;
};

static void add(struct line *line, const char *name, double value)
{
    ASSERT(line->n < MAX_METRICS);
    line->metric[line->n++] = (struct metric){name, value};
}

static void write_line(struct run_log *log, const char *group, uint64_t step,
                       const struct line *line)
{
    if (log->metrics && metrics_write(log->metrics, (int64_t)step, line->metric, line->n) != OK)
        progress_note(log->progress, "warning: %s", status_message());
    if (log->board &&
        tensorboard_write(log->board, group, (int64_t)step, line->metric, line->n) != OK)
        progress_note(log->progress, "warning: %s", status_message());
}

double run_log_rate(const struct run_log *log)
{
    const double seconds = stop_clock() - log->start;
    return seconds > 0 ? log->events / seconds : 0;
}

static void write_step(struct run_log *log, const struct step_report *report)
{
    struct line line = {.n = 0};
    const double seconds = stop_clock() - log->start;
    add(&line, "loss", report->loss);
    for (int i = 0; i < N_LOSS_PARTS; i++) add(&line, loss_part_names[i], report->part[i]);
    add(&line, "information", report->information);
    add(&line, "posterior_entropy", report->posterior_entropy);
    add(&line, "separation", report->separation);
    add(&line, "distance", report->distance);
    if (!report->normal) add(&line, "mixture.least_weight", report->clusters.least_weight);
    add(&line, "gradient_norm", report->gradient_norm);
    add(&line, "learning_rate", report->learning_rate);
    add(&line, "kl_weight", report->weights.kl);
    add(&line, "delta", report->weights.delta);
    add(&line, "temperature", report->weights.temperature);
    add(&line, "stage", report->normal ? 1 : 3);
    add(&line, "skipped", report->skipped);
    add(&line, "spike", report->spike);
    add(&line, "events", (double)report->n_events);
    add(&line, "segments", (double)report->n_segments);
    add(&line, "steps_per_second",
        seconds > 0 ? (double)(report->step - log->first_step) / seconds : 0);
    add(&line, "events_per_second", run_log_rate(log));
    write_line(log, "train", report->step, &line);
}

static void warn(struct run_log *log, const struct step_report *report)
{
    static const double EARLY = 0.5; /* share of the run */
    if (report->normal) return;
    if (!log->warned_one_hot && report->part[LOSS_MAX_POSTERIOR] > 0.99 &&
        (double)report->step < EARLY * (double)log->steps) {
        log->warned_one_hot = true;
        progress_note(log->progress,
                      "warning: step %llu: responsibilities are one-hot early: dispersion has no "
                      "effect; raise objective.temperature_start",
                      (unsigned long long)report->step);
    }
    if (!log->warned_collapse && report->weights.alpha > 0 && report->information < 0.05) {
        log->warned_collapse = true;
        progress_note(log->progress,
                      "warning: step %llu: the emotion says next to nothing (%.3f nats)",
                      (unsigned long long)report->step, report->information);
    }
}

static void tell_moved(struct run_log *log, const struct step_report *report)
{
    for (size_t k = 0; k < MIXTURE_MAX_COMPONENTS; k++)
        if (report->clusters.moved >> k & 1)
            progress_note(log->progress,
                          "step %llu: component %zu (%s) held less than 1 %% and was placed anew",
                          (unsigned long long)report->step, k,
                          emotion_names[k / report->clusters.per_emotion]);
}

static void write_duration(char *out, size_t size, double seconds)
{
    const long s = lround(seconds);
    if (s >= 3600)
        snprintf(out, size, "%ldh%02ldm", s / 3600, s / 60 % 60);
    else
        snprintf(out, size, "%ldm%02lds", s / 60, s % 60);
}

void run_log_step(struct run_log *log, const struct step_report *report, size_t log_every)
{
    char left[32];
    log->events += (double)report->n_events;
    if (report->step % log_every == 0) write_step(log, report);
    warn(log, report);
    tell_moved(log, report);
    const double rate =
        (double)(report->step - log->first_step) / fmax(stop_clock() - log->start, 1e-9);
    write_duration(left, sizeof left, (double)(log->steps - report->step) / rate);
    progress_update(log->progress,
                    "step %llu/%llu  stage %d  loss %.1f  KL %.1f  %.2f steps/s  %.0f events/s  "
                    "%s left",
                    (unsigned long long)report->step, (unsigned long long)log->steps,
                    report->normal ? 1 : 3, report->loss, report->part[LOSS_KL], rate,
                    run_log_rate(log), left);
}

/* "NAME 3-4, NAME 0-1, ... and 24 more": pieces and their segments, from 0. */
static void write_rows(char *out, size_t size, const struct corpus *corpus, const struct row *rows,
                       size_t n)
{
    static const size_t MOST = 8;
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < n && i < MOST && used < size; i++) {
        const uint32_t piece = corpus->segments[rows[i].first_segment].piece;
        const uint32_t first = rows[i].first_segment - corpus->pieces[piece].first_segment;
        used += (size_t)snprintf(out + used, size - used, "%s%.80s %u-%u", i ? ", " : "",
                                 corpus_piece_name(corpus, piece), (unsigned)first,
                                 (unsigned)(first + rows[i].n_segments - 1));
    }
    if (n > MOST && used < size) snprintf(out + used, size - used, " and %zu more", n - MOST);
}

void run_log_spike(struct run_log *log, const struct step_report *report,
                   const struct corpus *corpus, const struct sampler *sampler)
{
    char rows[768], what[128];
    write_rows(rows, sizeof rows, corpus, sampler->batch,
               sampler->n_unlabelled + sampler->n_labelled);
    if (report->finite)
        snprintf(what, sizeof what, "%.2f nats an event are %.1f deviations above the steps before",
                 report->event_loss, report->spike);
    else
        snprintf(what, sizeof what, "gradient not finite");
    progress_note(log->progress, "warning: step %llu: %s%s; its segments: %s",
                  (unsigned long long)report->step, what, report->skipped ? ", step skipped" : "",
                  rows);
}

void run_log_validation(struct run_log *log, uint64_t step, const struct validation_report *report)
{
    struct line line = {.n = 0};
    char emotion[128] = "";
    add(&line, "validation_loss", report->loss);
    add(&line, "validation_events", report->events);
    add(&line, "validation_bigram", report->bigram);
    add(&line, "validation_emotion", report->emotion);
    add(&line, "validation_arousal", report->arousal);
    add(&line, "validation_valence", report->valence);
    add(&line, "validation_label", report->label);
    add(&line, "active_units", (double)report->n_active);
    write_line(log, "validation", step, &line);
    if (10 * report->n_active < report->n_coordinates && !log->warned_inactive) {
        log->warned_inactive = true;
        progress_note(log->progress,
                      "warning: step %llu: %zu of %zu latent coordinates in use; the decoder may "
                      "ignore the latents: lower objective.kl_weight",
                      (unsigned long long)step, report->n_active, report->n_coordinates);
    }
    if (report->n_pieces > 0)
        snprintf(emotion, sizeof emotion,
                 "; emotion %.0f %%, arousal %.0f %%, valence %.0f %% of %zu pieces",
                 100 * report->emotion, 100 * report->arousal, 100 * report->valence,
                 report->n_pieces);
    progress_note(log->progress,
                  "step %llu: validation %.3f nats/event (events alone %.3f), bigram baseline "
                  "%.3f%s",
                  (unsigned long long)step, report->loss, report->events, report->bigram, emotion);
}
