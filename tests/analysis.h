/**
 * Included before every source by tests/tidy.sh: what the analyser, which reads one file at a time,
 * cannot know of functions defined in another.  A failure's code comes back from the function it is
 * given to, and ranks that agree never turn a failure into OK.
 */
#ifndef ANALYSIS_H
#define ANALYSIS_H

#ifndef ANALYSIS_OF_status
#include "status.h"
#define status_fail(code, ...) ((void)status_fail((code), __VA_ARGS__), (code))
#define status_prefix(code, ...) ((void)status_prefix((code), __VA_ARGS__), (code))
#endif

#ifdef ANALYSIS_OF_RANKS
#include "group.h"
static inline enum status analysis_agree(struct group *group, enum status local)
{
    return local == OK ? group_agree(group, OK) : local;
}
#define group_agree analysis_agree
#endif

#endif
