/**
 * A limit on the size of files stands for a full disk: a write is cut, then refused.
 */
#ifndef FULL_DISK_H
#define FULL_DISK_H

#include "runner.h"

#include <sys/resource.h>

/** No file of this process grows beyond so many bytes; RLIM_INFINITY ends that.  SIGXFSZ must be
 *  ignored. */
static inline void full_disk_at(rlim_t bytes)
{
    struct rlimit limit;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

#endif
