/* fit: which segments it uses, what labels, rule and mixture tell of their emotions. */
#include "emotion.h"
#include "fit.h"
#include "runner.h"
#include "train_group.h"
#include "weak_label.h"

#include <math.h>
#include <string.h>

enum { MOST_NUMBERS = 1024 };

/* A fitted mixture: means, variances, weights. */
struct fitted {
    real numbers[MOST_NUMBERS];
    size_t n;
    int64_t n_ruled[N_EMOTIONS];
};

/* The mixture after a fit at the start. */
static void fit_on(struct fitted *fitted, const struct corpus *corpus, const char *const *options)
{
    const struct config config = make_config(options);
    struct trainer trainer;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), corpus, &config), OK);
    CU_ASSERT_EQUAL(fit_mixture(&trainer), OK);
    fitted->n = trainer.vae.end_mixture - trainer.vae.first_mixture;
    CU_ASSERT(fitted->n <= MOST_NUMBERS);
    memcpy(fitted->numbers, trainer.theta + trainer.vae.first_mixture,
           fitted->n * sizeof *fitted->numbers);
    CU_ASSERT(train_equal(fitted->numbers, fitted->n * sizeof *fitted->numbers));
    memcpy(fitted->n_ruled, trainer.n_ruled, sizeof fitted->n_ruled);
    trainer_fini(&trainer);
}

/* The largest difference of two numbers of the same place. */
static double difference(const struct fitted *a, const struct fitted *b)
{
    double most = 0;
    CU_ASSERT_EQUAL(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        most = fmax(most, fabs((double)a->numbers[i] - (double)b->numbers[i]));
    return most;
}

/* Labelled segments come first: where they fill the fit, other pieces do not change it. */
static void labelled_segments_come_first(void)
{
    static const char *const options[] = {"fit.segments=16", NULL};
    struct made_corpus few = make_corpus(20, 8), many = make_corpus(20, 80);
    struct fitted a, b;
    fit_on(&a, &few.corpus, options);
    fit_on(&b, &many.corpus, options);
    CU_ASSERT_EQUAL(difference(&a, &b), 0);
    make_corpus_free(&few);
    make_corpus_free(&many);
}

/* A label that training may not see is none for the fit either. */
static void no_hidden_label_is_seen(void)
{
    static const char *const hidden[] = {"data.label_fraction=0", NULL};
    struct made_corpus labelled = make_corpus(40, 0), bare = make_corpus(0, 40);
    struct fitted a, b;
    fit_on(&a, &labelled.corpus, hidden);
    fit_on(&b, &bare.corpus, hidden);
    CU_ASSERT_EQUAL(difference(&a, &b), 0);
    fit_on(&a, &labelled.corpus, NULL);
    CU_ASSERT(difference(&a, &b) > 0.01);
    make_corpus_free(&labelled);
    make_corpus_free(&bare);
}

/* Labels training pieces as the rule does.  Those whose segments it tells apart leave the split;
 * returns how many did, since the rule depends on the split's means. */
static size_t label_by_rule(struct made_corpus *made, bool label)
{
    const struct config config = make_config(NULL);
    struct standard standard;
    size_t n = 0, left = 0;
    collate_standard(&standard, &made->corpus, &config);
    for (size_t i = 0; i < made->corpus.n_pieces; i++) {
        struct corpus_piece *piece = &made->pieces[i];
        const struct corpus_segment *segments = made->segments + piece->first_segment;
        const int8_t told = weak_label(segments[0].attributes, &standard);
        bool agree = true;
        if (piece->split != SPLIT_TRAIN) continue;
        for (uint32_t s = 1; s < piece->n_segments; s++)
            agree = agree && weak_label(segments[s].attributes, &standard) == told;
        if (!agree) piece->split = SPLIT_TEST;
        if (label) piece->label = told;
        n += agree;
        left += !agree;
    }
    CU_ASSERT(n >= 12);
    return left;
}

/* Without labels the rule's segments place the components, as if listeners had said the same. */
static void the_rule_labels_what_nobody_did(void)
{
    static const char *const by_rule[] = {"fit.weak=1e6", "fit.unlabelled=0", NULL};
    static const char *const by_label[] = {"fit.weak=0", "fit.unlabelled=0", NULL};
    struct made_corpus bare = make_corpus(0, 60), labelled = make_corpus(60, 0);
    struct fitted a, b;
    while (label_by_rule(&bare, false) > 0) continue;
    while (label_by_rule(&labelled, true) > 0) continue;
    fit_on(&a, &bare.corpus, by_rule);
    fit_on(&b, &labelled.corpus, by_label);
    CU_ASSERT(difference(&a, &b) < 1e-5);
    for (int y = 0; y < N_EMOTIONS; y++) {
        int64_t n = 0;
        for (size_t i = 0; i < labelled.corpus.n_pieces; i++)
            if (labelled.pieces[i].split == SPLIT_TRAIN && labelled.pieces[i].label == y)
                n += labelled.pieces[i].n_segments;
        CU_ASSERT_EQUAL(a.n_ruled[y], n);
        CU_ASSERT_EQUAL(b.n_ruled[y], 0);
    }
    make_corpus_free(&bare);
    make_corpus_free(&labelled);
}

/* The rule and the unlabelled weigh no more than they are allowed to. */
static void weights_are_kept(void)
{
    static const char *const alone[] = {"fit.weak=0", "fit.unlabelled=0", NULL};
    static const char *const little[] = {"fit.weak=1e-6", "fit.unlabelled=1e-6", NULL};
    static const char *const rule[] = {"fit.weak=10", "fit.unlabelled=0", NULL};
    static const char *const unlabelled[] = {"fit.weak=0", "fit.unlabelled=1", NULL};
    struct fitted a, b;
    fit_on(&a, train_corpus(), alone);
    fit_on(&b, train_corpus(), little);
    CU_ASSERT(difference(&a, &b) < 1e-4);
    fit_on(&b, train_corpus(), rule);
    CU_ASSERT(difference(&a, &b) > 0.01);
    fit_on(&b, train_corpus(), unlabelled);
    CU_ASSERT(difference(&a, &b) > 0.01);
}

/* Attributes at the mean but for those that are set, in deviations. */
struct heard {
    double rate, length, velocity, mode;
    int emotion;
};

static void the_rule_is_that_of_the_literature(void)
{
    static const struct heard CASES[] = {
        {1, -1, 1, 1, EMOTION_HAPPY},          {1, -1, 1, -1, EMOTION_TENSE},
        {-1, 1, -1, -1, EMOTION_SAD},          {-1, 1, -1, 1, EMOTION_CALM},
        {1.5, 1, 0, 1, EMOTION_HAPPY},         {0.5, 1, 0, 1, EMOTION_CALM},
        {-1, 0, 1.5, -1, EMOTION_TENSE},       {(double)NAN, -1, (double)NAN, 1, EMOTION_HAPPY},
        {(double)NAN, 1, -1, -1, EMOTION_SAD},
    };
    struct standard standard;
    for (int a = 0; a < N_ATTRIBUTES; a++) {
        standard.mean[a] = 3 + a;
        standard.deviation[a] = 0.5 + a;
    }
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        double z[N_ATTRIBUTES] = {0};
        float attributes[N_ATTRIBUTES];
        z[ATTRIBUTE_NOTE_RATE] = CASES[i].rate;
        z[ATTRIBUTE_NOTE_LENGTH] = CASES[i].length;
        z[ATTRIBUTE_VELOCITY] = CASES[i].velocity;
        z[ATTRIBUTE_MODE_MARGIN] = CASES[i].mode;
        for (int a = 0; a < N_ATTRIBUTES; a++)
            attributes[a] = (float)(standard.mean[a] + z[a] * standard.deviation[a]);
        CU_ASSERT_EQUAL(weak_label(attributes, &standard), CASES[i].emotion);
    }
}

const char *const suite_name = "fit";
const struct suite_test suite_tests[] = {
    {"labelled segments come first", labelled_segments_come_first},
    {"no hidden label is seen", no_hidden_label_is_seen},
    {"the rule labels what nobody did", the_rule_labels_what_nobody_did},
    {"weights are kept", weights_are_kept},
    {"the rule is that of the literature", the_rule_is_that_of_the_literature},
    {NULL, NULL},
};
