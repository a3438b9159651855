/* trainer: the losses of 50 steps are those that this test was written with, on any number of
 * ranks. `PRINT_CURVE=1 test_train_curve` prints the table anew. */
#include "runner.h"
#include "train_group.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 50, EVERY = 5 };

/* Written by kernels whose curve was that of the reference - attention with materialised scores,
 * layers one operation at a time - within 4e-9, before the decoder's pitches counted from the
 * tonic; without the decorrelation and the fit's rule and weights that came later. */
static const double LOSSES[STEPS / EVERY] = {
    1113.26284, 940.028626, 924.981242, 839.908909, 1011.90349,
    997.721954, 933.666385, 1035.771,   1074.41888, 885.54352,
};

static void losses_stay_on_the_curve(void)
{
    const struct config config = make_config((const char *const[]){
        "train.steps=50", "objective.decorrelation=0", "fit.weak=0", "fit.unlabelled=1", NULL});
    const bool print = getenv("PRINT_CURVE") && group_rank(train_world()) == 0;
    struct trainer trainer;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    for (int i = 0; i < STEPS / EVERY; i++) {
        struct step_report report = {0};
        CU_ASSERT_EQUAL(train_steps(&trainer, EVERY, &report), OK);
        if (print) printf("%.9g,\n", report.loss);
        const double error = fabs(report.loss - LOSSES[i]) / LOSSES[i];
        if (!(error < 1e-5)) fprintf(stderr, "step %d: %.9g\n", (i + 1) * EVERY, report.loss);
        CU_ASSERT(error < 1e-5);
    }
    trainer_fini(&trainer);
}

const char *const suite_name = "train_curve";
const struct suite_test suite_tests[] = {
    {"losses stay on the curve", losses_stay_on_the_curve},
    {NULL, NULL},
};
