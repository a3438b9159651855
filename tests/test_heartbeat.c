/* heartbeat: lines written and read again, and every verdict on them. */
#define _GNU_SOURCE
#include "heartbeat.h"
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 4 };

static char path[64];
static struct heartbeat files[N];

static void begin(void)
{
    strcpy(path, "/tmp/affekt-beat-XXXXXX");
    const int descriptor = mkstemp(path);
    CU_ASSERT_FATAL(descriptor >= 0);
    close(descriptor);
    for (int i = 0; i < N; i++) CU_ASSERT_EQUAL(heartbeat_open(&files[i], path, i), OK);
}

static void end(void)
{
    for (int i = 0; i < N; i++) heartbeat_close(&files[i]);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static struct beat beat_of(int rank)
{
    return (struct beat){.rank = rank,
                         .phase = PHASE_REDUCE_WAIT,
                         .step = 1000000007,
                         .beats = 12,
                         .still = 2.5,
                         .pid = 4194304,
                         .host = 0xfedcba9876543210};
}

static void reads_what_was_written(void)
{
    struct beat beats[N];
    begin();
    for (int i = N - 1; i >= 0; i--) {
        struct beat beat = beat_of(i);
        beat.traced = i == 2;
        heartbeat_write(&files[i], &beat);
        heartbeat_flush(&files[i]);
    }
    heartbeat_read(path, beats, N);
    for (int i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(beats[i].rank, i);
        CU_ASSERT_EQUAL(beats[i].phase, PHASE_REDUCE_WAIT);
        CU_ASSERT_EQUAL(beats[i].step, 1000000007);
        CU_ASSERT_EQUAL(beats[i].beats, 12);
        CU_ASSERT_EQUAL(beats[i].still, 2.5);
        CU_ASSERT_EQUAL(beats[i].pid, 4194304);
        CU_ASSERT_EQUAL(beats[i].host, 0xfedcba9876543210);
        CU_ASSERT_EQUAL(beats[i].traced, i == 2);
    }
    end();
}

static void knows_what_is_not_there(void)
{
    struct beat beats[N];
    begin();
    heartbeat_read(path, beats, N);
    for (int i = 0; i < N; i++) CU_ASSERT_EQUAL(beats[i].rank, -1);
    struct beat beat = beat_of(1);
    heartbeat_write(&files[1], &beat);
    beat.rank = 2;
    heartbeat_write(&files[2], &beat);
    CU_ASSERT_EQUAL(truncate(path, 3 * HEARTBEAT_LINE - 1), 0);
    heartbeat_read(path, beats, N);
    CU_ASSERT_EQUAL(beats[0].rank, -1); /* zeros */
    CU_ASSERT_EQUAL(beats[1].rank, 1);
    CU_ASSERT_EQUAL(beats[2].rank, -1); /* torn */
    CU_ASSERT_EQUAL(beats[3].rank, -1);
    heartbeat_read("/nowhere/heartbeat", beats, N);
    CU_ASSERT_EQUAL(beats[1].rank, -1);
    end();
}

static void refuses_what_it_cannot_open(void)
{
    struct heartbeat closed;
    const struct beat beat = beat_of(0);
    CU_ASSERT_EQUAL(heartbeat_open(&closed, "/nowhere/heartbeat", 0), FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/nowhere/heartbeat: cannot open"));
    heartbeat_write(&closed, &beat); /* left out */
    heartbeat_flush(&closed);
    heartbeat_close(&closed);
}

/* Four ranks that beat; rank 0 has waited for 31 s. */
static struct beat before[N], now[N];
static char message[STATUS_MESSAGE_SIZE];

static struct heartbeat_case healthy(void)
{
    for (int i = 0; i < N; i++) {
        before[i] = (struct beat){.rank = i, .phase = PHASE_SHARE, .step = 7, .beats = 100};
        now[i] = before[i];
        now[i].beats = 130;
        now[i].still = 31;
        now[i].host = (uint64_t)i / 2;
    }
    return (struct heartbeat_case){before, now, N, 0, 30};
}

static int says(const struct heartbeat_case *the, const char *want)
{
    strcpy(message, "nothing");
    const bool verdict = heartbeat_judge(the, message);
    if (verdict != (want != NULL) || (want && strcmp(message, want) != 0)) {
        printf("  said: %s\n", message);
        return 0;
    }
    return 1;
}

static void names_a_lost_rank(void)
{
    const struct heartbeat_case the = healthy();
    now[2].beats = before[2].beats;
    now[2].phase = PHASE_DECODE;
    now[2].step = 6;
    CU_ASSERT_EQUAL(heartbeat_lost(&the), 2);
    CU_ASSERT(says(
        &the,
        "rank 2 has given no sign of life for 31 s, at step 7: last seen in the "
        "decoding of its batch of step 6; this rank is in the exchange of latents and losses"));
    now[0].phase = PHASE_SAVE; /* whatever this rank does */
    CU_ASSERT(says(&the, "rank 2 has given no sign of life for 31 s, at step 7: last seen in the "
                         "decoding of its batch of step 6; this rank is in a save"));
}

static void names_a_rank_that_computes_without_end(void)
{
    struct heartbeat_case the = healthy();
    now[3].phase = PHASE_ENCODE;
    now[3].still = 30.5;
    CU_ASSERT(
        says(&the, "rank 3 does not get on: for 30 s at step 7, in the encoding of its batch"));
    the.self = 3;
    CU_ASSERT(says(&the, "does not get on: for 30 s at step 7, in the encoding of its batch"));
    the.self = 0;
    now[3].still = 29; /* it is slow, and not yet overdue */
    CU_ASSERT(says(&the, NULL));
}

static void waits_for_slow_phases_and_debuggers(void)
{
    static const enum phase SLOW[] = {PHASE_START, PHASE_FIT, PHASE_VALIDATE, PHASE_SAVE,
                                      PHASE_END};
    for (size_t i = 0; i < sizeof SLOW / sizeof *SLOW; i++) {
        const struct heartbeat_case the = healthy();
        now[1].phase = SLOW[i];
        now[1].still = 1e5;
        CU_ASSERT(says(&the, NULL));
        now[0].phase = SLOW[i];
        CU_ASSERT(says(&the, NULL));
    }
    const struct heartbeat_case the = healthy();
    now[1].beats = before[1].beats;
    now[1].traced = true;
    CU_ASSERT(says(&the, NULL));
    now[1].phase = PHASE_UPDATE;
    now[1].still = 1e5;
    CU_ASSERT(says(&the, NULL));
    now[2].beats = before[2].beats; /* another one is held by nobody */
    CU_ASSERT_EQUAL(heartbeat_lost(&the), 2);
}

static void says_what_it_cannot_know(void)
{
    const struct heartbeat_case the = healthy();
    CU_ASSERT(says(
        &the,
        "waits for 31 s at step 7, in the exchange of latents and losses: so do all ranks, and "
        "MPI delivers nothing"));
    now[2].rank = -1;
    CU_ASSERT(
        says(&the,
             "waits for 31 s at step 7, in the exchange of latents and losses: which rank it waits "
             "for is not known, since the heartbeat file does not tell of all"));
}

/* One rank tells of a lost one, unless the lost one's node has a witness. */
static void one_rank_speaks(void)
{
    struct heartbeat_case the = healthy();
    now[2].beats = before[2].beats;
    for (the.self = 0; the.self < N; the.self++) CU_ASSERT_FALSE(heartbeat_speaks(&the, 2));
    now[3].beats = before[3].beats;
    for (the.self = 0; the.self < 2; the.self++)
        CU_ASSERT_EQUAL(heartbeat_speaks(&the, 2), the.self == 0);
    now[0].beats = before[0].beats;
    the.self = 1;
    CU_ASSERT(heartbeat_speaks(&the, 2));
}

const char *const suite_name = "heartbeat";
const struct suite_test suite_tests[] = {
    {"reads what was written", reads_what_was_written},
    {"knows what is not there", knows_what_is_not_there},
    {"refuses what it cannot open", refuses_what_it_cannot_open},
    {"names a lost rank", names_a_lost_rank},
    {"names a rank that computes without end", names_a_rank_that_computes_without_end},
    {"waits for slow phases and debuggers", waits_for_slow_phases_and_debuggers},
    {"says what it cannot know", says_what_it_cannot_know},
    {"one rank speaks", one_rank_speaks},
    {NULL, NULL},
};
