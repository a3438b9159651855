/* affekt evaluate: checkpoint and corpus -> every measure. */
#include "evaluate.h"

#include "asked.h"
#include "command.h"
#include "evaluate_table.h"
#include "pooled.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

enum { KEY_COUNT = 256, KEY_SWEEPS, KEY_TRANSFERS, KEY_SEED, KEY_POOL };

/* What to do: measure a checkpoint, or pool what was measured. */
struct asked_evaluation {
    struct evaluate_settings settings;
    struct pooled pooled;
};

static const struct argp_option options_table[] = {
    {"checkpoint", 'c', "F|RUN", 0,
     "Checkpoint file, or a run folder: its best or latest checkpoint", 0},
    {"corpus", 'i', "C.h5", 0, "Corpus made by affekt pack", 0},
    {"split", 's', "NAME", 0, "test, validation or train (test)", 0},
    {"count", KEY_COUNT, "N", 0, "Pieces to generate and judge (200); 0: none", 0},
    {"sweeps", KEY_SWEEPS, "N", 0,
     "Held-out segments to sweep the faders of (16); four times as many pairs are swapped; 0: none",
     0},
    {"transfers", KEY_TRANSFERS, "N", 0,
     "Labelled held-out pieces to move to each other emotion (40); 0: none", 0},
    {"drafts", ASKED_DRAFTS, "N", 0, ASKED_DRAFTS_HELP, 0},
    {"seed", KEY_SEED, "N", 0, "Of resamples and generated pieces (1)", 0},
    {"pool", KEY_POOL, "NAME=RUN,...", 0,
     "Instead: pool evaluated runs of one variant, its folds and seeds; repeatable, to compare "
     "variants. NAME@SHARE is NAME with fewer labels, gmm what others are compared with",
     0},
    {0},
};

static enum status set_split(struct evaluate_settings *settings, const char *text)
{
    for (int i = 0; i < N_SPLITS; i++)
        if (strcmp(text, split_names[i]) == 0) {
            settings->split = (enum split)i;
            return OK;
        }
    return status_fail(USAGE, "--split = %.60s: want test, validation or train", text);
}

static enum status set_seed(struct evaluate_settings *settings, const char *text)
{
    size_t seed = 0;
    const enum status status = command_size(&seed, "--seed", text, 0, UINT32_MAX);
    settings->seed = seed;
    return status;
}

static enum status check_complete(const struct asked_evaluation *asked)
{
    const struct evaluate_settings *settings = &asked->settings;
    if (asked->pooled.n > 0 && (settings->checkpoint || settings->corpus))
        return status_fail(USAGE, "--pool: not with --checkpoint or --corpus");
    if (asked->pooled.n > 0) return OK;
    if (!settings->checkpoint) return status_fail(USAGE, "--checkpoint F|RUN is missing");
    if (!settings->corpus) return status_fail(USAGE, "--corpus C.h5 is missing");
    return OK;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct asked_evaluation *asked = state->input;
    struct evaluate_settings *settings = &asked->settings;
    enum status status = OK;
    switch (key) {
    case 'c': settings->checkpoint = text; break;
    case 'i': settings->corpus = text; break;
    case 's': status = set_split(settings, text); break;
    case KEY_COUNT:
        status = command_size(&settings->count, "--count", text, 0, EVALUATE_MAX_COUNT);
        break;
    case KEY_SWEEPS:
        status = command_size(&settings->sweeps, "--sweeps", text, 0, EVALUATE_MAX_SWEEPS);
        break;
    case KEY_TRANSFERS:
        status = command_size(&settings->transfers, "--transfers", text, 0, EVALUATE_MAX_TRANSFERS);
        break;
    case ASKED_DRAFTS: status = asked_drafts(&settings->drafts, text); break;
    case KEY_SEED: status = set_seed(settings, text); break;
    case KEY_POOL: status = pooled_add(&asked->pooled, text); break;
    case ARGP_KEY_END: status = check_complete(asked); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return status == OK ? 0 : COMMAND_REFUSED;
}

/* Rank 0 has all it needs. */
static enum status pool(struct group *world, const struct asked_evaluation *asked, bool json)
{
    json_t *document = NULL;
    const bool leads = group_rank(world) == 0;
    const enum status status =
        group_agree(world, leads ? pool_evaluations(&document, asked->pooled.pools, asked->pooled.n,
                                                    asked->settings.seed)
                                 : OK);
    if (status != OK || !leads) return status;
    if (json) return command_result(world, document);
    pooled_print(document);
    json_decref(document);
    return OK;
}

static enum status measure(struct group *world, const struct asked_evaluation *asked, bool json)
{
    enum status status = OK;
    struct progress progress;
    json_t *document = NULL;
    command_progress(&progress, world);
    TRY(evaluate_checkpoint(world, &asked->settings, &progress, &document));
    progress_fini(&progress);
    if (group_rank(world) != 0) goto done;
    if (json)
        TRY(command_result(world, json_incref(document)));
    else
        evaluate_table_print(document);
done:
    progress_fini(&progress);
    json_decref(document);
    return status;
}

enum status evaluate_run(struct group *world, int argc, char **argv)
{
    static const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .doc =
            "Measures a checkpoint on the held-out pieces of a corpus, or pools such measures.\v"
            "Sections: emotion (who tells it: the mixture, a probe and a forest on the latents, "
            "regressions and a forest on hand-made features; by source where pieces come from "
            "several folders), clusters, leakage, disentanglement, likelihood, swap, faders, judge "
            "(of generated music, taught by real pieces), generation, copying, transfer.  Numbers "
            "in brackets are 95 % intervals by bootstrap over pieces.  Without labels, what needs "
            "them is left out.  A run folder keeps the results as RUN/evaluation.json, which "
            "--json prints and --pool reads: with confusion matrices, and with what was told of "
            "each labelled piece; and the latents of every segment it encoded as RUN/latents.h5, "
            "for analyses of your own."};
    struct asked_evaluation asked = {.settings = {.split = SPLIT_TEST,
                                                  .sweeps = 16,
                                                  .count = 200,
                                                  .transfers = 40,
                                                  .drafts = WRITER_DRAFTS,
                                                  .seed = 1}};
    struct command_line line = {.argp = &argp, .input = &asked};
    enum status status = OK;
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) goto done;
    TRY(asked.pooled.n > 0 ? pool(world, &asked, line.json) : measure(world, &asked, line.json));
done:
    pooled_fini(&asked.pooled);
    return status;
}
