/* affekt transfer: own music in another emotion. */
#define _GNU_SOURCE
#include "transfer.h"

#include "asked.h"
#include "command.h"
#include "folder.h"
#include "rendering.h"
#include "smf.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { NAME_BYTES = 64, MIDDLE_C = 60, N_SOURCES = 4 };

/* The files of a command line: the input, and others or NULL. */
enum role { SOURCE_INPUT, SOURCE_RHYTHM, SOURCE_TONAL, SOURCE_END };

struct transfer {
    const char *checkpoint, *out;
    const char *path[N_SOURCES];
    struct transfer_source source[N_SOURCES];
    struct transfer_request request;
    struct fader_setting faders[BATCH_FADERS];
    struct rendering rendering;
    bool any_fader, to_file, json;
    size_t count;   /* 0: not given */
    json_t *pieces; /* with --json */
    struct progress progress;
};

enum { KEY_TOP_P = 0x100, KEY_TEMPERATURE, KEY_RHYTHM, KEY_TONAL, KEY_END };

static const struct argp_option options_table[] = {
    {"checkpoint", 'c', "F|RUN", 0,
     "Checkpoint file, or a run folder: its best or latest checkpoint", 0},
    {"input", 'i', "F.mid", 0, "The music", 0},
    {"to", 't', "EMOTION", 0, "happy, tense, sad, calm, Q1 to Q4, or VALENCE,AROUSAL, each -1 to 1",
     0},
    {"strength", 'S', "X", 0, "0: the emotion stays, 1: the whole way (1)", 0},
    {"rhythm-from", KEY_RHYTHM, "F2.mid", 0, "Take the rhythm of another piece", 0},
    {"tonal-from", KEY_TONAL, "F3.mid", 0, "Take the pitches and harmony of another piece", 0},
    {"interpolate", KEY_END, "F2.mid", 0, "Write --count pieces from the input to this one", 0},
    {"count", 'n', "N", 0, "Pieces of --interpolate, both ends included (5)", 0},
    {"seed", 's', "S", 0, "Seed; the same seed, files and options give the same files (1)", 0},
    {"temperature", KEY_TEMPERATURE, "T", 0,
     "Below 1 more predictable, above 1 more adventurous (0.9)", 0},
    {"drafts", ASKED_DRAFTS, "N", 0, ASKED_DRAFTS_HELP, 0},
    {"top-p", KEY_TOP_P, "P", 0, "Draw from the likeliest symbols that hold this share (0.95)", 0},
    {"rhythm-density", ASKED_FADER, "X", 0,
     "Share of grid steps with an onset: from -1, the least in the training set, by 0, its median, "
     "to 1, the most; or abs:0.4 in the measured unit",
     0},
    {"note-density", ASKED_FADER + 1, "X", 0, "Notes a bar, likewise", 0},
    {"mode", ASKED_FADER + 2, "X", 0, "Minor to major, likewise", 0},
    {"register", ASKED_FADER + 3, "X", 0, "Low to high, likewise", 0},
    {"out", 'o', "OUT.mid|DIR", 0, "The piece, or a folder for transfer-0001.mid and so on", 0},
    RENDERING_OPTIONS,
    {0},
};

static bool is_midi_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcasecmp(dot, ".mid") == 0 || strcasecmp(dot, ".midi") == 0);
}

static enum status check_complete(struct transfer *transfer)
{
    const bool end = transfer->path[SOURCE_END] != NULL;
    if (!transfer->checkpoint || !*transfer->checkpoint)
        return status_fail(USAGE, "--checkpoint F|RUN is missing");
    if (!transfer->path[SOURCE_INPUT]) return status_fail(USAGE, "--input F.mid is missing");
    if (!transfer->out || !*transfer->out)
        return status_fail(USAGE, "--out OUT.mid|DIR is missing");
    if (!transfer->request.shift && !transfer->path[SOURCE_RHYTHM] &&
        !transfer->path[SOURCE_TONAL] && !end && !transfer->any_fader)
        return status_fail(USAGE, "--to EMOTION is missing, or another change to make");
    if (transfer->count > 0 && !end) return status_fail(USAGE, "--count goes with --interpolate");
    transfer->request.count = end ? (uint32_t)(transfer->count ? transfer->count : 5) : 1;
    transfer->to_file = is_midi_name(transfer->out);
    if (end && transfer->to_file)
        return status_fail(USAGE, "--out = %.80s: --interpolate wants a folder", transfer->out);
    return OK;
}

static enum status set_target(struct transfer_request *request, const char *text)
{
    request->shift = true;
    return asked_point(&request->to, "--to", text);
}

/* The numbers that options set; *known tells whether the key is one. */
static enum status parse_number(bool *known, struct transfer *transfer, int key, const char *text)
{
    struct transfer_request *request = &transfer->request;
    enum status status;
    *known = true;
    switch (key) {
    case 't': return set_target(request, text);
    case 'S': return command_real(&request->strength, "--strength", text, 0, 1);
    case 'n': return command_size(&transfer->count, "--count", text, 2, TRANSFER_MAX_PIECES);
    case 's': return asked_seed(&request->seed, text);
    case KEY_TEMPERATURE:
        return command_real(&request->temperature, "--temperature", text, 0.05, 5);
    case ASKED_DRAFTS: return asked_drafts(&request->drafts, text);
    case KEY_TOP_P: return command_real(&request->top_p, "--top-p", text, 0.01, 1);
    default:
        status = asked_fader(known, transfer->faders, key, text);
        transfer->any_fader = transfer->any_fader || *known;
        return status;
    }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct transfer *transfer = state->input;
    if (rendering_option(&transfer->rendering, key)) return 0;
    bool known;
    enum status status = parse_number(&known, transfer, key, text);
    if (known) return status == OK ? 0 : COMMAND_REFUSED;
    switch (key) {
    case 'c': transfer->checkpoint = text; break;
    case 'i': transfer->path[SOURCE_INPUT] = text; break;
    case KEY_RHYTHM: transfer->path[SOURCE_RHYTHM] = text; break;
    case KEY_TONAL: transfer->path[SOURCE_TONAL] = text; break;
    case KEY_END: transfer->path[SOURCE_END] = text; break;
    case 'o': transfer->out = text; break;
    case ARGP_KEY_END: status = check_complete(transfer); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return status == OK ? 0 : COMMAND_REFUSED;
}

static json_t *emotion_json(const double p[N_EMOTIONS])
{
    return json_pack("{s:f, s:f, s:f, s:f}", emotion_names[0], p[0], emotion_names[1], p[1],
                     emotion_names[2], p[2], emotion_names[3], p[3]);
}

static json_t *piece_json(const struct transfer *transfer, const char *path,
                          const struct transferred *piece)
{
    const struct transfer_source *input = &transfer->source[SOURCE_INPUT];
    return json_pack("{s:s, s:I, s:I, s:I, s:f, s:o, s:o}", "path", path, "bars",
                     (json_int_t)input->bars.n, "segments", (json_int_t)input->posterior.n, "notes",
                     (json_int_t)piece->score->n_notes, "tempo_ratio", piece->tempo_ratio, "before",
                     emotion_json(piece->before), "after", emotion_json(piece->after));
}

static enum status write_piece(void *context, const struct transferred *piece)
{
    enum status status = OK;
    struct transfer *transfer = context;
    char name[NAME_BYTES], path[FOLDER_PATH_BYTES];
    snprintf(name, sizeof name, "transfer-%04u.mid", piece->index + 1);
    if (!transfer->to_file) TRY(folder_join(path, transfer->out, name));
    const char *file = transfer->to_file ? transfer->out : path;
    TRY(smf_write(piece->score, MIDDLE_C, file));
    TRY(rendering_write(&transfer->rendering, piece->score, file));
    if (!transfer->json)
        puts(file);
    else if (json_array_append_new(transfer->pieces, piece_json(transfer, file, piece)) != 0)
        FAIL(FAILED, "results are not JSON (no memory, or a name not in UTF-8)");
    if (transfer->request.count > 1)
        progress_update(&transfer->progress, "wrote %u of %u", piece->index + 1,
                        transfer->request.count);
done:
    return status;
}

static enum status check_out(const struct transfer *transfer)
{
    struct stat out, in;
    if (transfer->to_file && stat(transfer->out, &out) == 0)
        for (int i = 0; i < N_SOURCES; i++)
            if (transfer->path[i] && stat(transfer->path[i], &in) == 0 && in.st_ino == out.st_ino &&
                in.st_dev == out.st_dev)
                return status_fail(FAILED, "%s: would be overwritten by its own change",
                                   transfer->path[i]);
    return OK;
}

static enum status open_sources(struct transfer *transfer, const struct model *model)
{
    enum status status = OK;
    struct transfer_request *request = &transfer->request;
    const struct transfer_source **wanted[N_SOURCES] = {&request->input, &request->rhythm,
                                                        &request->tonal, &request->end};
    for (int i = 0; i < N_SOURCES; i++) {
        if (!transfer->path[i]) continue;
        TRY(transfer_source_open(&transfer->source[i], model, transfer->path[i]));
        *wanted[i] = &transfer->source[i];
    }
done:
    return status;
}

static enum status transfer_all(struct transfer *transfer, const struct group *world)
{
    enum status status = OK;
    struct model model = {0};
    struct transfer_request *request = &transfer->request;
    TRY(check_out(transfer));
    TRY(rendering_check(&transfer->rendering));
    TRY(model_open(&model, transfer->checkpoint));
    TRY(latent_check(&model, transfer->checkpoint));
    if (request->shift) TRY(latent_check_point(&model, request->to, transfer->checkpoint));
    TRY(faders_resolve(&request->faders, &model.faders, transfer->faders, transfer->checkpoint));
    TRY(open_sources(transfer, &model));
    if (!transfer->to_file) TRY(folder_make(transfer->out));
    if (transfer->json) transfer->pieces = json_array();
    TRY(transfer_pieces(&model, request, write_piece, transfer));
    if (!transfer->json) goto done;
    json_t *pieces = transfer->pieces;
    transfer->pieces = NULL;
    TRY(command_result(world, json_pack("{s:s, s:I, s:s, s:o}", "checkpoint", transfer->checkpoint,
                                        "step", (json_int_t)model.step, "input",
                                        transfer->path[SOURCE_INPUT], "pieces", pieces)));
done:
    json_decref(transfer->pieces);
    for (int i = 0; i < N_SOURCES; i++) transfer_source_fini(&transfer->source[i]);
    model_close(&model);
    return status;
}

enum status transfer_run(struct group *world, int argc, char **argv)
{
    enum status status = OK;
    struct transfer transfer = {
        .request = {
            .strength = 1, .seed = 1, .temperature = 0.9, .top_p = 0.95, .drafts = WRITER_DRAFTS}};
    static const struct argp argp = {
        .options = options_table,
        .parser = parse,
        .doc = "Writes own music again: in another emotion, with another piece's rhythm or tones, "
               "on the way to another piece, or with faders moved."
               "\vThe bars, the key, the time signatures and the tempo changes of the input stay; "
               "the tempo as a whole follows the rhythm.  With --strength 0 it stays too.  A "
               "piece to take from that is shorter than the input starts over.",
    };
    struct command_line line = {.argp = &argp, .input = &transfer};
    command_progress(&transfer.progress, world);
    TRY(command_parse(&line, world, argc, argv));
    if (line.help) goto done;
    transfer.json = line.json;
    TRY(transfer_all(&transfer, world));
done:
    progress_fini(&transfer.progress);
    return status;
}
