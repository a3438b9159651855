/* affekt generate: new music of a chosen emotion from a checkpoint. */
#define _GNU_SOURCE
#include "generate.h"

#include "asked.h"
#include "command.h"
#include "folder.h"
#include "rendering.h"
#include "smf.h"
#include "verbs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 64, MIDDLE_C = 60 };

/* What the command line asks for, and what is left to report. */
struct generate {
    const char *checkpoint, *out;
    struct generate_request request;
    int emotion[GENERATE_MAX_STEPS]; /* of each step; none when a point is asked for */
    struct latent_point point;       /* NAN: not given */
    size_t bars;                     /* 0: not given */
    struct fader_setting faders[BATCH_FADERS];
    char name[NAME_BYTES / 2]; /* what the files are called after */
    struct rendering rendering;
    bool json;
    json_t *pieces; /* with --json */
    struct progress progress;
};

enum { KEY_TOP_P = 0x100, KEY_TEMPO, KEY_VALENCE, KEY_AROUSAL };

static const struct argp_option options_table[] = {
    {"checkpoint", 'c', "F|RUN", 0,
     "Checkpoint file, or a run folder: its best or latest checkpoint", 0},
    {"emotion", 'e', "EMOTION", 0,
     "happy, tense, sad, calm, or Q1 to Q4; or a path within each piece, as happy:8,sad:8 (bars)",
     0},
    {"valence", KEY_VALENCE, "X", 0,
     "Instead, with --arousal: a point between the emotions, -1 to 1", 0},
    {"arousal", KEY_AROUSAL, "Y", 0, "-1 to 1", 0},
    {"count", 'n', "N", 0, "Pieces (1)", 0},
    {"bars", 'b', "N", 0, "Bars of a piece (16)", 0},
    {"seed", 's', "S", 0, "Seed; the same seed and checkpoint give the same files (1)", 0},
    {"temperature", 't', "T", 0, "Below 1 more predictable, above 1 more adventurous (0.9)", 0},
    {"drafts", ASKED_DRAFTS, "N", 0, ASKED_DRAFTS_HELP, 0},
    {"top-p", KEY_TOP_P, "P", 0, "Draw from the likeliest symbols that hold this share (0.95)", 0},
    {"key", 'k', "KEY", 0,
     "Tonic: C, F#, Bb, Am ...; the mode follows from the emotion (drawn for each piece)", 0},
    {"tempo", KEY_TEMPO, "BPM", 0, "Quarter notes a minute, 24 to 360 (the model's)", 0},
    {"rhythm-density", ASKED_FADER, "X", 0,
     "Share of grid steps with an onset: from -1, the least in the training set, by 0, its median, "
     "to 1, the most; or abs:0.4 in the measured unit",
     0},
    {"note-density", ASKED_FADER + 1, "X", 0, "Notes a bar, likewise", 0},
    {"mode", ASKED_FADER + 2, "X", 0, "Minor to major, likewise", 0},
    {"register", ASKED_FADER + 3, "X", 0, "Low to high, likewise", 0},
    {"out", 'o', "DIR", 0, "Folder for the pieces, EMOTION-0001.mid and so on; made if missing", 0},
    RENDERING_OPTIONS,
    {0},
};

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

/* What the emotions and bars given on the command line come to. */
static enum status settle_path(struct generate *generate)
{
    struct generate_request *request = &generate->request;
    const bool valence = !isnan(generate->point.valence), arousal = !isnan(generate->point.arousal);
    if (valence != arousal)
        return status_fail(USAGE, "--%s goes with --%s", valence ? "valence" : "arousal",
                           valence ? "arousal" : "valence");
    if (valence && request->n_steps > 0)
        return status_fail(USAGE, "--emotion and --valence, --arousal exclude each other");
    if (!valence && request->n_steps == 0)
        return status_fail(USAGE, "--emotion is missing: happy, tense, sad, calm or Q1 to Q4");
    if (valence) request->n_steps = 1;
    if (valence) request->steps[0].point = generate->point;
    if (request->steps[0].bars > 0 && generate->bars > 0)
        return status_fail(USAGE, "--bars = %zu: the path says its own bars", generate->bars);
    if (request->steps[0].bars == 0) request->steps[0].bars = generate->bars ? generate->bars : 16;
    return OK;
}

/* Files are called after their emotion, the ends of their path, or `point`. */
static void settle_name(struct generate *generate)
{
    const size_t n = generate->request.n_steps;
    const char *first = emotion_names[generate->emotion[0]];
    if (!isnan(generate->point.valence))
        snprintf(generate->name, sizeof generate->name, "point");
    else if (n == 1)
        snprintf(generate->name, sizeof generate->name, "%s", first);
    else
        snprintf(generate->name, sizeof generate->name, "%s-to-%s", first,
                 emotion_names[generate->emotion[n - 1]]);
}

static enum status check_complete(struct generate *generate)
{
    enum status status = OK;
    if (!generate->checkpoint || !*generate->checkpoint)
        FAIL(USAGE, "--checkpoint F|RUN is missing");
    TRY(settle_path(generate));
    if (!generate->out || !*generate->out) FAIL(USAGE, "--out DIR is missing");
    settle_name(generate);
done:
    return status;
}

/* The options that say what the music shall be like; *known tells whether the key is one. */
static enum status parse_music(bool *known, struct generate *generate, int key, const char *text)
{
    struct generate_request *request = &generate->request;
    *known = true;
    switch (key) {
    case 'e':
        return asked_path(request->steps, generate->emotion, &request->n_steps, "--emotion", text);
    case KEY_VALENCE: return command_real(&generate->point.valence, "--valence", text, -1, 1);
    case KEY_AROUSAL: return command_real(&generate->point.arousal, "--arousal", text, -1, 1);
    case 'b': return command_size(&generate->bars, "--bars", text, 1, GENERATE_MAX_BARS);
    case 'k': return set_key(request, text);
    case KEY_TEMPO: return command_real(&request->tempo, "--tempo", text, 24, 360);
    default: return asked_fader(known, generate->faders, key, text);
    }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct generate *generate = state->input;
    if (rendering_option(&generate->rendering, key)) return 0;
    struct generate_request *request = &generate->request;
    bool known;
    enum status status = parse_music(&known, generate, key, text);
    if (known) return status == OK ? 0 : COMMAND_REFUSED;
    switch (key) {
    case 'c': generate->checkpoint = text; break;
    case 'n': status = set_count(&request->count, text); break;
    case 's': status = asked_seed(&request->seed, text); break;
    case 't': status = command_real(&request->temperature, "--temperature", text, 0.05, 5); break;
    case ASKED_DRAFTS: status = asked_drafts(&request->drafts, text); break;
    case KEY_TOP_P: status = command_real(&request->top_p, "--top-p", text, 0.01, 1); break;
    case 'o': generate->out = text; break;
    case ARGP_KEY_END: status = check_complete(generate); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return status == OK ? 0 : COMMAND_REFUSED;
}

static json_t *path_json(const struct generate_request *request)
{
    json_t *path = json_array();
    for (size_t i = 0; i < request->n_steps; i++)
        json_array_append_new(path, json_pack("{s:f, s:f, s:I}", "valence",
                                              request->steps[i].point.valence, "arousal",
                                              request->steps[i].point.arousal, "bars",
                                              (json_int_t)request->steps[i].bars));
    return path;
}

static json_t *piece_json(const struct generate *generate, const char *path,
                          const struct generated *piece)
{
    static const char *const tonics[12] = {"C",  "Db", "D",  "Eb", "E",  "F",
                                           "F#", "G",  "Ab", "A",  "Bb", "B"};
    const bool single = generate->request.n_steps == 1 && isnan(generate->point.valence);
    return json_pack("{s:s, s:s?, s:o, s:I, s:I, s:s, s:f, s:I, s:I, s:f}", "path", path, "emotion",
                     single ? generate->name : NULL, "steps", path_json(&generate->request), "seed",
                     (json_int_t)generate->request.seed, "piece", (json_int_t)piece->index + 1,
                     "key", tonics[piece->tonic], "tempo", piece->tempo, "bars",
                     (json_int_t)generate_bars(&generate->request), "notes",
                     (json_int_t)piece->score->n_notes, "seconds", piece->seconds);
}

static enum status write_piece(void *context, const struct generated *piece)
{
    enum status status = OK;
    struct generate *generate = context;
    char name[NAME_BYTES], path[FOLDER_PATH_BYTES];
    snprintf(name, sizeof name, "%s-%04u.mid", generate->name, piece->index + 1);
    TRY(folder_join(path, generate->out, name));
    TRY(smf_write(piece->score, MIDDLE_C, path));
    TRY(rendering_write(&generate->rendering, piece->score, path));
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
    struct generate_request *request = &generate->request;
    TRY(rendering_check(&generate->rendering));
    TRY(model_open(&model, generate->checkpoint));
    TRY(latent_check(&model, generate->checkpoint));
    for (size_t i = 0; i < request->n_steps; i++)
        TRY(latent_check_point(&model, request->steps[i].point, generate->checkpoint));
    TRY(faders_resolve(&request->faders, &model.faders, generate->faders, generate->checkpoint));
    TRY(folder_make(generate->out));
    if (generate->json) generate->pieces = json_array();
    TRY(generate_pieces(&model, request, write_piece, generate));
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
    struct generate generate = {.point = {(double)NAN, (double)NAN},
                                .request = {.count = 1,
                                            .seed = 1,
                                            .temperature = 0.9,
                                            .top_p = 0.95,
                                            .drafts = WRITER_DRAFTS,
                                            .tonic = GENERATE_ANY_TONIC}};
    static const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .doc =
            "Writes new music of an emotion as MIDI files and lists their paths."
            "\vA piece depends on the checkpoint, the seed and its own number, not on --count.  An "
            "emotion is a corner of the plane of valence and arousal; a point in it is the "
            "bilinear blend of the four.  A fader replaces what the emotion says of its "
            "attribute.",
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
