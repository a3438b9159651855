/* curves: what is read of a log, what is passed over, thinning. */
#define _GNU_SOURCE
#include "curves.h"
#include "file.h"
#include "runner.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const suite_name = "curves";

static char path[] = "/tmp/affekt_curves_XXXXXX";

static void makes_a_file(void)
{
    const int descriptor = mkstemp(path);
    CU_ASSERT_FATAL(descriptor >= 0);
    close(descriptor);
}

static void read_text(struct curves *curves, const char *text)
{
    CU_ASSERT_EQUAL(file_write(path, text, strlen(text)), OK);
    CU_ASSERT_EQUAL(curves_read(curves, path), OK);
}

static void reads_points_and_stages(void)
{
    struct curves curves;
    read_text(&curves, "{\"step\":1,\"loss\":9,\"kl\":0.5,\"stage\":1}\n"
                       "{\"step\":2,\"loss\":7,\"kl\":null,\"stage\":1}\n"
                       "{\"step\":2,\"validation_loss\":6.5,\"validation_emotion\":null}\n"
                       "{\"step\":3,\"loss\":8,\"kl\":2,\"stage\":3}\n"
                       "{\"step\":3,\"validation_loss\":6.25,\"validation_emotion\":0.5}");
    CU_ASSERT_EQUAL(curves.n_lines, 5);
    CU_ASSERT_EQUAL(curves.n_bad, 0);
    CU_ASSERT_EQUAL(curves.last_step, 3);
    CU_ASSERT_EQUAL(curves.curve[CURVE_LOSS].n, 3);
    CU_ASSERT_EQUAL(curves.curve[CURVE_KL].n, 2);
    CU_ASSERT_EQUAL(curves.curve[CURVE_KL].step[1], 3);
    CU_ASSERT_EQUAL(curves.curve[CURVE_EMOTION].n, 1);
    CU_ASSERT_EQUAL(curves.n_stages, 2);
    CU_ASSERT_EQUAL(curves.stage[1].step, 3);
    CU_ASSERT_EQUAL(curves.stage[1].stage, 3);
    CU_ASSERT_EQUAL(curve_best(&curves.curve[CURVE_LOSS], 1), 1);
    CU_ASSERT_EQUAL(curve_best(&curves.curve[CURVE_LOSS], -1), 0);
    CU_ASSERT_EQUAL(curve_best(&curves.curve[CURVE_RATE], 1), 0);
    curves_fini(&curves);
}

static void counts_what_it_passes_over(void)
{
    static const char *const LINES[] = {"nonsense",
                                        "[1]",
                                        "{\"loss\":1}",
                                        "{\"step\":-1,\"loss\":1}",
                                        "",
                                        "{\"step\"",
                                        "{\"step\":1.5}",
                                        "{\"step\":\"1\"}",
                                        "{\"step\":1,\"loss\":1e999}",
                                        "\xff"};
    enum { N = sizeof LINES / sizeof *LINES, LONG = CURVES_LINE + 10 };
    struct curves curves;
    char *text = calloc(1, LONG + 4096);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    strcpy(text,
           "{\"step\":4,\"loss\":2}\n{\"step\":5,\"loss\":\"3\"}\n{\"step\":6,\"loss\":1e300}\n");
    for (size_t i = 0; i < N; i++) sprintf(text + strlen(text), "%s\n", LINES[i]);
    char *end = text + strlen(text);
    memset(end, ' ', LONG);
    strcpy(end + LONG, "\n{\"step\":7,\"loss\":3}\n");
    read_text(&curves, text);
    CU_ASSERT_EQUAL(curves.n_lines, N + 5);
    CU_ASSERT_EQUAL(curves.n_bad, N + 1);
    CU_ASSERT_EQUAL(curves.curve[CURVE_LOSS].n, 2);
    CU_ASSERT_EQUAL(curves.curve[CURVE_LOSS].value[1], 3);
    CU_ASSERT_EQUAL(curves.last_step, 7);
    curves_fini(&curves);
    free(text);
}

static void thins_to_means(void)
{
    double step[7] = {1, 2, 3, 4, 5, 6, 7}, value[7] = {1, 3, 5, 7, 9, 11, 20}, x[4], y[4];
    const struct curve curve = {.step = step, .value = value, .n = 7};
    CU_ASSERT_EQUAL(curve_thin(x, y, &curve, 4), 4);
    CU_ASSERT_EQUAL(x[0], 1.5);
    CU_ASSERT_EQUAL(y[1], 6);
    CU_ASSERT_EQUAL(x[3], 7);
    CU_ASSERT_EQUAL(y[3], 20);
    CU_ASSERT_EQUAL(curve_thin(x, y, &curve, 1), 1);
    CU_ASSERT_DOUBLE_EQUAL(y[0], 8, 1e-12);
    CU_ASSERT_EQUAL(curve_thin(x, y, &(struct curve){.n = 0}, 4), 0);
}

static void refuses_what_is_no_file(void)
{
    struct curves curves;
    CU_ASSERT_EQUAL(curves_read(&curves, "/tmp"), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/tmp: not a regular file"));
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(curves_read(&curves, path), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "No such file"));
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
    CU_ASSERT_EQUAL(curves_read(&curves, path), FAILED); /* at once, though nobody writes */
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void short_memory_is_a_failure(void)
{
    struct curves curves;
    const char *text = "{\"step\":1,\"loss\":9,\"kl\":0.5}\n";
    CU_ASSERT_EQUAL(file_write(path, text, strlen(text)), OK);
    for (long k = 1; k <= 4; k++) {
        status_fault_set(k);
        CU_ASSERT_EQUAL(curves_read(&curves, path), FAILED);
        status_fault_set(0);
    }
    status_fault_set(5);
    CU_ASSERT_EQUAL(curves_read(&curves, path), OK);
    status_fault_set(0);
    curves_fini(&curves);
}

const struct suite_test suite_tests[] = {
    {"makes a file", makes_a_file},
    {"reads points and stages", reads_points_and_stages},
    {"counts what it passes over", counts_what_it_passes_over},
    {"thins to means", thins_to_means},
    {"short memory is a failure", short_memory_is_a_failure},
    {"refuses what is no file", refuses_what_is_no_file},
    {NULL, NULL},
};
