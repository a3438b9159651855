/* The table of a bench, and medians. */
#include "bench.h"

#include <math.h>
#include <stdio.h>

static void add(struct bench *bench, const struct bench_row *row, const char *name)
{
    ASSERT(bench->n_rows < BENCH_MAX_ROWS);
    struct bench_row *added = &bench->rows[bench->n_rows++];
    *added = *row;
    snprintf(added->name, sizeof added->name, "%s", name);
}

void bench_rate(struct bench *bench, const char *name, double value, const char *unit, double limit,
                const char *limit_name)
{
    const struct bench_row row = {.value = value,
                                  .unit = unit,
                                  .limit = limit,
                                  .limit_name = limit_name,
                                  .ratio = value / limit};
    add(bench, &row, name);
}

void bench_cost(struct bench *bench, const char *name, double value, const char *unit, double limit,
                const char *limit_name)
{
    const struct bench_row row = {.value = value,
                                  .unit = unit,
                                  .limit = limit,
                                  .limit_name = limit_name,
                                  .ratio = limit / value};
    add(bench, &row, name);
}

/* A NULL document (no memory) is found when it is printed. */
void bench_text(struct bench *bench, const char *name, const char *text)
{
    json_object_set_new(bench->facts, name, json_string(text));
}

void bench_number(struct bench *bench, const char *name, double number)
{
    const bool whole = number == floor(number) && fabs(number) < 9e15;
    json_object_set_new(bench->facts, name,
                        whole ? json_integer((json_int_t)number) : json_real(number));
}

static json_t *row_json(const struct bench_row *row)
{
    return json_pack("{s:s, s:f, s:s, s:f, s:s, s:f}", "name", row->name, "value", row->value,
                     "unit", row->unit, "limit", row->limit, "limit_name", row->limit_name, "ratio",
                     row->ratio);
}

static void print_fact(const char *name, const json_t *value)
{
    if (json_is_string(value)) printf("%s %s\n", name, json_string_value(value));
    if (json_is_integer(value)) printf("%s %lld\n", name, (long long)json_integer_value(value));
    if (json_is_real(value)) printf("%s %.4g\n", name, json_real_value(value));
}

/* `name value` lines; of an object in it, `name/inner value`. */
static void print_facts(json_t *facts)
{
    const char *name, *inner;
    json_t *value, *part;
    char path[2 * BENCH_NAME_SIZE];
    json_object_foreach(facts, name, value)
    {
        print_fact(name, value);
        if (!json_is_object(value)) continue;
        json_object_foreach(value, inner, part)
        {
            snprintf(path, sizeof path, "%s/%s", name, inner);
            print_fact(path, part);
        }
    }
}

static void print_rows(const struct bench *bench)
{
    printf("%-62s %11s %11s  %-10s %6s\n", "what", "value", "limit", "unit", "ratio");
    for (size_t i = 0; i < bench->n_rows; i++) {
        const struct bench_row *row = &bench->rows[i];
        printf("%-62s %11.5g %11.5g  %-10s %6.3f  of %s\n", row->name, row->value, row->limit,
               row->unit, row->ratio, row->limit_name);
    }
}

enum status bench_print(struct bench *bench, bool json)
{
    if (json) {
        json_t *rows = json_array();
        for (size_t i = 0; i < bench->n_rows; i++)
            json_array_append_new(rows, row_json(&bench->rows[i]));
        json_object_set_new(bench->facts, "rows", rows);
        json_t *document = bench->facts;
        bench->facts = NULL;
        return command_result(bench->group, document);
    }
    if (group_rank(bench->group) == 0) {
        print_facts(bench->facts);
        print_rows(bench);
    }
    return OK;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *x, size_t n)
{
    ASSERT(n >= 1);
    qsort(x, n, sizeof *x, compare);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}
