/* The section `discriminant`. */
#include "evaluate_discriminant.h"

#include "process_grid.h"

#include <math.h>
#include <string.h>

/* A segment's mixture coordinates, rhythm first. */
static void coordinates_of(double *x, const struct evaluate_latents *latents, size_t segment)
{
    for (int f = 0; f < N_FACTORS; f++)
        memcpy(x + (size_t)f * latents->mixed, latents->z[f] + segment * latents->latent,
               latents->mixed * sizeof *x);
}

enum status evaluate_discriminant_create(struct discriminant *axes,
                                         const struct evaluation *evaluation)
{
    enum status status = OK;
    const struct evaluate_latents *train = &evaluation->train;
    struct group *group = evaluation->group;
    const size_t d = N_FACTORS * train->mixed, size = (size_t)group_size(group);
    const size_t room = train->n_segments / size + 1;
    *axes = (struct discriminant){0};
    if (!process_grid_possible(group)) return OK;
    double *x = malloc(room * d * sizeof *x);
    int8_t *label = malloc(room);
    struct discriminant_rows rows = {x, label, 0, d, N_EMOTIONS};
    const bool failed = !x || !label || status_fault();
    TRY(group_agree(group, failed ? status_fail(FAILED, "no memory for %zu latents", room) : OK));
    for (size_t i = (size_t)group_rank(group); i < train->n_segments; i += size) {
        coordinates_of(x + rows.n * d, train, i);
        label[rows.n++] = evaluate_label(evaluation, train, i);
    }
    TRY(discriminant_create(axes, group, &rows, true));
done:
    free(x);
    free(label);
    return status;
}

/* Sums of the places along an axis by emotion. */
struct spread {
    double n[N_EMOTIONS], sum[N_EMOTIONS], squares;
};

/* The share of the variance along the axis that lies between emotions; NAN without any. */
static double share_between(const struct spread *spread)
{
    double n = 0, sum = 0, between = 0;
    for (int y = 0; y < N_EMOTIONS; y++) {
        n += spread->n[y];
        sum += spread->sum[y];
        if (spread->n[y] > 0) between += spread->sum[y] * spread->sum[y] / spread->n[y];
    }
    const double mean = n > 0 ? sum / n : 0;
    const double all = spread->squares - n * mean * mean;
    return all > 0 ? (between - n * mean * mean) / all : (double)NAN;
}

/* What the measured split's labelled segments show along each axis; *n gets their number. */
static enum status measure_held(const struct evaluation *evaluation, struct spread *spread,
                                size_t *n)
{
    enum status status = OK;
    const struct discriminant *axes = evaluation->discriminant;
    const struct evaluate_latents *held = &evaluation->held;
    double *x = malloc((axes->dimensions + axes->n_axes + 1) * sizeof *x);
    *n = 0; /* without axes nothing is looked at */
    if (!x || status_fault()) FAIL(FAILED, "no memory for a latent");
    double *y = x + axes->dimensions;
    for (size_t i = 0; i < held->n_segments && axes->n_axes > 0; i++) {
        const int8_t label = evaluate_label(evaluation, held, i);
        if (label < 0) continue;
        coordinates_of(x, held, i);
        discriminant_place(y, axes, x);
        ++*n;
        for (size_t a = 0; a < N_EMOTIONS - 1 && a < axes->n_axes; a++) {
            spread[a].n[label] += 1;
            spread[a].sum[label] += y[a];
            spread[a].squares += y[a] * y[a];
        }
    }
done:
    free(x);
    return status;
}

/* Adds {emotion, segments, place [x, y]} of each emotion that the axes were found with. */
static enum status add_centres(const struct evaluation *evaluation, json_t *list)
{
    enum status status = OK;
    const struct discriminant *axes = evaluation->discriminant;
    const struct evaluate_latents *train = &evaluation->train;
    double sum[N_EMOTIONS][2] = {0};
    size_t n[N_EMOTIONS] = {0};
    double *x = malloc((axes->dimensions + axes->n_axes + 1) * sizeof *x);
    if (!x || status_fault()) FAIL(FAILED, "no memory for a latent");
    double *y = x + axes->dimensions;
    for (size_t i = 0; i < train->n_segments && axes->n_axes > 1; i++) {
        const int8_t label = evaluate_label(evaluation, train, i);
        if (label < 0) continue;
        coordinates_of(x, train, i);
        discriminant_place(y, axes, x);
        for (int a = 0; a < 2; a++) sum[label][a] += y[a];
        n[label]++;
    }
    for (int e = 0; e < N_EMOTIONS; e++) {
        if (n[e] == 0) continue;
        const double count = (double)n[e];
        json_t *centre = json_pack("{s:s, s:I, s:[o, o]}", "emotion", emotion_names[e], "segments",
                                   (json_int_t)n[e], "place", evaluate_number(sum[e][0] / count),
                                   evaluate_number(sum[e][1] / count));
        if (json_array_append_new(list, centre) != 0) FAIL(FAILED, "no memory for the results");
    }
done:
    free(x);
    return status;
}

enum status evaluate_discriminant(const struct evaluation *evaluation, json_t *section)
{
    enum status status = OK;
    const struct discriminant *axes = evaluation->discriminant;
    struct spread spread[N_EMOTIONS - 1] = {0};
    json_t *list = json_array(), *centres = json_array();
    size_t n_held = 0;
    TRY(measure_held(evaluation, spread, &n_held));
    TRY(add_centres(evaluation, centres));
    for (size_t a = 0; a < N_EMOTIONS - 1 && a < axes->n_axes; a++)
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o}", "eigenvalue", evaluate_number(axes->value[a]),
                            "between", evaluate_number(axes->value[a] / (1 + axes->value[a])),
                            "held_out_between", evaluate_number(share_between(&spread[a]))));
    if (json_object_set_new(section, "training_segments", json_integer((json_int_t)axes->n_rows)) ||
        json_object_set_new(section, "held_out_segments", json_integer((json_int_t)n_held)) ||
        json_object_set(section, "axes", list) || json_object_set(section, "centres", centres))
        FAIL(FAILED, "no memory for the results");
done:
    json_decref(list);
    json_decref(centres);
    return status;
}
