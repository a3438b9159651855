/* Options that generate and transfer share. */
#define _GNU_SOURCE
#include "asked.h"

#include "command.h"

#include <string.h>

enum { TEXT_BYTES = 1024 };

static enum status parse_emotion(int *emotion, const char *option, const char *name)
{
    *emotion = emotion_parse(name);
    if (*emotion >= 0) return OK;
    return status_fail(USAGE, "%s = %.40s: want happy, tense, sad, calm or Q1 to Q4", option, name);
}

enum status asked_point(struct latent_point *point, const char *option, const char *text)
{
    enum status status = OK;
    int emotion;
    char valence[TEXT_BYTES];
    const char *comma = strchr(text, ',');
    if (!comma) {
        TRY(parse_emotion(&emotion, option, text));
        *point = latent_emotion(emotion);
        goto done;
    }
    snprintf(valence, sizeof valence, "%.*s", (int)(comma - text), text);
    TRY(command_real(&point->valence, option, valence, -1, 1));
    TRY(command_real(&point->arousal, option, comma + 1, -1, 1));
done:
    return status;
}

static enum status parse_step(struct generate_step *step, int *emotion, const char *option,
                              char *text)
{
    enum status status = OK;
    char *colon = strchr(text, ':');
    if (colon) *colon = 0;
    step->bars = 0;
    TRY(parse_emotion(emotion, option, text));
    step->point = latent_emotion(*emotion);
    if (colon) TRY(command_size(&step->bars, option, colon + 1, 1, GENERATE_MAX_BARS));
done:
    return status;
}

enum status asked_path(struct generate_step *steps, int *emotion, size_t *n_steps,
                       const char *option, const char *text)
{
    enum status status = OK;
    char copy[TEXT_BYTES], *rest = copy;
    size_t n = 0, bars = 0;
    if (strlen(text) >= sizeof copy)
        FAIL(USAGE, "%s: %zu bytes, more than %d", option, strlen(text), TEXT_BYTES - 1);
    memcpy(copy, text, strlen(text) + 1);
    for (char *item; (item = strsep(&rest, ",")) != NULL; n++) {
        if (n == GENERATE_MAX_STEPS)
            FAIL(USAGE, "%s: more than %d steps", option, GENERATE_MAX_STEPS);
        TRY(parse_step(&steps[n], &emotion[n], option, item));
        bars += steps[n].bars;
    }
    for (size_t i = 0; n > 1 && i < n; i++)
        if (steps[i].bars == 0)
            FAIL(USAGE, "%s = %.60s: want the bars of each step, as in happy:8,sad:8", option,
                 text);
    if (bars > GENERATE_MAX_BARS)
        FAIL(USAGE, "%s = %.60s: %zu bars, more than %d", option, text, bars, GENERATE_MAX_BARS);
    *n_steps = n;
done:
    return status;
}

enum status asked_seed(uint64_t *seed, const char *text)
{
    size_t number = 0;
    const enum status status = command_size(&number, "--seed", text, 0, ASKED_SEED_MAX);
    if (status == OK) *seed = number;
    return status;
}

enum status asked_drafts(size_t *drafts, const char *text)
{
    return command_size(drafts, "--drafts", text, 1, WRITER_MAX_DRAFTS);
}

enum status asked_fader(bool *known, struct fader_setting settings[BATCH_FADERS], int key,
                        const char *text)
{
    const int fader = key - ASKED_FADER;
    *known = fader >= 0 && fader < BATCH_FADERS;
    return *known ? fader_parse(&settings[fader], fader, text) : OK;
}
