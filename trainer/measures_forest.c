/* Trees grown breadth first. */
#include "measures_forest.h"

#include "random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One row as a node's feature sees it. */
struct ranked {
    double value;
    int8_t label;
};

/* A tree in the making. */
struct growth {
    const struct logistic_rows *rows;
    double *x;             /* (n, n_features) without NAN */
    uint32_t *drawn;       /* (n) rows of the bootstrap, those of a node side by side */
    uint32_t *features;    /* (n_features) in a drawn order */
    struct ranked *ranked; /* (n) */
    double *votes;         /* (n, N_EMOTIONS) of the trees that did not draw a row */
    bool *seen;            /* (n) drawn by the current tree */
    uint64_t seed, tree;
};

/* The best split of a node so far. */
struct split_choice {
    double purity; /* sum over both sides of sum_y count^2 / n; larger is purer; 0: none yet */
    double threshold;
    uint32_t feature;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

static double purity(const double count[N_EMOTIONS], double n)
{
    double sum = 0;
    for (int y = 0; y < N_EMOTIONS; y++) sum += count[y] * count[y];
    return sum / n;
}

/* Tries every threshold of one feature; false when it does not vary. */
static bool try_feature(struct split_choice *best, struct growth *growth,
                        const struct forest_node *node, uint32_t feature)
{
    double below[N_EMOTIONS] = {0}, above[N_EMOTIONS] = {0};
    struct ranked *ranked = growth->ranked;
    for (size_t i = 0; i < node->n; i++) {
        const uint32_t row = growth->drawn[node->first + i];
        ranked[i].value = growth->x[row * growth->rows->n_features + feature];
        ranked[i].label = growth->rows->label[row];
        above[ranked[i].label]++;
    }
    qsort(ranked, node->n, sizeof *ranked, by_value);
    if (!(ranked[0].value < ranked[node->n - 1].value)) return false;
    for (size_t i = 0; i + 1 < node->n; i++) {
        below[ranked[i].label]++;
        above[ranked[i].label]--;
        if (!(ranked[i].value < ranked[i + 1].value)) continue;
        const double reached =
            purity(below, (double)(i + 1)) + purity(above, (double)(node->n - i - 1));
        if (reached <= best->purity) continue;
        const double middle = ranked[i].value + (ranked[i + 1].value - ranked[i].value) / 2;
        const bool apart = middle < ranked[i + 1].value; /* neighbouring numbers have no middle */
        *best = (struct split_choice){reached, apart ? middle : ranked[i].value, feature};
    }
    return true;
}

static struct split_choice choose_split(struct growth *growth, const struct forest_node *node,
                                        uint32_t number)
{
    const uint32_t n = (uint32_t)growth->rows->n_features;
    const uint32_t wanted = (uint32_t)sqrt((double)n);
    uint32_t varying = 0;
    struct split_choice best = {0};
    for (uint32_t f = 0; f < n; f++) growth->features[f] = f;
    for (uint32_t f = 0; f < n && (f < wanted || varying == 0); f++) {
        const uint32_t from =
            f + random_below(n - f, growth->seed, RANDOM_FOREST, growth->tree, number + 1, f);
        const uint32_t feature = growth->features[from];
        growth->features[from] = growth->features[f];
        growth->features[f] = feature;
        varying += try_feature(&best, growth, node, feature);
    }
    return best;
}

static void count_shares(struct forest_node *node, const struct growth *growth)
{
    for (size_t i = 0; i < node->n; i++)
        node->share[growth->rows->label[growth->drawn[node->first + i]]] += 1;
    for (int y = 0; y < N_EMOTIONS; y++) node->share[y] /= (float)node->n;
}

static bool is_pure(const struct forest_node *node)
{
    for (int y = 0; y < N_EMOTIONS; y++)
        if (node->share[y] >= 1) return true;
    return false;
}

/* Brings the rows up to the threshold to the front; returns their number. */
static uint32_t part_rows(struct growth *growth, const struct forest_node *node,
                          const struct split_choice *split)
{
    uint32_t *rows = growth->drawn + node->first, n = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        const uint32_t row = rows[i];
        if (growth->x[row * growth->rows->n_features + split->feature] > split->threshold) continue;
        rows[i] = rows[n];
        rows[n++] = row;
    }
    return n;
}

static enum status make_room(struct forest *forest, size_t n)
{
    if (forest->n_nodes + n <= forest->room) return OK;
    const size_t room = 2 * (forest->room + n);
    struct forest_node *nodes = NULL;
    if (room <= UINT32_MAX && !status_fault()) nodes = realloc(forest->nodes, room * sizeof *nodes);
    if (!nodes) return status_fail(FAILED, "no memory for a forest of %zu nodes", room);
    forest->nodes = nodes;
    forest->room = room;
    return OK;
}

/* Splits a node whose rows differ in emotion and in some feature. */
static enum status grow_node(struct forest *forest, struct growth *growth, uint32_t at)
{
    enum status status = OK;
    TRY(make_room(forest, 2));
    struct forest_node *node = &forest->nodes[at];
    if (is_pure(node)) goto done;
    const struct split_choice split = choose_split(growth, node, at - forest->root[growth->tree]);
    if (split.purity <= 0) goto done;
    const uint32_t n = part_rows(growth, node, &split);
    node->threshold = split.threshold;
    node->feature = split.feature;
    node->child = (uint32_t)forest->n_nodes;
    struct forest_node *child = node + (node->child - at);
    child[0] = (struct forest_node){.first = node->first, .n = n};
    child[1] = (struct forest_node){.first = node->first + n, .n = node->n - n};
    for (int i = 0; i < 2; i++) count_shares(&child[i], growth);
    forest->n_nodes += 2;
done:
    return status;
}

static const struct forest_node *leaf_of(const struct forest *forest, size_t tree, const double *x)
{
    const struct forest_node *node = &forest->nodes[forest->root[tree]];
    while (node->child) {
        const double value =
            isnan(x[node->feature]) ? forest->mean[node->feature] : x[node->feature];
        node = &forest->nodes[node->child + (value > node->threshold)];
    }
    return node;
}

static enum status grow_tree(struct forest *forest, struct growth *growth)
{
    enum status status = OK;
    const uint32_t n = (uint32_t)growth->rows->n;
    memset(growth->seen, 0, n * sizeof *growth->seen);
    for (uint32_t i = 0; i < n; i++) {
        growth->drawn[i] = random_below(n, growth->seed, RANDOM_FOREST, growth->tree, 0, i);
        growth->seen[growth->drawn[i]] = true;
    }
    TRY(make_room(forest, 1));
    forest->root[growth->tree] = (uint32_t)forest->n_nodes;
    forest->nodes[forest->n_nodes] = (struct forest_node){.n = n};
    count_shares(&forest->nodes[forest->n_nodes++], growth);
    for (size_t at = forest->root[growth->tree]; at < forest->n_nodes; at++)
        TRY(grow_node(forest, growth, (uint32_t)at));
    for (size_t i = 0; i < n; i++) {
        if (growth->seen[i]) continue;
        const double *x = growth->x + i * growth->rows->n_features;
        const struct forest_node *leaf = leaf_of(forest, growth->tree, x);
        for (size_t y = 0; y < N_EMOTIONS; y++)
            growth->votes[i * N_EMOTIONS + y] += (double)leaf->share[y];
    }
done:
    return status;
}

static int8_t likeliest(const double p[N_EMOTIONS])
{
    int8_t best = 0;
    for (int8_t y = 1; y < N_EMOTIONS; y++)
        if (p[y] > p[best]) best = y;
    return best;
}

static double out_of_bag(const struct growth *growth)
{
    double n = 0, right = 0;
    for (size_t i = 0; i < growth->rows->n; i++) {
        const double *votes = growth->votes + i * N_EMOTIONS;
        const int8_t told = likeliest(votes);
        if (!(votes[told] > 0)) continue; /* every tree drew it */
        n++;
        right += told == growth->rows->label[i];
    }
    return n > 0 ? right / n : (double)NAN;
}

static enum status growth_init(struct growth *growth, const struct forest *forest)
{
    const size_t n = growth->rows->n, width = growth->rows->n_features;
    growth->x = malloc((n * width + 1) * sizeof *growth->x);
    growth->drawn = malloc(n * sizeof *growth->drawn);
    growth->features = malloc((width + 1) * sizeof *growth->features);
    growth->ranked = malloc(n * sizeof *growth->ranked);
    growth->votes = calloc(n * N_EMOTIONS, sizeof *growth->votes);
    growth->seen = malloc(n * sizeof *growth->seen);
    if (!growth->x || !growth->drawn || !growth->features || !growth->ranked || !growth->votes ||
        !growth->seen || status_fault())
        return status_fail(FAILED, "no memory for a forest over %zu pieces", n);
    for (size_t i = 0; i < n * width; i++)
        growth->x[i] = isnan(growth->rows->x[i]) ? forest->mean[i % width] : growth->rows->x[i];
    return OK;
}

static void growth_fini(struct growth *growth)
{
    free(growth->x);
    free(growth->drawn);
    free(growth->features);
    free(growth->ranked);
    free(growth->votes);
    free(growth->seen);
}

static enum status forest_init(struct forest *forest, const struct logistic_rows *rows)
{
    const size_t n = rows->n_features;
    *forest = (struct forest){.n_features = n};
    if (rows->n == 0) return status_fail(FAILED, "no labelled piece to learn from");
    forest->mean = malloc((2 * n + 1) * sizeof *forest->mean);
    if (!forest->mean || status_fault())
        return status_fail(FAILED, "no memory for a forest of %zu features", n);
    struct scale scale = {n, forest->mean, forest->mean + n};
    scale_measure(&scale, rows->x, rows->n);
    return OK;
}

enum status forest_fit(struct forest *forest, const struct logistic_rows *rows, uint64_t seed)
{
    enum status status = OK;
    struct growth growth = {.rows = rows, .seed = seed};
    TRY(forest_init(forest, rows));
    TRY(growth_init(&growth, forest));
    for (; growth.tree < FOREST_TREES; growth.tree++) TRY(grow_tree(forest, &growth));
    forest->out_of_bag = out_of_bag(&growth);
done:
    growth_fini(&growth);
    if (status != OK) forest_fini(forest);
    return status;
}

void forest_fini(struct forest *forest)
{
    free(forest->mean);
    free(forest->nodes);
    *forest = (struct forest){0};
}

void forest_p(const struct forest *forest, const double *x, double p[N_EMOTIONS])
{
    for (int y = 0; y < N_EMOTIONS; y++) p[y] = 0;
    for (size_t t = 0; t < FOREST_TREES; t++) {
        const struct forest_node *leaf = leaf_of(forest, t, x);
        for (int y = 0; y < N_EMOTIONS; y++) p[y] += (double)leaf->share[y] / FOREST_TREES;
    }
}

void forest_tell(const struct forest *forest, const double *x, size_t n, int8_t *told)
{
    for (size_t i = 0; i < n; i++) {
        double p[N_EMOTIONS];
        forest_p(forest, x + i * forest->n_features, p);
        told[i] = likeliest(p);
    }
}
