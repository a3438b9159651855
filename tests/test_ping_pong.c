/* A message's time: the same on every rank, for any size. */
#include "ping_pong.h"

#include "runner.h"

#include <mpi.h>
#include <string.h>

enum { MOST = 1 << 20 };

static void every_rank_knows_the_time(void)
{
    static const size_t BYTES[] = {0, 1, 4096, MOST};
    struct group *world;
    if (group_world_create(&world, NULL, NULL) != OK) return;
    unsigned char *message = calloc(MOST, 1);
    CU_ASSERT_PTR_NOT_NULL(message);
    for (size_t i = 0; message && i < sizeof BYTES / sizeof *BYTES; i++) {
        const double seconds = ping_pong(world, message, BYTES[i], 3);
        double most = seconds, least = -seconds;
        group_max_doubles(world, &most, 1);
        group_max_doubles(world, &least, 1);
        CU_ASSERT_EQUAL(most, -least);
        CU_ASSERT(group_size(world) > 1 ? seconds > 0 : seconds == 0);
    }
    free(message);
    group_world_destroy(world);
}

/* The message goes there and back: the last rank's copy is rank 0's afterwards. */
static void the_message_travels(void)
{
    struct group *world;
    unsigned char message[64];
    if (group_world_create(&world, NULL, NULL) != OK) return;
    memset(message, 10 + group_rank(world), sizeof message);
    ping_pong(world, message, sizeof message, 1);
    if (group_rank(world) == 0 || group_rank(world) == group_size(world) - 1)
        CU_ASSERT_EQUAL(message[63], 10);
    group_world_destroy(world);
}

static void one_rank_alone(void)
{
    CU_ASSERT_EQUAL(ping_pong(group_self(), NULL, 1, 1), 0);
}

const char *const suite_name = "ping_pong";
const struct suite_test suite_tests[] = {
    {"every rank knows the time", every_rank_knows_the_time},
    {"the message travels", the_message_travels},
    {"one rank alone", one_rank_alone},
    {NULL, NULL},
};
