/* evaluate_leakage: what a latent tells of attributes, by coordinates that are in use alone. */
#include "evaluate_parts.h"
#include "random.h"
#include "runner.h"

#include <stdlib.h>
#include <string.h>

enum { SEGMENTS = 400, PIECES = 40, LATENT = 2 };

/* Segments whose rhythm attributes are all one drawn number and whose tonal ones another. */
static struct corpus_segment segments[SEGMENTS];
static uint32_t place[SEGMENTS], piece[SEGMENTS];
static double latents[N_FACTORS][SEGMENTS * LATENT];

/* The first coordinate of each latent is noise, the second its own kind's number, by `own`, and the
 * other's, by `other`. */
static void draw(double own, double other)
{
    for (uint32_t s = 0; s < SEGMENTS; s++) {
        real x[4];
        random_normals(x, 4, 7, RANDOM_LATENT, s, 0);
        for (int a = 0; a < N_ATTRIBUTES; a++)
            segments[s].attributes[a] = (float)x[a < ATTRIBUTE_MODE_MARGIN ? 0 : 1];
        for (int f = 0; f < N_FACTORS; f++) {
            latents[f][s * LATENT] = (double)x[2 + f];
            latents[f][s * LATENT + 1] = own * (double)x[f] + other * (double)x[1 - f];
        }
        place[s] = s;
        piece[s] = s % PIECES;
    }
}

static double figure(const json_t *section, const char *name)
{
    return json_number_value(json_object_get(json_object_get(section, name), "value"));
}

/* Half of the segments teach, all of them ask. */
static json_t *measure(void)
{
    static const struct evaluate_settings settings = {.seed = 1};
    struct evaluation evaluation = {.settings = &settings};
    struct evaluate_latents *held = &evaluation.held, *train = &evaluation.train;
    json_t *section = json_object();
    evaluation.corpus.segments = segments;
    *held = (struct evaluate_latents){.segment = place,
                                      .piece = piece,
                                      .n_segments = SEGMENTS,
                                      .n_pieces = PIECES,
                                      .latent = LATENT,
                                      .z = {latents[0], latents[1]}};
    *train = *held;
    train->n_segments = SEGMENTS / 2;
    CU_ASSERT_EQUAL(evaluate_leakage(&evaluation, section), OK);
    return section;
}

static void latents_tell_their_own(void)
{
    draw(1, 0);
    json_t *section = measure();
    CU_ASSERT(figure(section, "rhythm_from_rhythm_latent") > 0.99);
    CU_ASSERT(figure(section, "tonal_from_tonal_latent") > 0.99);
    CU_ASSERT(figure(section, "tonal_from_rhythm_latent") < 0.05);
    CU_ASSERT(figure(section, "rhythm_from_tonal_latent") < 0.05);
    CU_ASSERT(figure(section, "tonal_from_rhythm_attributes") < 0.05);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(section, "tonal_coordinates_in_use")), 2);
    json_decref(section);
}

static void what_leaks_is_seen(void)
{
    draw(0, 0.5);
    json_t *section = measure();
    CU_ASSERT(figure(section, "tonal_from_rhythm_latent") > 0.99);
    CU_ASSERT(figure(section, "rhythm_from_tonal_latent") > 0.99);
    CU_ASSERT(figure(section, "rhythm_from_rhythm_latent") < 0.05);
    json_decref(section);
}

/* A thousandth of the decoder's noise is nothing that could be read. */
static void silent_coordinates_tell_nothing(void)
{
    draw(0, 0.001);
    json_t *section = measure();
    CU_ASSERT(figure(section, "tonal_from_rhythm_latent") < 0.05);
    CU_ASSERT(figure(section, "rhythm_from_tonal_latent") < 0.05);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(section, "rhythm_coordinates_in_use")), 1);
    json_decref(section);
    memset(latents, 0, sizeof latents);
    section = measure();
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(section, "rhythm_coordinates_in_use")), 0);
    CU_ASSERT(figure(section, "rhythm_from_rhythm_latent") < 0.01);
    json_decref(section);
}

const char *const suite_name = "evaluate_leakage";
const struct suite_test suite_tests[] = {
    {"latents tell their own", latents_tell_their_own},
    {"what leaks is seen", what_leaks_is_seen},
    {"silent coordinates tell nothing", silent_coordinates_tell_nothing},
    {NULL, NULL},
};
