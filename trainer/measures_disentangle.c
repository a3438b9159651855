/* Gaps between codes. */
#include "measures_disentangle.h"

#include "measures.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = DISENTANGLE_BINS, UNKNOWN = BINS };

/* Bins and what follows from them. */
struct table {
    const struct disentangle_rows *rows;
    uint8_t *code, *factor; /* (n_codes, n), (n_factors, n) bins, or UNKNOWN; owned, as one */
    double *information;    /* (n_factors, n_codes); owned */
    double *entropy;        /* (n_factors); 0: left out; owned */
    uint32_t *index;        /* (n) 0, 1, ...; owned */
};

static void bin(uint8_t *bins, const double *x, size_t n)
{
    double least = HUGE_VAL, most = -HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) continue;
        least = fmin(least, x[i]);
        most = fmax(most, x[i]);
    }
    for (size_t i = 0; i < n; i++) {
        const double place = most > least ? (x[i] - least) / (most - least) * BINS : 0;
        bins[i] = isnan(x[i]) ? UNKNOWN : (uint8_t)fmin(place, BINS - 1);
    }
}

static double entropy(const double *count, size_t n_bins, double n)
{
    double sum = 0;
    for (size_t b = 0; b < n_bins; b++)
        if (count[b] > 0) sum -= count[b] / n * log(count[b] / n);
    return sum;
}

/* I(a; b) of two columns of bins, and H(b), over the rows where b is known. */
static double information(double *entropy_b, const uint8_t *a, const uint8_t *b, size_t n)
{
    double both[BINS * BINS] = {0}, only_a[BINS] = {0}, only_b[BINS] = {0}, known = 0;
    for (size_t i = 0; i < n; i++) {
        if (b[i] == UNKNOWN) continue;
        both[a[i] * BINS + b[i]]++;
        known++;
    }
    *entropy_b = 0;
    if (known <= 0) return 0;
    for (size_t p = 0; p < BINS; p++)
        for (size_t q = 0; q < BINS; q++) {
            only_a[p] += both[p * BINS + q];
            only_b[q] += both[p * BINS + q];
        }
    *entropy_b = entropy(only_b, BINS, known);
    const double shared =
        entropy(only_a, BINS, known) + *entropy_b - entropy(both, (size_t)BINS * BINS, known);
    return fmax(shared, 0);
}

static enum status table_init(struct table *table, const struct disentangle_rows *rows)
{
    const size_t n = rows->n, codes = rows->n_codes, factors = rows->n_factors;
    *table = (struct table){.rows = rows};
    table->code = malloc((codes + factors) * n + 1);
    table->information = calloc(factors * codes + 1, sizeof *table->information);
    table->entropy = calloc(factors + 1, sizeof *table->entropy);
    table->index = malloc((n + 1) * sizeof *table->index);
    if (!table->code || !table->information || !table->entropy || !table->index || status_fault())
        return status_fail(FAILED, "no memory for the information of %zu codes", codes);
    table->factor = table->code + codes * n;
    for (size_t c = 0; c < codes; c++) bin(table->code + c * n, rows->code + c * n, n);
    for (size_t f = 0; f < factors; f++) bin(table->factor + f * n, rows->factor + f * n, n);
    for (size_t i = 0; i < n; i++) table->index[i] = (uint32_t)i;
    for (size_t f = 0; f < factors; f++)
        for (size_t c = 0; c < codes; c++)
            table->information[f * codes + c] =
                information(&table->entropy[f], table->code + c * n, table->factor + f * n, n);
    return OK;
}

static void table_fini(struct table *table)
{
    free(table->code);
    free(table->information);
    free(table->entropy);
    free(table->index);
}

/* The greatest number less the second, and where the greatest is. */
static double gap(const double *x, size_t n, size_t *best)
{
    double second = -HUGE_VAL;
    *best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[*best]) *best = i;
    for (size_t i = 0; i < n; i++)
        if (i != *best) second = fmax(second, x[i]);
    return x[*best] - second;
}

static struct disentangle_factor measure_factor(const struct table *table, size_t f, double *r2)
{
    const struct disentangle_rows *rows = table->rows;
    struct disentangle_factor factor = {NAN, NAN, 0};
    size_t likest;
    if (table->entropy[f] <= 0 || rows->n_codes < 2) return factor;
    for (size_t c = 0; c < rows->n_codes; c++) {
        const struct correlated pair = {rows->code + c * rows->n, rows->factor + f * rows->n};
        const double square = measures_correlation(&pair, table->index, rows->n);
        r2[c] = isnan(square) ? 0 : square;
    }
    factor.r2 = gap(r2, rows->n_codes, &likest);
    factor.information = gap(table->information + f * rows->n_codes, rows->n_codes, &factor.best) /
                         table->entropy[f];
    return factor;
}

static double modularity_of(const struct table *table, size_t code)
{
    double most = 0, sum = 0, n = 0;
    for (size_t f = 0; f < table->rows->n_factors; f++) {
        if (table->entropy[f] <= 0) continue;
        const double own = table->information[f * table->rows->n_codes + code];
        most = fmax(most, own * own);
        sum += own * own;
        n++;
    }
    if (n < 2) return (double)NAN;
    return most > 0 ? 1 - (sum - most) / (most * (n - 1)) : 0;
}

enum status disentangle_measure(struct disentanglement *out, struct disentangle_factor *factors,
                                const struct disentangle_rows *rows)
{
    enum status status = OK;
    struct table table = {0};
    double n = 0;
    double *r2 = malloc((rows->n_codes + 1) * sizeof *r2);
    *out = (struct disentanglement){0};
    TRY(table_init(&table, rows));
    if (!r2 || status_fault()) FAIL(FAILED, "no memory for %zu codes", rows->n_codes);
    for (size_t f = 0; f < rows->n_factors; f++) {
        factors[f] = measure_factor(&table, f, r2);
        if (isnan(factors[f].information)) continue;
        out->mig += factors[f].information;
        out->sap += factors[f].r2;
        n++;
    }
    for (size_t c = 0; c < rows->n_codes; c++)
        out->modularity += modularity_of(&table, c) / (double)rows->n_codes;
    out->mig = n > 0 ? out->mig / n : (double)NAN;
    out->sap = n > 0 ? out->sap / n : (double)NAN;
    if (rows->n_codes == 0) out->modularity = NAN;
done:
    table_fini(&table);
    free(r2);
    return status;
}
