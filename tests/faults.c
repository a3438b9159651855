/* For LD_PRELOAD, faults that the environment asks for: a file system without locks
 * (AFFEKT_TEST_NO_FLOCK), as NFS or Lustre may be mounted; one that takes seconds to sync
 * (AFFEKT_TEST_SLOW_FSYNC); and a rank (AFFEKT_TEST_STUCK_RANK) that stands still once a file is
 * there (AFFEKT_TEST_STUCK_FILE), in a collective or in its own work (AFFEKT_TEST_STUCK), or a
 * whole MPI_Abort that does (AFFEKT_TEST_STUCK_ABORT). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* Open MPI's and MPICH's handles fit a pointer. */
int MPI_Allreduce(const void *from, void *to, int count, void *type, void *op, void *comm);
int MPI_Abort(void *comm, int code);

int flock(int descriptor, int operation)
{
    int (*real)(int, int);
    if (getenv("AFFEKT_TEST_NO_FLOCK")) {
        errno = ENOLCK;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "flock");
    return real(descriptor, operation);
}

int fsync(int descriptor)
{
    int (*real)(int);
    const char *text = getenv("AFFEKT_TEST_SLOW_FSYNC");
    const double seconds = text ? strtod(text, NULL) : 0;
    const struct timespec pause = {(time_t)seconds, (long)(1e9 * (seconds - floor(seconds)))};
    if (seconds > 0) nanosleep(&pause, NULL);
    *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    return real(descriptor);
}

static void stand_still(void)
{
    for (;;) pause();
}

/* Whether this rank is to stand still in this place now. */
static int is_stuck(const char *place)
{
    const char *where = getenv("AFFEKT_TEST_STUCK"), *who = getenv("AFFEKT_TEST_STUCK_RANK");
    const char *file = getenv("AFFEKT_TEST_STUCK_FILE"), *rank = getenv("OMPI_COMM_WORLD_RANK");
    return where && who && file && rank && strcmp(where, place) == 0 && strcmp(who, rank) == 0 &&
           access(file, F_OK) == 0;
}

int MPI_Allreduce(const void *from, void *to, int count, void *type, void *op, void *comm)
{
    int (*real)(const void *, void *, int, void *, void *, void *);
    if (is_stuck("collective")) stand_still();
    *(void **)&real = dlsym(RTLD_NEXT, "MPI_Allreduce");
    return real(from, to, count, type, op, comm);
}

/* The program clears its gradient with it, in the midst of its own work. */
void *memset(void *to, int byte, size_t n)
{
    static const size_t GRADIENT = 100000; /* bytes, at least */
    volatile unsigned char *at = to;       /* or this loop would become a call of memset */
    if (n > GRADIENT && is_stuck("work")) stand_still();
    for (size_t i = 0; i < n; i++) at[i] = (unsigned char)byte;
    return to;
}

int MPI_Abort(void *comm, int code)
{
    int (*real)(void *, int);
    if (getenv("AFFEKT_TEST_STUCK_ABORT")) stand_still();
    *(void **)&real = dlsym(RTLD_NEXT, "MPI_Abort");
    return real(comm, code);
}
