/**
 * The one CUnit runner.  A suite defines `suite_name` and `suite_tests` (ended by a zeroed entry)
 * and links the runner, which brings main.  Under MPI every rank runs every test; failures are
 * summed over ranks, and only rank 0 prints.  Around collective calls use the non-fatal CU_ASSERT
 * forms only: one rank that leaves early hangs the others.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include <CUnit/CUnit.h>

struct suite_test {
    const char *name;
    void (*run)(void);
};

extern const char *const suite_name;
extern const struct suite_test suite_tests[];

#endif
