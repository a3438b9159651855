/* patience: which validation is the best, when a run is over, and that a resumed run knows both. */
#include "patience.h"
#include "runner.h"

#include <math.h>

static struct validation_report report(double emotion, double label)
{
    return (struct validation_report){.emotion = emotion, .label = label, .n_pieces = 10};
}

static void the_best_is_accurate_then_sure(void)
{
    struct patience patience = {0};
    struct validation_report heard = report(0.5, 1.2);
    CU_ASSERT(patience_judge(&patience, 100, &heard));
    heard = report(0.5, 1.3);
    CU_ASSERT_FALSE(patience_judge(&patience, 200, &heard));
    heard = report(0.4, 0.1);
    CU_ASSERT_FALSE(patience_judge(&patience, 300, &heard));
    CU_ASSERT(patience.step == 100 && patience.waited == 2);
    heard = report(0.5, 1.1);
    CU_ASSERT(patience_judge(&patience, 400, &heard));
    CU_ASSERT(patience.step == 400 && patience.waited == 0);
    heard = report(0.6, 9);
    CU_ASSERT(patience_judge(&patience, 500, &heard));
    CU_ASSERT(patience.emotion == 0.6 && patience.label == 9);
}

/* Neither the first stage nor a corpus without labelled validation pieces uses patience up. */
static void unheard_emotions_do_not_count(void)
{
    struct patience patience = {0};
    struct validation_report heard = report((double)NAN, (double)NAN);
    CU_ASSERT_FALSE(patience_judge(&patience, 100, &heard));
    heard = report(0.5, 1);
    heard.n_pieces = 0;
    CU_ASSERT_FALSE(patience_judge(&patience, 200, &heard));
    CU_ASSERT(patience.step == 0 && patience.waited == 0);
}

static void ends_when_it_should(void)
{
    struct config config;
    struct patience patience = {.waited = 3};
    CU_ASSERT_EQUAL(config_init(&config, "tiny"), OK);
    config.train.patience = 0;
    CU_ASSERT_FALSE(patience_is_over(&patience, &config));
    config.train.patience = 4;
    CU_ASSERT_FALSE(patience_is_over(&patience, &config));
    config.train.patience = 3;
    CU_ASSERT(patience_is_over(&patience, &config));
}

const char *const suite_name = "patience";
const struct suite_test suite_tests[] = {
    {"the best is accurate, then sure", the_best_is_accurate_then_sure},
    {"unheard emotions do not count", unheard_emotions_do_not_count},
    {"ends when it should", ends_when_it_should},
    {NULL, NULL},
};
