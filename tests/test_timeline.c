/* timeline: sums, nesting, what a trace of 1 to 4 ranks holds and how much of a long run. */
#define _GNU_SOURCE
#include "file.h"
#include "runner.h"
#include "stop.h"
#include "train_group.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static int leads(void)
{
    return group_rank(train_world()) == 0;
}

/* The events of a trace; NULL, and a failure, unless it is an array of complete events. */
static json_t *read_trace(const char *path)
{
    json_error_t error;
    json_t *trace = json_load_file(path, 0, &error);
    size_t i, wrong = 0;
    json_t *event;
    CU_ASSERT(json_is_array(trace) && json_array_size(trace) > 0);
    json_array_foreach(trace, i, event)
    {
        const char *kind = json_string_value(json_object_get(event, "ph"));
        wrong += !kind || strcmp(kind, "X") != 0;
        wrong += !(json_number_value(json_object_get(event, "ts")) >= 0);
        wrong += !(json_number_value(json_object_get(event, "dur")) >= 0);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    return trace;
}

struct seen {
    const char *name;
    int lane, process;
    json_int_t step;
    double start, end; /* microseconds */
};

static struct seen look(const json_t *trace, size_t i)
{
    const json_t *event = json_array_get(trace, i);
    const double start = json_number_value(json_object_get(event, "ts"));
    return (struct seen){
        .name = json_string_value(json_object_get(event, "name")),
        .lane = (int)json_integer_value(json_object_get(event, "tid")),
        .process = (int)json_integer_value(json_object_get(event, "pid")),
        .step = json_integer_value(json_object_get(json_object_get(event, "args"), "step")),
        .start = start,
        .end = start + json_number_value(json_object_get(event, "dur"))};
}

/* Events of that name in a lane, all steps. */
static size_t count(const json_t *trace, const char *name, int lane)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(trace); i++) {
        const struct seen event = look(trace, i);
        n += strcmp(event.name, name) == 0 && event.lane == lane;
    }
    return n;
}

/* Two phases of a lane are apart, or one lies in the other; those of a step lie in the step. */
static size_t badly_nested(const json_t *trace)
{
    static const double ROUNDING = 0.002; /* microseconds: times are written with 3 digits */
    size_t wrong = 0;
    for (size_t i = 0; i < json_array_size(trace); i++)
        for (size_t j = 0; j < i; j++) {
            const struct seen a = look(trace, i), b = look(trace, j);
            if (a.lane != b.lane || a.process != b.process) continue;
            const int apart = a.end <= b.start + ROUNDING || b.end <= a.start + ROUNDING;
            const int a_in_b = a.start >= b.start - ROUNDING && a.end <= b.end + ROUNDING;
            const int b_in_a = b.start >= a.start - ROUNDING && b.end <= a.end + ROUNDING;
            wrong += !apart && !a_in_b && !b_in_a;
            if (strcmp(a.name, "step") == 0 && a.step == b.step) wrong += !b_in_a;
        }
    return wrong;
}

/* Every bucket ends before its step does, and begins after the batch was shared. */
static size_t misplaced_buckets(const json_t *trace)
{
    size_t wrong = 0;
    for (size_t i = 0; i < json_array_size(trace); i++)
        for (size_t j = 0; j < json_array_size(trace); j++) {
            const struct seen bucket = look(trace, i), other = look(trace, j);
            if (bucket.process == 0) continue;
            wrong += strcmp(bucket.name, "bucket") != 0;
            if (other.lane != bucket.lane || other.step != bucket.step) continue;
            if (strcmp(other.name, "step") == 0) wrong += bucket.end > other.end + 0.002;
            if (strcmp(other.name, "encode") == 0) wrong += bucket.start < other.end - 0.002;
        }
    return wrong;
}

static void check_lanes(const json_t *trace, size_t steps)
{
    const int size = group_size(train_world());
    for (size_t i = 0; i < json_array_size(trace); i++) {
        const struct seen event = look(trace, i);
        CU_ASSERT(event.lane >= 0 && event.lane < size);
        CU_ASSERT(event.step >= 1 && event.step <= (json_int_t)steps);
    }
    for (int rank = 0; rank < size; rank++) {
        CU_ASSERT_EQUAL(count(trace, "step", rank), steps);
        CU_ASSERT_EQUAL(count(trace, "share", rank), 2 * steps);
        CU_ASSERT_EQUAL(count(trace, "reduce_wait", rank), steps);
        CU_ASSERT_EQUAL(count(trace, "fit", rank), 1);
        CU_ASSERT(count(trace, "encode", rank) > 0);
        CU_ASSERT_EQUAL(count(trace, "decode", rank), count(trace, "encode", rank));
        CU_ASSERT_EQUAL(count(trace, "encode_backward", rank), 2 * count(trace, "encode", rank));
        CU_ASSERT_EQUAL(count(trace, "bucket", rank) > 0, size > 1);
    }
}

static void a_trace_has_a_lane_for_each_rank(void)
{
    const struct config config = make_config((const char *const[]){"train.micro_events=128", NULL});
    for (int exact = 0; exact < 2; exact++) {
        struct config with = config;
        struct trainer trainer;
        const char *path = train_path("trace.json");
        with.train.deterministic = exact;
        CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &with), OK);
        CU_ASSERT_EQUAL(timeline_init(&trainer.timeline, true), OK);
        CU_ASSERT_EQUAL(train_steps(&trainer, 7, NULL), OK);
        CU_ASSERT_EQUAL(timeline_write(&trainer.timeline, train_world(), path), OK);
        if (leads()) {
            json_t *trace = read_trace(path);
            check_lanes(trace, 7);
            CU_ASSERT_EQUAL(badly_nested(trace), 0);
            CU_ASSERT_EQUAL(misplaced_buckets(trace), 0);
            json_decref(trace);
        }
        trainer_fini(&trainer);
    }
}

/* The phases of a step make up nearly all of it; off, there is nothing. */
static void sums_make_up_the_step(void)
{
    const struct config config = make_config(NULL);
    struct trainer trainer;
    CU_ASSERT_EQUAL(trainer_init(&trainer, train_world(), train_corpus(), &config), OK);
    CU_ASSERT_EQUAL(train_steps(&trainer, 1, NULL), OK);
    CU_ASSERT_EQUAL(trainer.timeline.seconds[PHASE_STEP], 0);
    CU_ASSERT_EQUAL(timeline_init(&trainer.timeline, false), OK);
    for (size_t i = 0; i < 8; i++) {
        const double start = stop_clock();
        CU_ASSERT_EQUAL(train_steps(&trainer, 1, NULL), OK);
        const double *seconds = trainer.timeline.seconds, whole = seconds[PHASE_STEP];
        double parts = 0;
        for (enum phase phase = PHASE_FIT; phase <= PHASE_UPDATE; phase++) parts += seconds[phase];
        CU_ASSERT(whole > 0 && whole <= stop_clock() - start);
        CU_ASSERT(parts <= whole * (1 + 1e-9) && parts > 0.5 * whole);
        CU_ASSERT_EQUAL(seconds[PHASE_FIT] > 0, trainer.step == schedule_fit_step(&config) + 1);
        CU_ASSERT(seconds[PHASE_SAVE] == 0 && seconds[PHASE_VALIDATE] == 0);
    }
    CU_ASSERT_PTR_NULL(trainer.timeline.events);
    trainer_fini(&trainer);
}

/* Steps numbered 1 to `steps` of `marks` marks each. */
static void mark_steps(struct timeline *timeline, uint64_t steps, size_t marks)
{
    for (uint64_t step = 1; step <= steps; step++) {
        timeline_step(timeline, step);
        for (size_t i = 0; i + 1 < marks; i++) {
            timeline_begin(timeline, PHASE_DECODE);
            timeline_end(timeline, PHASE_DECODE);
        }
        timeline_end(timeline, PHASE_STEP);
    }
}

/* A long run: the last hundred steps, or what every rank holds whole. */
static void a_trace_is_bounded(void)
{
    static const size_t STEPS[] = {40, 250, 1000}, MARKS[] = {3, 3, 1000};
    for (size_t i = 0; i < 3; i++) {
        const int last = group_rank(train_world()) == group_size(train_world()) - 1;
        const size_t marks = last ? MARKS[i] : 2; /* ranks differ */
        const char *path = train_path("long.json");
        struct timeline timeline;
        CU_ASSERT_EQUAL(timeline_init(&timeline, true), OK);
        mark_steps(&timeline, STEPS[i], marks);
        CU_ASSERT_EQUAL(timeline_write(&timeline, train_world(), path), OK);
        timeline_fini(&timeline);
        if (!leads()) continue;
        json_t *trace = read_trace(path);
        const size_t want = i == 0 ? 40 : i == 1 ? TIMELINE_STEPS : TIMELINE_EVENTS / 1000;
        for (int rank = 0; rank < group_size(train_world()); rank++)
            CU_ASSERT_EQUAL(count(trace, "step", rank), want);
        CU_ASSERT_EQUAL(count(trace, "decode", group_size(train_world()) - 1),
                        want * (MARKS[i] - 1));
        json_decref(trace);
    }
}

/* One mark serves both: what a trace calls a phase, the heartbeats do. */
static void tells_the_watchdog(void)
{
    static const enum phase MARKED[] = {PHASE_COLLATE, PHASE_ENCODE_BACKWARD, PHASE_SAVE};
    const char *path = train_path("heartbeat");
    const struct watchdog_settings settings = {.path = path, .bound = 60};
    const int rank = group_rank(train_world());
    struct timeline timeline = {.on = false};
    struct beat beats[4];
    CU_ASSERT_EQUAL(watchdog_start(&timeline.watchdog, train_world(), &settings), OK);
    timeline_step(&timeline, 7);
    for (size_t i = 0; i < 3; i++) {
        timeline_begin(&timeline, MARKED[i]);
        timeline_end(&timeline, MARKED[i]);
        const double start = stop_clock();
        do {
            usleep(20000);
            heartbeat_read(path, beats, group_size(train_world()));
        } while (beats[rank].phase != MARKED[i] && stop_clock() - start < 20);
        CU_ASSERT_EQUAL(beats[rank].phase, MARKED[i]);
        CU_ASSERT_EQUAL(beats[rank].step, 7);
    }
    CU_ASSERT_EQUAL(timeline.seconds[PHASE_SAVE], 0); /* off: nothing is measured */
    group_barrier(train_world());
    watchdog_stop(timeline.watchdog);
    group_barrier(train_world());
}

/* A trace that cannot be written fails on every rank and leaves the old one alone. */
static void failures_leave_no_half_trace(void)
{
    const int size = group_size(train_world());
    const char *path = train_path("whole.json");
    struct timeline timeline;
    CU_ASSERT_EQUAL(timeline_init(&timeline, true), OK);
    mark_steps(&timeline, 2, 3);
    CU_ASSERT_EQUAL(timeline_write(&timeline, train_world(), "/dev/null/trace.json"), FAILED);
    CU_ASSERT_EQUAL(timeline_check("/dev/null/trace.json"), FAILED);
    CU_ASSERT_EQUAL(timeline_write(&timeline, train_world(), path), OK);
    for (int rank = 0; rank < size; rank++)
        for (long k = 1; k <= (rank == 0 ? 4 : 1); k++) {
            if (group_rank(train_world()) == rank) status_fault_set(k);
            const enum status status = timeline_write(&timeline, train_world(), path);
            status_fault_set(0);
            CU_ASSERT_EQUAL(status, FAILED);
            if (leads()) json_decref(read_trace(path));
        }
    if (leads()) {
        char temporary[128];
        snprintf(temporary, sizeof temporary, "%s.tmp", path);
        CU_ASSERT_NOT_EQUAL(access(temporary, F_OK), 0);
        CU_ASSERT_EQUAL(timeline_check(path), OK);
        CU_ASSERT_EQUAL(access(path, F_OK), 0);
        CU_ASSERT_NOT_EQUAL(access(temporary, F_OK), 0);
    }
    timeline_fini(&timeline);
}

const char *const suite_name = "timeline";
const struct suite_test suite_tests[] = {
    {"a trace has a lane for each rank", a_trace_has_a_lane_for_each_rank},
    {"sums make up the step", sums_make_up_the_step},
    {"a trace is bounded", a_trace_is_bounded},
    {"tells the watchdog", tells_the_watchdog},
    {"failures leave no half trace", failures_leave_no_half_trace},
    {NULL, NULL},
};
