/* affekt compose: labelled pieces by rule, with the table of their factors. */
#define _GNU_SOURCE
#include "command.h"
#include "composer.h"
#include "emotion.h"
#include "file.h"
#include "folder.h"
#include "smf.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

/* JSON readers hold whole numbers below 2^53 exactly. */
#define SEED_MAX (((size_t)1 << 53) - 1)

enum { ALL_EMOTIONS = -1, NAME_BYTES = 32 };

struct compose {
    size_t count; /* pieces an emotion */
    size_t seed, bars;
    int emotion; /* 0-3 or ALL_EMOTIONS */
    const char *out;
    FILE *labels, *factors; /* in memory until every piece is written */
    size_t n_written;
};

static const struct argp_option options_table[] = {
    {"count", 'n', "N", 0, "Pieces of each emotion (10)", 0},
    {"seed", 's', "S", 0, "Seed; the same seed gives the same files (1)", 0},
    {"emotion", 'e', "EMOTION", 0, "happy, tense, sad, calm, Q1 to Q4, or all (all)", 0},
    {"bars", 'b', "N", 0, "Bars of a piece (16)", 0},
    {"out", 'o', "DIR", 0, "Folder for the pieces, labels.csv and factors.csv; made if missing", 0},
    {0},
};

static enum status set_emotion(struct compose *compose, const char *name)
{
    compose->emotion = emotion_parse(name);
    if (compose->emotion >= 0) return OK;
    compose->emotion = ALL_EMOTIONS;
    if (strcmp(name, "all") == 0) return OK;
    return status_fail(USAGE, "--emotion = %.40s: want happy, tense, sad, calm, Q1 to Q4 or all",
                       name);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct compose *compose = state->input;
    enum status status = OK;
    switch (key) {
    case 'n': status = command_size(&compose->count, "--count", text, 1, COMPOSER_MAX_INDEX); break;
    case 's': status = command_size(&compose->seed, "--seed", text, 0, SEED_MAX); break;
    case 'b': status = command_size(&compose->bars, "--bars", text, 1, COMPOSER_MAX_BARS); break;
    case 'e': status = set_emotion(compose, text); break;
    case 'o': compose->out = text; break;
    case ARGP_KEY_END:
        if (!compose->out || !*compose->out) status = status_fail(USAGE, "--out DIR is missing");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return status == OK ? 0 : COMMAND_REFUSED;
}

static void list_piece(struct compose *compose, const char *name, int emotion,
                       const struct composer_factors *f)
{
    fprintf(compose->labels, "%s,%s\n", name, emotion_names[emotion]);
    fprintf(compose->factors, "%s,%s,%s,%d,%d,%d/4,%s,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f\n", name,
            emotion_names[emotion], f->major ? "major" : "minor", f->tonic, f->tempo, f->beats,
            f->texture, f->register_mean, f->notes_a_second, f->notes_a_bar, f->velocity_mean,
            f->articulation, f->density);
}

static enum status write_piece(struct compose *compose, int emotion, size_t index)
{
    enum status status = OK;
    struct score score = {0};
    struct composer_factors factors;
    char name[NAME_BYTES], path[FOLDER_PATH_BYTES];
    const struct composer_request request = {.seed = compose->seed,
                                             .index = (uint32_t)index,
                                             .emotion = emotion,
                                             .bars = (int)compose->bars};
    snprintf(name, sizeof name, "%s-%05zu.mid", emotion_names[emotion], index);
    TRY(folder_join(path, compose->out, name));
    TRY(composer_piece(&score, &factors, &request));
    TRY(smf_write(&score, 60, path));
    list_piece(compose, name, emotion, &factors);
    compose->n_written++;
done:
    score_fini(&score);
    return status;
}

static enum status write_pieces(struct compose *compose, struct progress *progress)
{
    enum status status = OK;
    fprintf(compose->labels, "path,label\n");
    fprintf(compose->factors, "path,emotion,mode,tonic,tempo,signature,texture,register,"
                              "notes_a_second,notes_a_bar,velocity,articulation,density\n");
    for (int emotion = 0; emotion < N_EMOTIONS; emotion++) {
        if (compose->emotion != ALL_EMOTIONS && compose->emotion != emotion) continue;
        for (size_t i = 1; i <= compose->count; i++) {
            TRY(write_piece(compose, emotion, i));
            progress_update(progress, "composed %s %zu of %zu", emotion_names[emotion], i,
                            compose->count);
        }
    }
done:
    return status;
}

/* Ends a table kept in memory and writes it as a file of the folder. */
static enum status write_table(const struct compose *compose, const char *name, FILE **stream,
                               char **text)
{
    enum status status = OK;
    char path[FOLDER_PATH_BYTES];
    const int failed = ferror(*stream) | fclose(*stream);
    *stream = NULL;
    if (failed) FAIL(FAILED, "%s: no memory", name);
    TRY(folder_join(path, compose->out, name));
    TRY(file_write(path, *text, strlen(*text)));
done:
    return status;
}

static enum status compose_all(struct compose *compose, struct progress *progress)
{
    enum status status = OK;
    char *labels = NULL, *factors = NULL;
    size_t n_labels, n_factors;
    TRY(folder_make(compose->out));
    compose->labels = status_fault() ? NULL : open_memstream(&labels, &n_labels);
    compose->factors = status_fault() ? NULL : open_memstream(&factors, &n_factors);
    if (!compose->labels || !compose->factors) FAIL(FAILED, "no memory for the tables");
    TRY(write_pieces(compose, progress));
    TRY(write_table(compose, "factors.csv", &compose->factors, &factors));
    TRY(write_table(compose, "labels.csv", &compose->labels, &labels));
done:
    if (compose->labels) fclose(compose->labels);
    if (compose->factors) fclose(compose->factors);
    free(labels);
    free(factors);
    return status;
}

enum status compose_run(struct group *world, int argc, char **argv)
{
    enum status status = OK;
    struct compose compose = {.count = 10, .seed = 1, .bars = 16, .emotion = ALL_EMOTIONS};
    const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .doc =
            "Composes pieces of known emotion by rule: DIR/happy-00001.mid and so on, with their "
            "labels in labels.csv and the factors behind them in factors.csv."};
    struct command_line line = {.argp = &argp, .input = &compose};
    struct progress progress;
    command_progress(&progress, world);
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) goto done;
    TRY(compose_all(&compose, &progress));
    if (line.json)
        TRY(command_result(world,
                           json_pack("{s:s, s:I, s:I, s:I}", "out", compose.out, "pieces",
                                     (json_int_t)compose.n_written, "seed",
                                     (json_int_t)compose.seed, "bars", (json_int_t)compose.bars)));
    else
        printf("%zu pieces in %s\n", compose.n_written, compose.out);
done:
    progress_fini(&progress);
    return status;
}
