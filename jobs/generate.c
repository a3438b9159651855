/* affekt generate: new music of a chosen emotion from a checkpoint. */
#define _GNU_SOURCE
#include "generate.h"

#include "command.h"
#include "folder.h"
#include "latent.h"
#include "smf.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

/* JSON readers hold whole numbers below 2^53 exactly. */
#define SEED_MAX (((size_t)1 << 53) - 1)

enum { NAME_BYTES = 32, MIDDLE_C = 60 };

/* What the command line asks for, and what is left to report. */
struct generate {
    const char *checkpoint, *out;
    struct generate_request request;
    bool json;
    json_t *pieces; /* with --json */
    struct progress progress;
};

enum { KEY_TOP_P = 0x100, KEY_TEMPO };

static const struct argp_option options_table[] = {
    {"checkpoint", 'c', "F|RUN", 0, "Checkpoint file, or a run folder: its latest checkpoint", 0},
    {"emotion", 'e', "EMOTION", 0, "happy, tense, sad, calm, or Q1 to Q4", 0},
    {"count", 'n', "N", 0, "Pieces (1)", 0},
    {"bars", 'b', "N", 0, "Bars of a piece (16)", 0},
    {"seed", 's', "S", 0, "Seed; the same seed and checkpoint give the same files (1)", 0},
    {"temperature", 't', "T", 0, "Below 1 more predictable, above 1 more adventurous (0.9)", 0},
    {"top-p", KEY_TOP_P, "P", 0, "Draw from the likeliest symbols that hold this share (0.95)", 0},
    {"key", 'k', "KEY", 0,
     "Tonic: C, F#, Bb, Am ...; the mode follows from the emotion (drawn for each piece)", 0},
    {"tempo", KEY_TEMPO, "BPM", 0, "Quarter notes a minute, 24 to 360 (the model's)", 0},
    {"out", 'o', "DIR", 0, "Folder for the pieces, EMOTION-0001.mid and so on; made if missing", 0},
    {0},
};

static enum status set_emotion(struct generate_request *request, const char *name)
{
    request->emotion = emotion_parse(name);
    if (request->emotion >= 0) return OK;
    return status_fail(USAGE, "--emotion = %.40s: want happy, tense, sad, calm or Q1 to Q4", name);
}

static enum status set_key(struct generate_request *request, const char *name)
{
    static const char letters[] = "CDEFGAB";
    static const int steps[] = {0, 2, 4, 5, 7, 9, 11};
    const char *letter = *name ? strchr(letters, *name >= 'a' ? *name - 'a' + 'A' : *name) : NULL;
    const char *rest = name + 1;
    int shift = 0;
    if (letter && *rest == '#') shift = 1;
    if (letter && *rest == 'b') shift = -1;
    if (shift) rest++;
    if (!letter || (*rest && strcmp(rest, "m") != 0))
        return status_fail(USAGE, "--key = %.40s: want a tonic such as C, F#, Bb or Am", name);
    request->tonic = (steps[letter - letters] + shift + 12) % 12;
    return OK;
}

static enum status set_count(uint32_t *count, const char *text)
{
    size_t number = 0;
    const enum status status = command_size(&number, "--count", text, 1, GENERATE_MAX_PIECES);
    if (status == OK) *count = (uint32_t)number;
    return status;
}

static enum status set_seed(uint64_t *seed, const char *text)
{
    size_t number = 0;
    const enum status status = command_size(&number, "--seed", text, 0, SEED_MAX);
    if (status == OK) *seed = number;
    return status;
}

static enum status check_complete(const struct generate *generate)
{
    if (!generate->checkpoint || !*generate->checkpoint)
        return status_fail(USAGE, "--checkpoint F|RUN is missing");
    if (generate->request.emotion < 0)
        return status_fail(USAGE, "--emotion is missing: happy, tense, sad, calm or Q1 to Q4");
    if (!generate->out || !*generate->out) return status_fail(USAGE, "--out DIR is missing");
    return OK;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct generate *generate = state->input;
    struct generate_request *request = &generate->request;
    enum status status = OK;
    switch (key) {
    case 'c': generate->checkpoint = text; break;
    case 'e': status = set_emotion(request, text); break;
    case 'n': status = set_count(&request->count, text); break;
    case 'b': status = command_size(&request->bars, "--bars", text, 1, GENERATE_MAX_BARS); break;
    case 's': status = set_seed(&request->seed, text); break;
    case 't': status = command_real(&request->temperature, "--temperature", text, 0.05, 5); break;
    case KEY_TOP_P: status = command_real(&request->top_p, "--top-p", text, 0.01, 1); break;
    case 'k': status = set_key(request, text); break;
    case KEY_TEMPO: status = command_real(&request->tempo, "--tempo", text, 24, 360); break;
    case 'o': generate->out = text; break;
    case ARGP_KEY_END: status = check_complete(generate); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return status == OK ? 0 : COMMAND_REFUSED;
}

static json_t *piece_json(const struct generate *generate, const char *path,
                          const struct generated *piece)
{
    static const char *const tonics[12] = {"C",  "Db", "D",  "Eb", "E",  "F",
                                           "F#", "G",  "Ab", "A",  "Bb", "B"};
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:f, s:I, s:I, s:f}", "path", path, "emotion",
                     emotion_names[generate->request.emotion], "seed",
                     (json_int_t)generate->request.seed, "piece", (json_int_t)piece->index + 1,
                     "key", tonics[piece->tonic], "tempo", piece->tempo, "bars",
                     (json_int_t)generate->request.bars, "notes", (json_int_t)piece->score->n_notes,
                     "seconds", piece->seconds);
}

static enum status write_piece(void *context, const struct generated *piece)
{
    enum status status = OK;
    struct generate *generate = context;
    char name[NAME_BYTES], path[FOLDER_PATH_BYTES];
    snprintf(name, sizeof name, "%s-%04u.mid", emotion_names[generate->request.emotion],
             piece->index + 1);
    TRY(folder_join(path, generate->out, name));
    TRY(smf_write(piece->score, MIDDLE_C, path));
    if (!generate->json)
        puts(path);
    else if (json_array_append_new(generate->pieces, piece_json(generate, path, piece)) != 0)
        FAIL(FAILED, "results are not JSON (no memory, or a name not in UTF-8)");
    if (generate->request.count > 1)
        progress_update(&generate->progress, "generated %u of %u", piece->index + 1,
                        generate->request.count);
done:
    return status;
}

static enum status generate_all(struct generate *generate, const struct group *world)
{
    enum status status = OK;
    struct model model = {0};
    TRY(model_open(&model, generate->checkpoint));
    TRY(latent_check(&model, generate->checkpoint));
    TRY(folder_make(generate->out));
    if (generate->json) generate->pieces = json_array();
    TRY(generate_pieces(&model, &generate->request, write_piece, generate));
    if (!generate->json) goto done;
    json_t *pieces = generate->pieces;
    generate->pieces = NULL;
    TRY(command_result(world, json_pack("{s:s, s:I, s:o}", "checkpoint", generate->checkpoint,
                                        "step", (json_int_t)model.step, "pieces", pieces)));
done:
    json_decref(generate->pieces);
    model_close(&model);
    return status;
}

enum status generate_run(struct group *world, int argc, char **argv)
{
    enum status status = OK;
    struct generate generate = {.request = {.emotion = -1,
                                            .count = 1,
                                            .bars = 16,
                                            .seed = 1,
                                            .temperature = 0.9,
                                            .top_p = 0.95,
                                            .tonic = GENERATE_ANY_TONIC}};
    static const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .doc = "Writes new music of an emotion as MIDI files and lists their paths."
               "\vA piece depends on the checkpoint, the seed and its own number, not on --count.",
    };
    struct command_line line = {.argp = &argp, .input = &generate};
    command_progress(&generate.progress, world);
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) goto done;
    generate.json = line.json;
    TRY(generate_all(&generate, world));
done:
    progress_fini(&generate.progress);
    return status;
}
