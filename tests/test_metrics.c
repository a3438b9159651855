/* metrics: the lines, what a resumed run keeps, a full disk; progress. */
#define _GNU_SOURCE
#include "file.h"
#include "full_disk.h"
#include "metrics.h"
#include "progress.h"
#include "runner.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char *const path = TEST_BINARY_DIR "/test_metrics.jsonl";

static void expect(const char *want)
{
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(file_read(&bytes, &size, path, 1 << 20), OK);
    CU_ASSERT_EQUAL(size, strlen(want));
    CU_ASSERT(size == strlen(want) && memcmp(bytes, want, size) == 0);
    free(bytes);
}

/* Opens over the given text, appends step 9 and closes. */
static void resume(const char *before, int64_t last_step, const char *after)
{
    struct metrics *m;
    const struct metric values[] = {{"loss", 1.5}};
    CU_ASSERT_EQUAL_FATAL(file_write(path, before, strlen(before)), OK);
    CU_ASSERT_EQUAL_FATAL(metrics_open(&m, path, last_step), OK);
    CU_ASSERT_EQUAL(metrics_write(m, 9, values, 1), OK);
    metrics_close(m);
    expect(after);
    unlink(path);
}

static void writes_lines(void)
{
    struct metrics *m;
    const struct metric values[] = {
        {"loss", 0.1}, {"kl", (double)NAN}, {"gap", -(double)INFINITY}, {"big", 1.5e300}};
    unlink(path);
    CU_ASSERT_EQUAL_FATAL(metrics_open(&m, path, -1), OK);
    CU_ASSERT_EQUAL(metrics_write(m, 1, values, 4), OK);
    expect("{\"step\":1,\"loss\":0.1,\"kl\":null,\"gap\":null,\"big\":1.5e+300}\n");
    CU_ASSERT_EQUAL(metrics_write(m, 2, NULL, 0), OK);
    expect("{\"step\":1,\"loss\":0.1,\"kl\":null,\"gap\":null,\"big\":1.5e+300}\n{\"step\":2}\n");
    CU_ASSERT_EQUAL(metrics_lost(m), 0);
    metrics_close(m);
    unlink(path);
}

#define ONE "{\"step\":1,\"loss\":3}\n"
#define TWO "{\"step\":2,\"loss\":2}\n"
#define FIVE "{\"step\":5,\"loss\":1}\n"
#define NINE "{\"step\":9,\"loss\":1.5}\n"

static void cuts_on_resume(void)
{
    resume("", 3, NINE);
    resume(ONE TWO FIVE, 5, ONE TWO FIVE NINE);
    resume(ONE TWO FIVE, 4, ONE TWO NINE);
    resume(ONE TWO FIVE, 0, NINE);
    resume(ONE TWO FIVE, -1, NINE);
    resume(ONE TWO "{\"step\":3,\"lo", 8, ONE TWO NINE);
    resume(ONE TWO "{\"step\":3}", 8, ONE TWO NINE);
    resume(ONE "garbage\n" TWO FIVE, 2, ONE "garbage\n" TWO NINE);
    resume(ONE TWO "garbage\n", 8, ONE TWO NINE);
    resume(ONE "[3]\n{\"step\":\"x\"}\n" FIVE, 2, ONE NINE);
}

static void holds_long_lines(void)
{
    enum { N = 500 };
    static struct metric values[N];
    struct metrics *m;
    unsigned char *text;
    size_t size;
    for (int i = 0; i < N; i++)
        values[i] = (struct metric){"a_rather_long_name_of_a_loss_part", -1.23456789e-300};
    unlink(path);
    CU_ASSERT_EQUAL_FATAL(metrics_open(&m, path, -1), OK);
    CU_ASSERT_EQUAL(metrics_write(m, 1, values, N), OK);
    CU_ASSERT_EQUAL(metrics_write(m, 2, values, N), OK);
    metrics_close(m);
    CU_ASSERT_EQUAL_FATAL(file_read(&text, &size, path, 1 << 20), OK);
    CU_ASSERT_EQUAL(size, 2 * (strlen("{\"step\":1}\n") + N * (strlen(values[0].name) + 20)));
    free(text);
    CU_ASSERT_EQUAL_FATAL(metrics_open(&m, path, 1), OK);
    metrics_close(m);
    CU_ASSERT_EQUAL_FATAL(file_read(&text, &size, path, 1 << 20), OK);
    CU_ASSERT_EQUAL(size, strlen("{\"step\":1}\n") + N * (strlen(values[0].name) + 20));
    free(text);
    unlink(path);
}

static void reports_a_full_disk_once(void)
{
    struct metrics *m;
    const struct metric values[] = {{"loss", 3}};
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    unlink(path);
    CU_ASSERT_EQUAL_FATAL(metrics_open(&m, path, -1), OK);
    CU_ASSERT_EQUAL(metrics_write(m, 1, values, 1), OK);
    full_disk_at(strlen(ONE) + 5);
    CU_ASSERT_EQUAL(metrics_write(m, 2, values, 1), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "test_metrics.jsonl: step 2 lost: cannot"));
    CU_ASSERT_EQUAL(metrics_write(m, 3, values, 1), OK);
    expect(ONE);
    full_disk_at(RLIM_INFINITY);
    CU_ASSERT_EQUAL(metrics_write(m, 9, values, 1), OK);
    CU_ASSERT_EQUAL(metrics_lost(m), 2);
    metrics_close(m);
    expect(ONE "{\"step\":9,\"loss\":3}\n");
    signal(SIGXFSZ, old);
    unlink(path);
}

static void survives_faults(void)
{
    struct metrics *m = NULL;
    const struct metric values[] = {{"loss", 3}};
    for (long k = 1; k <= 2; k++) {
        status_fault_set(k);
        CU_ASSERT_EQUAL(metrics_open(&m, path, 0), FAILED);
        CU_ASSERT_PTR_NULL(m);
    }
    status_fault_set(0);
    CU_ASSERT_EQUAL_FATAL(metrics_open(&m, path, 0), OK);
    status_fault_set(1);
    CU_ASSERT_EQUAL(metrics_write(m, 1, values, 1), FAILED);
    status_fault_set(0);
    metrics_close(m);
    metrics_close(NULL);
    unlink(path);
    CU_ASSERT_EQUAL(metrics_open(&m, "/no/such/folder/m.jsonl", 0), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/no/such/folder/m.jsonl: cannot open"));
}

/* What a progress of the interval writes to a file in two updates and a note. */
static void rations(double interval, const char *want)
{
    struct progress p;
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    progress_init(&p, file, interval);
    progress_update(&p, "step %d", 1);
    progress_update(&p, "step %d", 2);
    progress_note(&p, "note");
    progress_fini(&p);
    fclose(file);
    expect(want);
    unlink(path);
}

static void progress_is_rationed(void)
{
    rations(3600, "step 1\nnote\n");
    rations(0, "step 1\nstep 2\nnote\n");
    struct progress silent;
    progress_init(&silent, NULL, 0);
    progress_update(&silent, "no");
    progress_note(&silent, "no");
    progress_fini(&silent);
}

static void progress_is_live_on_a_terminal(void)
{
    char text[256] = "";
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    CU_ASSERT_FATAL(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    FILE *terminal = fopen(ptsname(master), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(terminal);
    struct progress p;
    progress_init(&p, terminal, 3600);
    progress_update(&p, "%0200d", 1);
    progress_note(&p, "note");
    for (size_t n = 0; !strchr(text, '\n');) { /* the terminal may pass it on in parts */
        const ssize_t more = read(master, text + n, sizeof text - 1 - n);
        CU_ASSERT_FATAL(more > 0);
        n += (size_t)more;
    }
    CU_ASSERT_EQUAL(strncmp(text, "\r\033[K000", 7), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "0\r\033[Knote"));
    CU_ASSERT(strlen(text) < 100);
    progress_fini(&p);
    fclose(terminal);
    close(master);
}

const char *const suite_name = "metrics";
const struct suite_test suite_tests[] = {
    {"writes lines", writes_lines},
    {"cuts on resume", cuts_on_resume},
    {"holds long lines", holds_long_lines},
    {"reports a full disk once", reports_a_full_disk_once},
    {"survives faults", survives_faults},
    {"progress is rationed", progress_is_rationed},
    {"progress is live on a terminal", progress_is_live_on_a_terminal},
    {NULL, NULL},
};
