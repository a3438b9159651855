/* trainer: the losses of 50 steps are those that the plain kernels gave when this test was written,
 * on any number of ranks.  `PRINT_CURVE=1 test_train_curve` prints the table anew. */
#include "runner.h"
#include "train_group.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 50, EVERY = 5 };

/* Written by the reference: attention with materialised scores, layers one operation at a time.
 * Those after the mixture fit, which comes at step 20, were written again when the fit began to
 * start along the discriminant's axes: they moved by at most 4e-5. */
static const double LOSSES[STEPS / EVERY] = {
    1106.98864, 934.500446, 910.780656, 805.208069, 922.81703,
    908.098393, 850.58799,  944.999966, 981.440811, 813.111906,
};

static void losses_stay_on_the_curve(void)
{
    const struct config config = make_config((const char *const[]){"train.steps=50", NULL});
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
