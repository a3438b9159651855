/* For LD_PRELOAD: a file system without locks (AFFEKT_TEST_NO_FLOCK), as NFS or Lustre may be
 * mounted, and one that takes seconds to sync (AFFEKT_TEST_SLOW_FSYNC). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

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
    const char *seconds = getenv("AFFEKT_TEST_SLOW_FSYNC");
    if (seconds) sleep((unsigned)atoi(seconds));
    *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    return real(descriptor);
}
