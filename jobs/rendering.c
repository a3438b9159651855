/* Sound by fluidsynth, a program of its own that need not be there; pictures. */
#define _GNU_SOURCE
#include "rendering.h"

#include "folder.h"
#include "picture.h"
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *const FONTS[] = {"/usr/share/sounds/sf2/TimGM6mb.sf2",
                                    "/usr/share/sounds/sf2/default-GM.sf2",
                                    "/usr/share/sounds/sf2/FluidR3_GM.sf2"};

bool rendering_option(struct rendering *rendering, int key)
{
    if (key == RENDERING_WAV) rendering->wav = true;
    if (key == RENDERING_PNG) rendering->png = true;
    return key == RENDERING_WAV || key == RENDERING_PNG;
}

static const char *find_font(void)
{
    for (size_t i = 0; i < sizeof FONTS / sizeof *FONTS; i++)
        if (access(FONTS[i], R_OK) == 0) return FONTS[i];
    return NULL;
}

/* Runs a program that says nothing; its exit code, -1 when it could not be run. */
static int run_quietly(const char *const *arguments)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    int how = -1;
    if (posix_spawn_file_actions_init(&actions) != 0) return -1;
    for (int i = 0; i < 3; i++)
        (void)posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
    if (posix_spawnp(&child, arguments[0], &actions, NULL, (char *const *)arguments, environ) == 0)
        while (waitpid(child, &how, 0) < 0 && errno == EINTR) {
        }
    posix_spawn_file_actions_destroy(&actions);
    return how != -1 && WIFEXITED(how) && WEXITSTATUS(how) != 127 ? WEXITSTATUS(how) : -1;
}

enum status rendering_check(const struct rendering *rendering)
{
    static const char *const VERSION[] = {"fluidsynth", "--version", NULL};
    if (!rendering->wav) return OK;
    if (run_quietly(VERSION) != 0)
        return status_fail(FAILED, "--wav: fluidsynth cannot be run; Debian's package of that name "
                                   "has it");
    if (!find_font())
        return status_fail(FAILED,
                           "--wav: no soundfont such as %s; Debian's timgm6mb-soundfont "
                           "has it",
                           FONTS[0]);
    return OK;
}

/* PIECE.mid with another ending. */
static enum status rename_ending(char path[FOLDER_PATH_BYTES], const char *midi, const char *ending)
{
    const char *dot = strrchr(midi, '.'), *slash = strrchr(midi, '/');
    const size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - midi) : strlen(midi);
    const int n = snprintf(path, FOLDER_PATH_BYTES, "%.*s%s", (int)stem, midi, ending);
    return n < FOLDER_PATH_BYTES ? OK : status_fail(FAILED, "%.60s...: the name is too long", midi);
}

static enum status write_sound(const char *midi)
{
    enum status status = OK;
    char path[FOLDER_PATH_BYTES], temporary[FOLDER_PATH_BYTES];
    TRY(rename_ending(path, midi, ".wav"));
    TRY(rename_ending(temporary, midi, ".wav.tmp"));
    const char *const arguments[] = {"fluidsynth", "-n", "-i",    "-q",        "-T", "wav", "-F",
                                     temporary,    "-r", "44100", find_font(), midi, NULL};
    TRY(replace_begin(temporary, 0));
    if (run_quietly(arguments) != 0) FAIL(FAILED, "%s: fluidsynth could not write it", path);
    TRY(replace_finish(temporary, path));
done:
    if (status != OK) unlink(temporary);
    return status;
}

enum status rendering_write(const struct rendering *rendering, const struct score *score,
                            const char *midi)
{
    enum status status = OK;
    char path[FOLDER_PATH_BYTES];
    if (rendering->wav) TRY(write_sound(midi));
    if (rendering->png) {
        TRY(rename_ending(path, midi, ".png"));
        TRY(picture_score(score, path));
    }
done:
    return status;
}
