/* affekt bench pack: MIDI files to a corpus beside only reading them. */
#define _GNU_SOURCE
#include "bench.h"
#include "bench_folder.h"
#include "composer.h"
#include "emotion.h"
#include "pack.h"
#include "peak.h"
#include "smf.h"
#include "stop.h"

#include <stdio.h>

enum { PIECES = 100, BARS = 64 }; /* pieces of each emotion */
enum { SPLIT_PITCH = 60 };        /* of the two hands' tracks */

struct pack_bench {
    struct bench *bench;
    char folder[FOLDER_PATH_BYTES], music[FOLDER_PATH_BYTES], corpus[FOLDER_PATH_BYTES];
    const char *const *inputs;
    size_t n_inputs;
    double *packing, *reading; /* (rounds) seconds, owned */
    double files, bytes;       /* of all ranks */
};

static enum status compose_piece(const char *folder, int emotion, uint32_t index)
{
    enum status status = OK;
    struct score score = {0};
    struct composer_factors factors;
    char name[32], path[FOLDER_PATH_BYTES];
    const struct composer_request request = {
        .seed = 1, .index = index, .emotion = emotion, .bars = BARS};
    snprintf(name, sizeof name, "%s-%u.mid", emotion_names[emotion], (unsigned)index);
    TRY(folder_join(path, folder, name));
    TRY(composer_piece(&score, &factors, &request));
    TRY(smf_write(&score, SPLIT_PITCH, path));
done:
    score_fini(&score);
    return status;
}

static enum status compose(const struct pack_bench *b)
{
    enum status status = OK;
    TRY(folder_make(b->music));
    for (int emotion = 0; emotion < N_EMOTIONS; emotion++)
        for (uint32_t i = 0; i < PIECES; i++) TRY(compose_piece(b->music, emotion, i));
done:
    return status;
}

static enum status prepare(struct pack_bench *b)
{
    enum status status = OK;
    const struct bench *bench = b->bench;
    b->packing = calloc(bench->rounds, sizeof *b->packing);
    b->reading = calloc(bench->rounds, sizeof *b->reading);
    if (!b->packing || !b->reading) FAIL(FAILED, "no memory for %zu rounds", bench->rounds);
    TRY(folder_join(b->music, b->folder, "music"));
    TRY(folder_join(b->corpus, b->folder, "corpus.h5"));
    if (b->n_inputs > 0) goto done;
    if (group_rank(bench->group) == 0) TRY(compose(b));
done:
    return status;
}

/* What is read of the inputs, summed so that it is looked at. */
struct read_sum {
    double files, bytes;
    unsigned sum;
};

static enum status visit(void *context, size_t i, enum status status, const unsigned char *bytes,
                         size_t size)
{
    struct read_sum *sum = context;
    (void)i;
    if (status != OK) return OK; /* the packer passes it over, too */
    sum->files++;
    sum->bytes += (double)size;
    for (size_t at = 0; at < size; at += 64) sum->sum += bytes[at];
    return OK;
}

/* Finds and reads all inputs, this rank's share of them, as the packer does. */
static enum status read_all(struct pack_bench *b, double *seconds)
{
    enum status status = OK;
    struct group *group = b->bench->group;
    struct inputs inputs = {0};
    struct read_sum sum = {0};
    group_barrier(group);
    const double start = stop_clock();
    TRY(group_agree(group,
                    group_rank(group) == 0 ? inputs_find(&inputs, b->inputs, b->n_inputs) : OK));
    TRY(inputs_share(&inputs, group, b->inputs, b->n_inputs));
    TRY(group_agree(group, inputs_read(&inputs, (size_t)group_rank(group),
                                       (size_t)group_size(group), visit, &sum)));
    double all[] = {sum.files, sum.bytes};
    *seconds = stop_clock() - start;
    group_max_doubles(group, seconds, 1);
    group_sum_doubles(group, all, 2);
    b->files = all[0];
    b->bytes = all[1];
done:
    inputs_fini(&inputs);
    return status;
}

static enum status pack_all(struct pack_bench *b, double *seconds)
{
    enum status status = OK;
    struct group *group = b->bench->group;
    struct pack_result result;
    const struct pack_options options = {
        .inputs = b->inputs, .n_inputs = b->n_inputs, .out = b->corpus, .percent = {90, 5, 5}};
    group_barrier(group);
    const double start = stop_clock();
    TRY(pack_run(group, &options, &result));
    *seconds = stop_clock() - start;
    group_max_doubles(group, seconds, 1);
done:
    return status;
}

static void report(struct pack_bench *b)
{
    struct bench *bench = b->bench;
    const double cores = group_size(bench->group);
    const double packing = bench_median(b->packing, bench->rounds);
    const double reading = bench_median(b->reading, bench->rounds);
    bench_number(bench, "files", b->files);
    bench_number(bench, "bytes", b->bytes);
    bench_rate(bench, "files a core", b->files / packing / cores, "files/s",
               b->files / reading / cores, "finding and reading them");
    bench_rate(bench, "bytes a core", 1e-6 * b->bytes / packing / cores, "MB/s",
               1e-6 * b->bytes / reading / cores, "finding and reading them");
}

enum status bench_pack(struct bench *bench)
{
    enum status status = OK;
    struct pack_bench b = {.bench = bench, .inputs = bench->inputs, .n_inputs = bench->n_inputs};
    bench_text(bench, "music", b.n_inputs > 0 ? "given" : "composed");
    TRY(bench_folder_make(b.folder, bench->group, bench->out ? bench->out : P_tmpdir));
    TRY(group_agree(bench->group, prepare(&b)));
    const char *const music[] = {b.music};
    if (b.n_inputs == 0) b.inputs = music;
    if (b.n_inputs == 0) b.n_inputs = 1;
    TRY(read_all(&b, &b.reading[0])); /* the first reading fills the cache */
    for (size_t i = 0; i < bench->rounds; i++) {
        TRY(read_all(&b, &b.reading[i]));
        TRY(pack_all(&b, &b.packing[i]));
        progress_update(&bench->progress, "round %zu of %zu", i + 1, bench->rounds);
    }
    report(&b);
done:
    bench_folder_remove(b.folder, bench->group);
    free(b.packing);
    free(b.reading);
    return status;
}
