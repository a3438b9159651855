/* parameters: places, names, initial numbers. */
#include "numeric.h"
#include "parameters.h"

static struct parameters table;

static void build(void)
{
    CU_ASSERT_EQUAL_FATAL(parameters_init(&table), OK);
    CU_ASSERT_EQUAL(parameters_add(&table, 3, 5, INITIALIZE_NORMAL, 0.5, "%s/weight", "a"), 0);
    CU_ASSERT_EQUAL(parameters_add(&table, 1, 17, INITIALIZE_ONE, 0, "a/gain"), 16);
    CU_ASSERT_EQUAL(parameters_add(&table, 1, 16, INITIALIZE_ZERO, 0, "a/bias"), 48);
    CU_ASSERT_EQUAL(parameters_add(&table, 100, 80, INITIALIZE_NORMAL, 2, "b/%d/weight", 7), 64);
}

static void places_are_aligned(void)
{
    build();
    CU_ASSERT_EQUAL(table.n_tensors, 4);
    CU_ASSERT_EQUAL(table.count, 64 + 8000);
    CU_ASSERT_EQUAL(parameters_trained(&table), 15 + 17 + 16 + 8000);
    for (size_t i = 0; i < table.n_tensors; i++) CU_ASSERT_EQUAL(table.tensors[i].offset % 16, 0);
    parameters_fini(&table);
}

static void names_are_found(void)
{
    build();
    const struct tensor *tensor = parameters_find(&table, "b/7/weight");
    CU_ASSERT_PTR_NOT_NULL_FATAL(tensor);
    CU_ASSERT_EQUAL(tensor->rows, 100);
    CU_ASSERT_EQUAL(tensor->columns, 80);
    CU_ASSERT(tensor->decay);
    CU_ASSERT(!parameters_find(&table, "a/gain")->decay);
    CU_ASSERT(!parameters_find(&table, "a/bias")->decay);
    CU_ASSERT_PTR_NULL(parameters_find(&table, "b/7"));
    CU_ASSERT_PTR_NULL(parameters_find(&table, ""));
    parameters_fini(&table);
}

static void initial_numbers_are_keyed(void)
{
    enum { COUNT = 64 + 8000 };
    static real x[COUNT], y[COUNT], z[COUNT], want[8000];
    build();
    memset(x, 0xff, sizeof x);
    parameters_initialize(&table, x, 5);
    parameters_initialize(&table, y, 5);
    parameters_initialize(&table, z, 6);
    CU_ASSERT_EQUAL(memcmp(x, y, sizeof x), 0);
    CU_ASSERT_NOT_EQUAL(x[0], z[0]);
    CU_ASSERT_EQUAL(x[15], 0); /* padding */
    for (size_t i = 16; i < 33; i++) CU_ASSERT_EQUAL(x[i], 1);
    for (size_t i = 33; i < 64; i++) CU_ASSERT_EQUAL(x[i], 0);
    double square = 0;
    for (size_t i = 64; i < COUNT; i++) square += (double)x[i] * (double)x[i] / 8000;
    CU_ASSERT_DOUBLE_EQUAL(square, 4, 0.2);
    random_normals(want, 8000, 5, RANDOM_INITIALISE, 3, 0);
    for (size_t i = 0; i < 8000; i++) CU_ASSERT_EQUAL(x[64 + i], 2 * want[i]);
    parameters_fini(&table);
}

static void survives_faults(void)
{
    status_fault_set(1);
    CU_ASSERT_EQUAL(parameters_init(&table), FAILED);
    status_fault_set(0);
    parameters_fini(&table);
}

const char *const suite_name = "parameters";
const struct suite_test suite_tests[] = {
    {"places are aligned", places_are_aligned},
    {"names are found", names_are_found},
    {"initial numbers are keyed", initial_numbers_are_keyed},
    {"survives faults", survives_faults},
    {NULL, NULL},
};
