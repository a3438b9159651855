/* Registers the suite's tests with CUnit, runs them, and turns failures into the exit code. */
#include "runner.h"

#include <CUnit/Basic.h>
#include <stdio.h>

#ifdef RUNNER_MPI
#include <mpi.h>
#endif

static unsigned run_suite(int loud)
{
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
    for (const struct suite_test *test = suite_tests; test->name; test++)
        CU_add_test(suite, test->name, test->run);
    if (loud) {
        CU_basic_set_mode(CU_BRM_NORMAL);
        CU_basic_run_tests();
    } else {
        CU_run_all_tests();
    }
    const unsigned failures = CU_get_number_of_failures() + CU_get_number_of_tests_failed();
    const unsigned none = CU_get_number_of_tests_run() == 0;
    if (!loud && failures) {
        for (CU_pFailureRecord f = CU_get_failure_list(); f; f = f->pNext)
            fprintf(stderr, "%s:%u: %s\n", f->strFileName, f->uiLineNumber, f->strCondition);
    }
    CU_cleanup_registry();
    return failures + none;
}

int main(int argc, char **argv)
{
    unsigned failures;
#ifdef RUNNER_MPI
    int rank, level;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    unsigned local = run_suite(rank == 0);
    MPI_Allreduce(&local, &failures, 1, MPI_UNSIGNED, MPI_SUM, MPI_COMM_WORLD);
    MPI_Finalize();
#else
    (void)argc;
    (void)argv;
    failures = run_suite(1);
#endif
    return failures != 0;
}
