/* The steps of a packing. */
#define _GNU_SOURCE
#include "pack.h"

#include "corpus_write.h"
#include "labels.h"
#include "pack_plan.h"
#include "pack_report.h"
#include "pack_store.h"
#include "replace.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct packing {
    struct group *group;
    const struct pack_options *options;
    struct pack_result *result;
    struct events_vocabulary vocabulary;
    struct corpus old;
    struct inputs inputs;
    struct labels labels;
    struct pack_store store;
    struct pack_plan plan;
    char *spill; /* path of this rank's */
    size_t n_done;
};

static int chosen(int asked, int old, int otherwise)
{
    if (asked) return asked;
    return old ? old : otherwise;
}

/* Whether a file can be written there, asked before hours of work. */
static enum status check_writable(const char *path)
{
    enum status status = OK;
    struct stat about;
    char *temporary = NULL;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) FAIL(FAILED, "%s: is a folder", path);
    if (status_fault() || asprintf(&temporary, "%s.tmp", path) < 0) {
        temporary = NULL;
        FAIL(FAILED, "%s: out of memory", path);
    }
    TRY(replace_begin(temporary, 0));
    unlink(temporary);
done:
    free(temporary);
    return status;
}

/* Opens the old corpus, if any, and settles on its settings. */
static enum status settle(struct packing *packing)
{
    const struct pack_options *options = packing->options;
    const struct events_settings *old = &packing->old.vocabulary.settings;
    enum status status = OK;
    if (group_rank(packing->group) == 0) {
        TRY(check_writable(options->out));
        if (options->report) TRY(check_writable(options->report));
    }
    if (options->append) {
        TRY(corpus_open(&packing->old, options->out));
        if ((options->settings.grid && options->settings.grid != old->grid) ||
            (options->settings.bars && options->settings.bars != old->bars))
            FAIL(FAILED, "%s: has grid %d and %d bars, asked for %d and %d", options->out,
                 old->grid, old->bars, chosen(options->settings.grid, old->grid, 4),
                 chosen(options->settings.bars, old->bars, 8));
    }
    const struct events_settings settings = {
        .grid = chosen(options->settings.grid, old->grid, 4),
        .bars = chosen(options->settings.bars, old->bars, 8),
    };
    TRY(events_vocabulary_init(&packing->vocabulary, &settings));
    if (status_fault() ||
        asprintf(&packing->spill, "%s.pieces-%d", options->out, group_rank(packing->group)) < 0) {
        packing->spill = NULL;
        FAIL(FAILED, "out of memory");
    }
    TRY(pack_store_init(&packing->store, &packing->vocabulary, packing->spill,
                        options->memory ? options->memory : PACK_MEMORY));
done:
    return status;
}

/* Rank 0: what is there to pack, and what do the label files say of it? */
static enum status find_inputs(struct packing *packing)
{
    const struct pack_options *options = packing->options;
    enum status status = OK;
    TRY(inputs_find(&packing->inputs, options->inputs, options->n_inputs));
    if (packing->inputs.n == 0) FAIL(FAILED, "no MIDI files in %s", options->inputs[0]);
    if (options->n_labels == 0) goto done;
    TRY(labels_init(&packing->labels, packing->inputs.n));
    TRY(labels_read(&packing->labels, &packing->inputs, options->labels, options->n_labels));
done:
    return status;
}

static enum status share_inputs(struct packing *packing)
{
    struct group *group = packing->group;
    enum status status = OK;
    if (group_rank(group) == 0) status = find_inputs(packing);
    TRY(group_agree(group, status));
    TRY(inputs_share(&packing->inputs, group, packing->options->inputs,
                     packing->options->n_inputs));
    if (packing->options->n_labels == 0) goto done;
    if (group_rank(group) != 0) status = labels_init(&packing->labels, packing->inputs.n);
    TRY(group_agree(group, status));
    group_broadcast(group, packing->labels.items, packing->inputs.n * sizeof *packing->labels.items,
                    0);
done:
    return status;
}

static enum status visit(void *context, size_t i, enum status read, const unsigned char *bytes,
                         size_t size)
{
    struct packing *packing = context;
    const enum status status = pack_store_visit(&packing->store, i, read, bytes, size);
    const uint32_t preset = packing->inputs.items[i].outcome;
    if (status != OK) return status;
    if (packing->inputs.items[i].reason)
        packing->store.records[packing->store.n_records - 1].outcome = preset & 3u;
    packing->n_done += (size_t)group_size(packing->group);
    if (group_rank(packing->group) == 0 && packing->options->progress)
        packing->options->progress(packing->options->context,
                                   packing->n_done < packing->inputs.n ? packing->n_done
                                                                       : packing->inputs.n,
                                   packing->inputs.n);
    return OK;
}

/* This rank's share of the old pieces and of the inputs. */
static enum status pack_share(struct packing *packing)
{
    enum status status = OK;
    const size_t rank = (size_t)group_rank(packing->group),
                 size = (size_t)group_size(packing->group);
    for (uint64_t i = rank; i < packing->old.n_pieces; i += size)
        TRY(pack_store_add_old(&packing->store, &packing->old, i));
    TRY(inputs_read(&packing->inputs, rank, size, visit, packing));
done:
    return status;
}

/* Drops the tempi that say nothing; only then are the pieces' hashes final. */
static enum status forget_tempi(struct packing *packing)
{
    enum status status = OK;
    int64_t n_forgot = 0;
    uint32_t *tempi = status_fault() ? NULL : calloc(packing->inputs.n_arguments, sizeof *tempi);
    if (!tempi) status = status_fail(FAILED, "out of memory");
    TRY(group_agree(packing->group, status));
    TRY(pack_plan_tempi(&packing->inputs, packing->group, &packing->store, tempi));
    for (size_t r = 0; r < packing->store.n_records; r++) {
        struct packed *record = packing->store.records + r;
        if (record->outcome != OUTCOME_PACKED || record->input == PACK_NEW || !record->tempo ||
            record->tempo != tempi[packing->inputs.items[record->input].argument])
            continue;
        status = pack_store_forget_tempo(&packing->store, record);
        if (status != OK) break;
        n_forgot++;
    }
    TRY(group_agree(packing->group, status));
    group_sum_int64(packing->group, &n_forgot, 1);
    packing->result->n_tempo_forgot = (uint64_t)n_forgot;
done:
    free(tempi);
    return status;
}

static struct corpus_extent extent_of(const void *context, uint64_t i)
{
    const struct packing *packing = context;
    const struct packed *record = pack_plan_record(&packing->plan, i);
    return (struct corpus_extent){record->n_events, record->n_segments,
                                  packed_owner(record, packing->plan.n_ranks)};
}

static void piece_of(const void *context, uint64_t i, struct corpus_piece *piece)
{
    const struct packing *packing = context;
    pack_plan_piece(&packing->plan, i, piece);
}

static const char *name_of(const void *context, uint64_t i)
{
    const struct packing *packing = context;
    return pack_plan_name(&packing->plan, i);
}

static enum status events_of(const void *context, uint64_t i, struct event *events)
{
    const struct packing *packing = context;
    return pack_store_events(&packing->store, pack_plan_record(&packing->plan, i), events);
}

static enum status segments_of(const void *context, uint64_t i, struct corpus_segment *segments)
{
    const struct packing *packing = context;
    return pack_store_segments(&packing->store, pack_plan_record(&packing->plan, i), segments);
}

static enum status write_corpus(struct packing *packing)
{
    const struct pack_plan *plan = &packing->plan;
    const struct corpus_content content = {
        .settings = packing->vocabulary.settings,
        .n_pieces = plan->n_pieces,
        .n_events = plan->n_events,
        .n_segments = plan->n_segments,
        .n_name_bytes = plan->n_name_bytes,
        .context = packing,
        .extent = extent_of,
        .piece = piece_of,
        .name = name_of,
        .events = events_of,
        .segments = segments_of,
    };
    return corpus_write(packing->group, packing->options->out, &content, packing->result->digest);
}

static enum status make_plan(struct packing *packing)
{
    enum status status = OK;
    struct pack_plan *plan = &packing->plan;
    *plan = (struct pack_plan){
        .inputs = &packing->inputs,
        .old = packing->options->append ? &packing->old : NULL,
        .labels = packing->labels.items,
    };
    TRY(forget_tempi(packing));
    TRY(pack_plan_gather(plan, packing->group, &packing->store));
    status = pack_plan_make(plan, packing->options->percent);
    if (status == OK) status = pack_plan_count(plan, packing->result);
    TRY(group_agree(packing->group, status));
done:
    return status;
}

/* Every rank's message is the same: the first input's reason stands for all. */
static enum status fail_for_all(const struct packing *packing)
{
    char reason[256] = "";
    const struct pack_store *store = &packing->store;
    const struct packed *record = packing->plan.records;
    while (record->input != 0) record++; /* rank 0's, and so is its reason */
    if (group_rank(packing->group) == 0)
        snprintf(reason, sizeof reason, "%.120s: %.120s", input_name(&packing->inputs, 0),
                 store->text + record->reason);
    group_broadcast(packing->group, reason, sizeof reason, 0);
    return status_fail(FAILED, "none of %llu inputs could be packed; %s",
                       (unsigned long long)packing->result->n_inputs, reason);
}

static enum status run(struct packing *packing)
{
    enum status status = OK;
    struct pack_result *result = packing->result;
    TRY(group_agree(packing->group, settle(packing)));
    TRY(share_inputs(packing));
    TRY(group_agree(packing->group, pack_share(packing)));
    TRY(make_plan(packing));
    if (packing->options->report)
        TRY(pack_report_write(&packing->plan, packing->group, &packing->store,
                              packing->options->report));
    if (result->outcomes[OUTCOME_PACKED] + result->n_already == 0) TRY(fail_for_all(packing));
    TRY(write_corpus(packing));
done:
    return status;
}

enum status pack_run(struct group *group, const struct pack_options *options,
                     struct pack_result *result)
{
    struct packing packing = {.group = group,
                              .options = options,
                              .result = result,
                              .old = {.descriptor = -1},
                              .store.spill.descriptor = -1};
    memset(result, 0, sizeof *result);
    const enum status status = run(&packing);
    pack_plan_fini(&packing.plan);
    pack_store_fini(&packing.store);
    labels_fini(&packing.labels);
    inputs_fini(&packing.inputs);
    corpus_close(&packing.old);
    free(packing.spill);
    return status;
}
