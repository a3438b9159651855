/* Clusters. */
#include "measures_cluster.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_D = 512 }; /* the option table allows 256 mixture coordinates a factor */

static double squared_distance(const double *a, const double *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

/* Class centres of some points. */
struct centres {
    double n[N_EMOTIONS], at[N_EMOTIONS][MAX_D];
    int n_classes;
};

static void find_centres(struct centres *centres, const struct points *points,
                         const uint32_t *index, size_t n)
{
    const size_t d = points->d;
    ASSERT(d <= MAX_D);
    memset(centres, 0, sizeof *centres);
    for (size_t i = 0; i < n; i++) {
        const int y = points->label[index[i]];
        centres->n[y]++;
        for (size_t j = 0; j < d; j++) centres->at[y][j] += points->x[index[i] * d + j];
    }
    for (int y = 0; y < N_EMOTIONS; y++) {
        centres->n_classes += centres->n[y] > 0;
        for (size_t j = 0; j < d && centres->n[y] > 0; j++) centres->at[y][j] /= centres->n[y];
    }
}

double cluster_fisher(const void *context, const uint32_t *index, size_t n)
{
    const struct points *points = context;
    struct centres centres;
    double all[MAX_D] = {0}, between = 0, within = 0;
    find_centres(&centres, points, index, n);
    if (centres.n_classes < 2) return (double)NAN;
    for (int y = 0; y < N_EMOTIONS; y++)
        for (size_t j = 0; j < points->d; j++)
            all[j] += centres.n[y] / (double)n * centres.at[y][j];
    for (int y = 0; y < N_EMOTIONS; y++)
        between += centres.n[y] * squared_distance(centres.at[y], all, points->d);
    for (size_t i = 0; i < n; i++)
        within += squared_distance(points->x + index[i] * points->d,
                                   centres.at[points->label[index[i]]], points->d);
    return within > 0 ? between / within : (double)NAN;
}

double cluster_davies_bouldin(const void *context, const uint32_t *index, size_t n)
{
    const struct points *points = context;
    struct centres centres;
    double spread[N_EMOTIONS] = {0}, sum = 0;
    find_centres(&centres, points, index, n);
    if (centres.n_classes < 2) return (double)NAN;
    for (size_t i = 0; i < n; i++) {
        const int y = points->label[index[i]];
        spread[y] +=
            sqrt(squared_distance(points->x + index[i] * points->d, centres.at[y], points->d)) /
            centres.n[y];
    }
    for (int y = 0; y < N_EMOTIONS; y++) {
        double worst = 0;
        for (int z = 0; z < N_EMOTIONS; z++) {
            if (z == y || centres.n[y] <= 0 || centres.n[z] <= 0) continue;
            const double apart = squared_distance(centres.at[y], centres.at[z], points->d);
            worst = fmax(worst, (spread[y] + spread[z]) / sqrt(apart));
        }
        sum += worst;
    }
    return sum / centres.n_classes;
}

static double silhouette_of(const struct points *points, size_t i, const double counts[N_EMOTIONS])
{
    double sum[N_EMOTIONS] = {0}, nearest = HUGE_VAL;
    const int own = points->label[i];
    for (size_t j = 0; j < points->n; j++)
        sum[points->label[j]] +=
            sqrt(squared_distance(points->x + i * points->d, points->x + j * points->d, points->d));
    for (int y = 0; y < N_EMOTIONS; y++)
        if (y != own && counts[y] > 0) nearest = fmin(nearest, sum[y] / counts[y]);
    if (counts[own] < 2) return 0;
    const double inside = sum[own] / (counts[own] - 1), larger = fmax(inside, nearest);
    return larger > 0 ? (nearest - inside) / larger : 0;
}

void cluster_silhouettes(double *silhouette, const struct points *points)
{
    double counts[N_EMOTIONS] = {0};
    int n_classes = 0;
    for (size_t i = 0; i < points->n; i++) counts[points->label[i]]++;
    for (int y = 0; y < N_EMOTIONS; y++) n_classes += counts[y] > 0;
    for (size_t i = 0; i < points->n; i++)
        silhouette[i] = n_classes < 2 ? (double)NAN : silhouette_of(points, i, counts);
}

/* A contingency table and its margins. */
struct table {
    double cell[N_EMOTIONS][N_EMOTIONS], row[N_EMOTIONS], column[N_EMOTIONS], n;
};

static struct table tabulate(const struct predictions *predictions, const uint32_t *index, size_t n)
{
    struct table table = {.n = (double)n};
    for (size_t i = 0; i < n; i++) {
        const int truth = predictions->truth[index[i]], told = predictions->told[index[i]];
        table.cell[truth][told]++;
        table.row[truth]++;
        table.column[told]++;
    }
    return table;
}

static double entropy(const double counts[N_EMOTIONS], double n)
{
    double sum = 0;
    for (int i = 0; i < N_EMOTIONS; i++)
        if (counts[i] > 0) sum -= counts[i] / n * log(counts[i] / n);
    return sum;
}

double cluster_nmi(const void *context, const uint32_t *index, size_t n)
{
    const struct table table = tabulate(context, index, n);
    const double mean = (entropy(table.row, table.n) + entropy(table.column, table.n)) / 2;
    double information = 0;
    for (int i = 0; i < N_EMOTIONS; i++)
        for (int j = 0; j < N_EMOTIONS; j++)
            if (table.cell[i][j] > 0)
                information += table.cell[i][j] / table.n *
                               log(table.n * table.cell[i][j] / (table.row[i] * table.column[j]));
    return mean > 0 ? information / mean : (double)NAN;
}

static double pairs(double n)
{
    return n * (n - 1) / 2;
}

double cluster_ari(const void *context, const uint32_t *index, size_t n)
{
    const struct table table = tabulate(context, index, n);
    double both = 0, row = 0, column = 0;
    for (int i = 0; i < N_EMOTIONS; i++) {
        row += pairs(table.row[i]);
        column += pairs(table.column[i]);
        for (int j = 0; j < N_EMOTIONS; j++) both += pairs(table.cell[i][j]);
    }
    const double expected = n > 1 ? row * column / pairs(table.n) : 0, most = (row + column) / 2;
    return most > expected ? (both - expected) / (most - expected) : (double)NAN;
}

/* The nearest points so far, nearest first. */
struct nearest_points {
    double distance[CLUSTER_NEIGHBOURS];
    int8_t label[CLUSTER_NEIGHBOURS];
    size_t n;
};

static void offer(struct nearest_points *nearest, double distance, int8_t label)
{
    size_t at = nearest->n;
    while (at > 0 && distance < nearest->distance[at - 1]) at--;
    if (at == CLUSTER_NEIGHBOURS) return;
    if (nearest->n < CLUSTER_NEIGHBOURS) nearest->n++;
    for (size_t i = nearest->n - 1; i > at; i--) {
        nearest->distance[i] = nearest->distance[i - 1];
        nearest->label[i] = nearest->label[i - 1];
    }
    nearest->distance[at] = distance;
    nearest->label[at] = label;
}

void cluster_neighbours(int8_t *told, const struct points *known, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct nearest_points nearest = {.n = 0};
        int votes[N_EMOTIONS] = {0};
        for (size_t j = 0; j < known->n; j++)
            offer(&nearest, squared_distance(x + i * known->d, known->x + j * known->d, known->d),
                  known->label[j]);
        for (size_t j = 0; j < nearest.n; j++) votes[nearest.label[j]]++;
        told[i] = 0;
        for (int8_t y = 1; y < N_EMOTIONS; y++)
            if (votes[y] > votes[told[i]]) told[i] = y;
    }
}
