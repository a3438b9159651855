/* affekt bench io: checkpoints beside the disk, and the way to the first step. */
#define _GNU_SOURCE
#include "bench.h"
#include "bench_folder.h"
#include "model_file.h"
#include "stop.h"
#include "synthetic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_EVENTS = 192, CHUNK = 4 << 20 };
enum { OPEN, OPEN_LIMIT, MEASURE, SAVE, DISK, LOAD, READ, N_FIGURES };

struct io_bench {
    struct bench *bench;
    char folder[FOLDER_PATH_BYTES], made[FOLDER_PATH_BYTES];
    char checkpoint[FOLDER_PATH_BYTES], plain[FOLDER_PATH_BYTES];
    const char *corpus_path;
    struct corpus corpus;
    struct trainer trainer;
    unsigned char *chunk; /* (CHUNK) owned; not zeros, which some disks do not store */
    double *seconds;      /* (N_FIGURES, rounds) owned */
    double file_bytes;    /* of a checkpoint */
};

static enum status file_failed(const char *path, const char *what)
{
    return status_fail(FAILED, "%s: cannot %s: %s", path, what, strerror(errno));
}

static bool leads(const struct io_bench *b)
{
    return group_rank(b->bench->group) == 0;
}

/* Large writes one after the other and one sync, as `dd conv=fsync` does. */
static enum status write_plain(struct io_bench *b, size_t bytes)
{
    enum status status = OK;
    const int file = open(b->plain, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) return file_failed(b->plain, "write");
    while (bytes > 0) {
        const ssize_t n = write(file, b->chunk, bytes < CHUNK ? bytes : CHUNK);
        if (n <= 0) {
            status = file_failed(b->plain, "write");
            break;
        }
        bytes -= (size_t)n;
    }
    if (status == OK && fsync(file) != 0) status = file_failed(b->plain, "sync");
    close(file);
    return status;
}

static enum status read_plain(struct io_bench *b, const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;
    if (file < 0) return file_failed(path, "read");
    while (n > 0) n = read(file, b->chunk, CHUNK);
    const enum status status = n < 0 ? file_failed(path, "read") : OK;
    close(file);
    return status;
}

/* Fresh memory for the parameters, gradient and moments, filled. */
static enum status fill_block(const struct io_bench *b)
{
    const size_t bytes = 4 * b->trainer.vae.parameters.count * sizeof(real);
    unsigned char *block = malloc(bytes);
    if (!block) return status_fail(FAILED, "no memory for %zu bytes", bytes);
    memset(block, b->chunk[1], bytes); /* not zeros, which calloc would have without writing */
    volatile unsigned char last = block[bytes - 1];
    (void)last;
    free(block);
    return OK;
}

/* Ends a measurement that began at `start`: the slowest rank's seconds. */
static enum status finish(struct io_bench *b, enum status local, double start, double *seconds)
{
    const enum status status = group_agree(b->bench->group, local);
    *seconds = stop_clock() - start;
    group_max_doubles(b->bench->group, seconds, 1);
    return status;
}

static double begin(struct io_bench *b)
{
    group_barrier(b->bench->group);
    return stop_clock();
}

static void close_run(struct io_bench *b)
{
    trainer_fini(&b->trainer);
    corpus_close(&b->corpus);
}

static enum status open_run(struct io_bench *b, double *seconds)
{
    enum status status = OK;
    struct bench *bench = b->bench;
    const double start = begin(b);
    TRY(group_agree(bench->group, corpus_open(&b->corpus, b->corpus_path)));
    TRY(trainer_init(&b->trainer, bench->group, &b->corpus, &bench->config));
    TRY(finish(b, OK, start, seconds));
done:
    return status;
}

static enum status open_limit(struct io_bench *b)
{
    const enum status status = read_plain(b, b->corpus_path);
    return status == OK ? fill_block(b) : status;
}

static enum status measure_file_bytes(struct io_bench *b)
{
    struct stat info = {0};
    const bool found = !leads(b) || stat(b->checkpoint, &info) == 0;
    b->file_bytes = (double)info.st_size;
    group_max_doubles(b->bench->group, &b->file_bytes, 1);
    return group_agree(b->bench->group, found ? OK : file_failed(b->checkpoint, "read"));
}

static enum status round_of(struct io_bench *b, size_t round)
{
    enum status status = OK;
    const size_t n = b->bench->rounds;
    double *at = b->seconds + round;
    struct faders faders;
    close_run(b);
    TRY(open_run(b, &at[OPEN * n]));
    double start = begin(b);
    TRY(finish(b, open_limit(b), start, &at[OPEN_LIMIT * n]));
    start = begin(b);
    TRY(faders_measure(&faders, &b->trainer));
    TRY(finish(b, OK, start, &at[MEASURE * n]));
    start = begin(b);
    TRY(model_file_write(&b->trainer, &faders, b->checkpoint));
    TRY(finish(b, OK, start, &at[SAVE * n]));
    TRY(measure_file_bytes(b));
    start = begin(b);
    TRY(finish(b, leads(b) ? write_plain(b, (size_t)b->file_bytes) : OK, start, &at[DISK * n]));
    start = begin(b);
    TRY(model_file_resume(&b->trainer, b->checkpoint));
    TRY(finish(b, OK, start, &at[LOAD * n]));
    start = begin(b);
    TRY(finish(b, leads(b) ? read_plain(b, b->checkpoint) : OK, start, &at[READ * n]));
done:
    return status;
}

static void report(struct io_bench *b)
{
    struct bench *bench = b->bench;
    double median[N_FIGURES];
    for (size_t i = 0; i < N_FIGURES; i++)
        median[i] = bench_median(b->seconds + i * bench->rounds, bench->rounds);
    const double mb = 1e-6 * b->file_bytes;
    bench_number(bench, "checkpoint_bytes", b->file_bytes);
    bench_number(bench, "parameters", (double)parameters_trained(&b->trainer.vae.parameters));
    bench_number(bench, "faders_seconds", median[MEASURE]);
    bench_rate(bench, "save", mb / median[SAVE], "MB/s", mb / median[DISK],
               "writing and syncing as many bytes");
    bench_rate(bench, "load", mb / median[LOAD], "MB/s", mb / median[READ],
               "reading the file from the cache");
    bench_cost(bench, "open", median[OPEN], "s", median[OPEN_LIMIT],
               "reading the corpus, filling the parameters");
}

/* A corpus file of full rows where none was given. */
static enum status make_corpus(const struct io_bench *b)
{
    enum status status = OK;
    struct synthetic made = {.events = NULL};
    TRY(synthetic_init(&made, b->bench->config.train.batch,
                       b->bench->events ? b->bench->events : DEFAULT_EVENTS));
    TRY(synthetic_write(&made, b->made));
done:
    synthetic_fini(&made);
    return status;
}

static enum status prepare(struct io_bench *b)
{
    enum status status = OK;
    b->chunk = malloc(CHUNK);
    b->seconds = calloc(N_FIGURES * b->bench->rounds, sizeof *b->seconds);
    if (!b->chunk || !b->seconds) FAIL(FAILED, "no memory for %d bytes", CHUNK);
    for (size_t i = 0; i < CHUNK; i++) b->chunk[i] = (unsigned char)(i * 2654435761u >> 13);
    TRY(folder_join(b->made, b->folder, "corpus.h5"));
    TRY(folder_join(b->checkpoint, b->folder, "checkpoint.h5"));
    TRY(folder_join(b->plain, b->folder, "plain"));
    b->corpus_path = b->bench->corpus ? b->bench->corpus : b->made;
    if (!b->bench->corpus && leads(b)) TRY(make_corpus(b));
done:
    return status;
}

enum status bench_io(struct bench *bench)
{
    enum status status = OK;
    struct io_bench b = {.bench = bench, .corpus = {.descriptor = -1}};
    bench_text(bench, "preset", bench->preset ? bench->preset : "small");
    TRY(bench_folder_make(b.folder, bench->group, bench->out));
    TRY(group_agree(bench->group, prepare(&b)));
    for (size_t i = 0; i < bench->rounds; i++) {
        TRY(round_of(&b, i));
        progress_update(&bench->progress, "round %zu of %zu", i + 1, bench->rounds);
    }
    report(&b);
done:
    close_run(&b);
    bench_folder_remove(b.folder, bench->group);
    free(b.chunk);
    free(b.seconds);
    return status;
}
