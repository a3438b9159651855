/* For the tests of the program from outside.
 * usage: make_checkpoint CORPUS OUT STEPS|nan [section.key=value]... */
#include "tiny_model.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 4) return USAGE;
    const bool nan = strcmp(argv[3], "nan") == 0;
    const struct tiny_training training = {.corpus = argv[1],
                                           .out = argv[2],
                                           .steps = nan ? 1 : strtoul(argv[3], NULL, 10),
                                           .settings = (const char *const *)argv + 4,
                                           .n_settings = (size_t)argc - 4,
                                           .not_finite = nan};
    const enum status status = tiny_model_make(&training);
    if (status != OK) fprintf(stderr, "error: %s\n", status_message());
    return (int)status;
}
