/* Prints what trainer/scaling predicts: one line a number of ranks.
 * usage: predict_scaling NAME=VALUE... RANKS...    names are the fields of struct scaling; `share`
 * and `after` take three values with commas between them. */
#include "scaling.h"

#include <stdio.h>
#include <string.h>

static int read_three(double *values, const char *text)
{
    return sscanf(text, "%lf,%lf,%lf", &values[0], &values[1], &values[2]) == SCALING_STAGES;
}

/* Whether NAME=VALUE is one of the fields. */
static int read_field(struct scaling *scaling, const char *name, const char *text)
{
    const struct {
        const char *name;
        double *value;
    } fields[] = {{"step", &scaling->step},
                  {"fixed", &scaling->fixed},
                  {"parameters", &scaling->parameters},
                  {"latency", &scaling->latency},
                  {"bandwidth", &scaling->bandwidth},
                  {"exchange_bytes", &scaling->exchange_bytes},
                  {"imbalance", &scaling->imbalance},
                  {"bucket_bytes", &scaling->bucket_bytes},
                  {"bytes_a_parameter", &scaling->bytes_a_parameter}};
    if (strcmp(name, "share") == 0) return read_three(scaling->share, text);
    if (strcmp(name, "after") == 0) return read_three(scaling->after, text);
    if (strcmp(name, "overlap") == 0) return (scaling->overlap = atoi(text)) || 1;
    if (strcmp(name, "weak") == 0) return (scaling->weak = atoi(text)) || 1;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(name, fields[i].name) == 0) return sscanf(text, "%lf", fields[i].value) == 1;
    return 0;
}

int main(int argc, char **argv)
{
    struct scaling scaling = {.overlap = true, .bucket_bytes = 1 << 20, .bytes_a_parameter = 4};
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals) {
            *equals = 0;
            if (read_field(&scaling, argv[i], equals + 1)) continue;
            fprintf(stderr, "%s: not a field, or not its value\n", argv[i]);
            return 2;
        }
        const struct scaling_result result = scaling_predict(&scaling, atoi(argv[i]));
        printf("ranks %d seconds %.6f reduction %.6f waited %.6f hidden %.3f efficiency %.3f\n",
               atoi(argv[i]), result.seconds, result.reduction, result.waited, result.hidden,
               result.efficiency);
    }
    return 0;
}
