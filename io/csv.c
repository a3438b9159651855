/* Comma-separated values. */
#include "csv.h"

#include <string.h>

void csv_begin(struct csv *csv, char *text, size_t size)
{
    *csv = (struct csv){.at = text, .end = text + size, .next_line = 1};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) csv->at += 3;
}

/* Unquotes a field to `out`; leaves csv->at behind its closing quote. */
static enum status read_quoted(struct csv *csv, char **out)
{
    for (csv->at++; csv->at < csv->end; csv->at++) {
        if (*csv->at == '"' && csv->at[1] != '"') {
            csv->at++;
            return OK;
        }
        if (*csv->at == '"') csv->at++;
        if (*csv->at == '\n') csv->next_line++;
        *(*out)++ = *csv->at;
    }
    return status_fail(FAILED, "a quote is never closed");
}

/* Reads one field; its text is never longer than what was read, so it is stored in place. */
static enum status read_field(struct csv *csv, char *after)
{
    char *out = csv->at;
    csv->fields[csv->n_fields++] = out;
    while (csv->at < csv->end && !strchr(",\r\n", *csv->at)) {
        if (*csv->at == '"' && out == csv->fields[csv->n_fields - 1]) {
            const enum status status = read_quoted(csv, &out);
            if (status != OK) return status;
        } else {
            *out++ = *csv->at++;
        }
    }
    if (csv->at < csv->end && !*csv->at) return status_fail(FAILED, "a zero byte");
    *after = csv->at < csv->end ? *csv->at++ : 0;
    if (*after == '\r' && csv->at < csv->end && *csv->at == '\n') *after = *csv->at++;
    *out = 0;
    return OK;
}

enum status csv_next(struct csv *csv, bool *end)
{
    while (csv->at < csv->end && (*csv->at == '\n' || *csv->at == '\r')) {
        const bool pair = csv->at[0] == '\r' && csv->at[1] == '\n';
        csv->at += pair ? 2 : 1;
        csv->next_line++;
    }
    csv->line = csv->next_line;
    csv->n_fields = 0;
    *end = csv->at >= csv->end;
    if (*end) return OK;
    for (char after = ','; after == ',';) {
        if (csv->n_fields == CSV_MAX_FIELDS)
            return status_fail(FAILED, "more than %d columns", CSV_MAX_FIELDS);
        const enum status status = read_field(csv, &after);
        if (status != OK) return status;
    }
    csv->next_line++;
    return OK;
}

void csv_write(FILE *file, const char *field, char after)
{
    if (!strpbrk(field, ",\"\r\n")) {
        fprintf(file, "%s%c", field, after);
        return;
    }
    fputc('"', file);
    for (; *field; field++) {
        if (*field == '"') fputc('"', file);
        fputc(*field, file);
    }
    fprintf(file, "\"%c", after);
}
