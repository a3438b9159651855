/* A training run from folder to last checkpoint. */
#include "run.h"

#include "file.h"
#include "gemm.h"
#include "patience.h"
#include "placement.h"
#include "run_folder.h"
#include "run_log.h"
#include "stop.h"
#include "topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SKIPPED = 20 }; /* steps in a row without a finite gradient */
static const char *const TOO_LATE =
    "stopped early, without a save: the time limit came first; the same command resumes from the "
    "newest checkpoint\n";

struct run {
    struct group *group;
    const struct run_settings *settings;
    struct progress *progress;
    struct corpus corpus;
    struct trainer trainer;
    struct validation validation;
    struct run_folder folder;
    struct run_log log;
    struct watchdog *watchdog; /* NULL: nobody watches */
    struct run_result *result;
    double begun;                      /* clock at the process's begin */
    uint64_t saved;                    /* step of the newest checkpoint */
    double slowest_save, longest_step; /* seconds, without the saves of the step; 0: none yet */
    double saves;                      /* seconds of all saves */
};

static bool leads(const struct run *run)
{
    return group_rank(run->group) == 0;
}

static enum status write_config(const struct run *run, const struct config *config)
{
    char path[RUN_FOLDER_PATH], *text = config_print(config);
    if (!text) return FAILED;
    run_folder_file(&run->folder, path, "config.ini");
    const enum status status = file_write(path, text, strlen(text));
    free(text);
    return status;
}

/* The checkpoint to resume from, "" for none, as rank 0 finds it. */
static enum status find_resume(const struct run *run, char path[RUN_FOLDER_PATH])
{
    const char *resume = run->settings->resume;
    path[0] = 0;
    if (strcmp(resume, "auto") == 0) return run_folder_newest(&run->folder, path);
    if (strcmp(resume, "never") == 0) {
        const enum status status = run_folder_newest(&run->folder, path);
        if (status == OK && path[0])
            return status_fail(FAILED,
                               "%s: holds checkpoints already; --resume never needs a new "
                               "folder",
                               run->folder.path);
        return status;
    }
    return model_file_resolve(path, RUN_FOLDER_PATH, resume);
}

static enum status resume(struct run *run)
{
    enum status status = OK;
    char path[RUN_FOLDER_PATH];
    const enum status local = leads(run) ? find_resume(run, path) : OK;
    TRY(group_agree(run->group, local));
    group_broadcast(run->group, path, sizeof path, 0);
    if (path[0]) {
        TRY(model_file_resume(&run->trainer, path));
        run->saved = run->trainer.step;
        progress_note(run->progress, "resuming from %s, step %llu", path,
                      (unsigned long long)run->trainer.step);
    }
done:
    return status;
}

/* RUN/log keeps every line that stays. */
static enum status keep_notes(struct run *run)
{
    char path[RUN_FOLDER_PATH];
    run_folder_file(&run->folder, path, "log");
    run->progress->log = fopen(path, "a");
    return run->progress->log ? OK
                              : status_fail(FAILED, "%s: cannot open: %s", path, strerror(errno));
}

/* The folder and what rank 0 keeps open in it. */
static enum status open_folder(struct run *run)
{
    enum status local = OK;
    if (leads(run)) {
        local = run_folder_open(&run->folder, run->settings->out);
        if (local == OK) local = run_folder_unmark(&run->folder);
        if (local == OK) local = keep_notes(run);
    }
    /* every rank writes its part of a checkpoint, so every rank needs the name */
    snprintf(run->folder.path, sizeof run->folder.path, "%s", run->settings->out);
    return group_agree(run->group, local);
}

/* Metrics, for TensorBoard too, and config.ini: written only once it is sure that this run goes on
 * from the folder. */
static enum status open_log(struct run *run, const struct config *config)
{
    enum status local = OK;
    char path[RUN_FOLDER_PATH];
    run->log = (struct run_log){.progress = run->progress,
                                .first_step = run->trainer.step,
                                .steps = run->trainer.config.train.steps,
                                .start = stop_clock()};
    if (leads(run)) {
        run_folder_file(&run->folder, path, "metrics.jsonl");
        local = metrics_open(&run->log.metrics, path, (int64_t)run->trainer.step);
        run_folder_file(&run->folder, path, "events.out.tfevents.affekt");
        if (local == OK)
            local = tensorboard_open(&run->log.board, path, (int64_t)run->trainer.step);
        if (local == OK) local = write_config(run, config);
        if (local == OK && config->train.patience == 0)
            local = run_folder_forget_best(&run->folder);
    }
    return group_agree(run->group, local);
}

static enum status save(struct run *run)
{
    enum status status = OK;
    char path[RUN_FOLDER_PATH];
    const double start = stop_clock();
    if (run->saved == run->trainer.step) return OK;
    timeline_begin(&run->trainer.timeline, PHASE_SAVE);
    run_folder_checkpoint(&run->folder, path, run->trainer.step);
    TRY(model_file_save(&run->trainer, path));
    TRY(group_agree(run->group, leads(run) ? run_folder_commit(&run->folder, run->trainer.step,
                                                               run->trainer.config.checkpoint.keep)
                                           : OK));
    run->saved = run->trainer.step;
    const double seconds = stop_clock() - start;
    run->saves += seconds;
    if (seconds > run->slowest_save) run->slowest_save = seconds;
    timeline_end(&run->trainer.timeline, PHASE_SAVE);
done:
    return status;
}

/* Keeps the checkpoint of a validation that is the best so far. */
static enum status keep_best(struct run *run)
{
    enum status status = OK;
    TRY(save(run));
    TRY(group_agree(run->group,
                    leads(run) ? run_folder_point_best(&run->folder, run->trainer.step) : OK));
done:
    return status;
}

static enum status validate(struct run *run)
{
    enum status status = OK;
    struct trainer *trainer = &run->trainer;
    const struct validation_report *report = &run->result->validation;
    timeline_begin(&trainer->timeline, PHASE_VALIDATE);
    status = validation_run(&run->validation, trainer, &run->result->validation);
    timeline_end(&trainer->timeline, PHASE_VALIDATE);
    TRY(status);
    run_log_validation(&run->log, trainer->step, report);
    if (trainer->config.train.patience == 0) goto done;
    if (patience_judge(&trainer->patience, trainer->step, report)) TRY(keep_best(run));
    if (patience_is_over(&trainer->patience, &trainer->config))
        progress_note(run->progress,
                      "step %llu: no better validation since step %.0f: training ends; "
                      "checkpoints/best is that step's",
                      (unsigned long long)trainer->step, trainer->patience.step);
done:
    return status;
}

/* Whether this rank wants the run to end now: a signal, or no time for a step and a save. */
static bool wants_stop(const struct run *run)
{
    static const double MARGIN = 2; /* seconds */
    const double limit = run->settings->max_seconds;
    const double rest = limit - (stop_clock() - run->begun);
    return stop_signalled() ||
           (limit > 0 && 2 * run->longest_step + 2 * run->slowest_save + MARGIN > rest);
}

/* Whether to save just to see how long it takes: early, where a slow save does no harm yet. */
static bool wants_trial(const struct run *run)
{
    static const double PART = 0.1; /* of the time limit */
    return run->settings->max_seconds > 0 && run->slowest_save == 0 &&
           stop_clock() - run->begun > PART * run->settings->max_seconds;
}

/* All ranks stop when one wants to.  Collective. */
static bool all_stop(const struct run *run)
{
    double stop = wants_stop(run);
    group_max_doubles(run->group, &stop, 1);
    return stop > 0;
}

/* Whether something that happens every so many steps, 0 for never, happens at this one. */
static bool is_due(uint64_t step, size_t every)
{
    return every > 0 && step % every == 0;
}

static enum status after_step(struct run *run, const struct step_report *report, size_t *skipped)
{
    enum status status = OK;
    const struct config *config = &run->trainer.config;
    *skipped = report->finite ? 0 : *skipped + 1;
    if (report->skipped || report->spike > 0)
        run_log_spike(&run->log, report, &run->corpus, &run->trainer.sampler);
    if (*skipped == MAX_SKIPPED)
        FAIL(FAILED,
             "%d steps in a row without a finite gradient; the newest checkpoint is of "
             "step %llu",
             MAX_SKIPPED, (unsigned long long)run->saved);
    run_log_step(&run->log, report, config->train.log_every);
    if (is_due(report->step, config->train.validate_every) && run->validation.n_rows > 0)
        TRY(validate(run));
    if (report->step % config->checkpoint.every == 0 && *skipped == 0) TRY(save(run));
done:
    return status;
}

/* After the last step: what it leaves, and then the mark that says so. */
static enum status complete(struct run *run)
{
    enum status status = OK;
    const size_t every = run->trainer.config.train.validate_every;
    if (run->validation.n_rows > 0 && every > 0 && !is_due(run->trainer.step, every))
        TRY(validate(run));
    TRY(group_agree(run->group,
                    leads(run) ? run_folder_mark(&run->folder, run->trainer.step) : OK));
done:
    return status;
}

static enum status loop(struct run *run)
{
    enum status status = OK;
    struct trainer *trainer = &run->trainer;
    const uint64_t steps = trainer->config.train.steps;
    size_t skipped = 0;
    while (trainer->step < steps && !run->result->stopped &&
           !patience_is_over(&trainer->patience, &trainer->config)) {
        const double start = stop_clock(), saves = run->saves;
        TRY(trainer_step(trainer, wants_stop(run) || wants_trial(run), &run->result->last));
        TRY(after_step(run, &run->result->last, &skipped));
        const double seconds = stop_clock() - start - (run->saves - saves);
        if (seconds > run->longest_step) run->longest_step = seconds;
        if (run->result->last.stop) TRY(save(run));
        /* with all in a file, a stop costs nothing */
        if (run->saved == trainer->step && trainer->step < steps)
            run->result->stopped = all_stop(run);
    }
    TRY(save(run));
    if (!run->result->stopped) TRY(complete(run));
done:
    return status;
}

static void announce(const struct run *run)
{
    const struct corpus *corpus = &run->corpus;
    progress_note(run->progress,
                  "%llu pieces, %llu segments, %llu events; %zu parameters; %d rank%s, %d "
                  "thread%s; BLIS kernel %s",
                  (unsigned long long)corpus->n_pieces, (unsigned long long)corpus->n_segments,
                  (unsigned long long)corpus->n_events,
                  parameters_trained(&run->trainer.vae.parameters), group_size(run->group),
                  group_size(run->group) == 1 ? "" : "s", run->trainer.config.train.threads,
                  run->trainer.config.train.threads == 1 ? "" : "s", gemm_kernel());
    if (strncmp(gemm_kernel(), "generic", strlen("generic")) == 0)
        progress_note(run->progress, "warning: BLIS has no kernel for this CPU and will be slow");
    if (run->trainer.sampler.labelled.n_pieces == 0 &&
        schedule_fit_step(&run->trainer.config) != UINT64_MAX)
        progress_note(run->progress,
                      run->trainer.config.fit.weak > 0
                          ? "warning: no labelled piece to train on: mode, note rate, length and "
                            "velocity alone will say which emotion is which"
                          : "warning: no labelled piece to train on: emotions will have no names");
}

/* How ranks and threads lie on their nodes' processors. */
static enum status announce_placement(const struct run *run)
{
    enum status status = OK;
    char report[TOPOLOGY_TEXT], advice[TOPOLOGY_TEXT];
    struct topology mine, *all = calloc((size_t)group_size(run->group), sizeof *all);
    const enum status local = all ? OK : status_fail(FAILED, "no memory to compare the ranks");
    TRY(group_agree(run->group, local));
    topology_self(&mine);
    topology_read(&mine, "/sys");
    topology_gather(run->group, all, &mine);
    topology_describe(all, group_size(run->group), run->trainer.config.train.threads, report,
                      advice);
    progress_note(run->progress, "%s", report);
    if (advice[0]) progress_note(run->progress, "advice: %s", advice);
done:
    free(all);
    return status;
}

/* Ranks with different kernels: refused when the bits matter, told otherwise. */
static enum status check_placement(const struct run *run)
{
    const struct config *config = &run->trainer.config;
    const enum status status = placement_agree(run->group, placement_kernels(gemm_kernel()));
    if (status != OK && config->train.deterministic) return status;
    if (status != OK) progress_note(run->progress, "warning: %s", status_message());
    return OK;
}

/* Switches the timeline on where a trace is asked for: fails now rather than at the end. */
static enum status begin_trace(struct run *run)
{
    const char *path = run->settings->trace;
    if (!path) return OK;
    enum status local = leads(run) ? timeline_check(path) : OK;
    if (local == OK) local = timeline_init(&run->trainer.timeline, true);
    return group_agree(run->group, local);
}

static enum status end_trace(struct run *run)
{
    if (!run->settings->trace) return OK;
    const enum status status =
        timeline_write(&run->trainer.timeline, run->group, run->settings->trace);
    if (status == OK) progress_note(run->progress, "trace in %s", run->settings->trace);
    return status;
}

/* A run that cannot be watched goes on without. */
static void watch(struct run *run)
{
    char path[RUN_FOLDER_PATH];
    const struct watchdog_settings settings = {
        .path = path, .bound = run->trainer.config.train.watchdog, .ending = stop_terminated};
    if (settings.bound == 0) return;
    run_folder_file(&run->folder, path, "heartbeat");
    if (watchdog_start(&run->watchdog, run->group, &settings) != OK)
        progress_note(run->progress, "warning: %s: a stuck rank will not be noticed",
                      status_message());
    run->trainer.timeline.watchdog = run->watchdog;
}

static enum status run_loop(struct run *run, const struct config *config)
{
    enum status status = OK;
    TRY(check_placement(run));
    TRY(begin_trace(run));
    TRY(open_folder(run));
    TRY(resume(run));
    TRY(open_log(run, config));
    TRY(validation_init(&run->validation, &run->trainer));
    announce(run);
    TRY(announce_placement(run));
    watch(run);
    TRY(loop(run));
    TRY(end_trace(run));
done:
    return status;
}

/* What a dry run tells, of the rank that takes most. */
static enum status expect(struct run *run, size_t program)
{
    double most = (double)program;
    group_max_doubles(run->group, &most, 1);
    return group_agree(run->group, expect_memory(&run->result->expected, &run->trainer,
                                                 run->trainer.config.train.steps, (size_t)most));
}

static void finish(struct run *run)
{
    struct run_result *result = run->result;
    stop_deadline(0, NULL);
    watchdog_stop(run->watchdog);
    result->step = run->trainer.step;
    result->seconds = stop_clock() - run->log.start;
    result->events_per_second = run_log_rate(&run->log);
    metrics_close(run->log.metrics);
    tensorboard_close(run->log.board);
    progress_fini(run->progress);
    if (run->progress->log) fclose(run->progress->log);
    run->progress->log = NULL;
    validation_fini(&run->validation);
    trainer_fini(&run->trainer);
    corpus_close(&run->corpus);
    run_folder_close(&run->folder);
}

enum status run_train(struct group *group, const struct config *config,
                      const struct run_settings *settings, struct progress *progress,
                      struct run_result *result)
{
    enum status status = OK;
    struct run run = {.group = group,
                      .settings = settings,
                      .progress = progress,
                      .corpus = {.descriptor = -1},
                      .folder = {.lock = -1},
                      .log = {.start = stop_clock()},
                      .begun = stop_begun(),
                      .result = result};
    const size_t program = expect_resident();
    *result = (struct run_result){0};
    if (!settings->dry_run) { /* before the long work of opening begins */
        stop_catch_signals();
        if (settings->max_seconds > 0)
            stop_deadline(settings->max_seconds, leads(&run) ? TOO_LATE : NULL);
    }
    TRY(group_agree(group, corpus_open(&run.corpus, settings->corpus)));
    TRY(trainer_init(&run.trainer, group, &run.corpus, config));
    result->parameters = parameters_trained(&run.trainer.vae.parameters);
    result->memory =
        trainer_memory(config, &run.corpus.vocabulary, &run.trainer.vae, group_size(group));
    TRY(settings->dry_run ? expect(&run, program) : run_loop(&run, config));
done:
    finish(&run);
    return status == OK && result->stopped
               ? status_fail(STOPPED, "stopped early at step %llu of %zu; the same command resumes",
                             (unsigned long long)result->step, config->train.steps)
               : status;
}
