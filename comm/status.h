/**
 * Status codes and the one-line message that goes with a failure.
 *
 * The one header that every folder may include; it knows nothing of MPI.  A function that can fail
 * returns `enum status`; the message of the latest failure is kept per thread.  The codes are the
 * program's exit codes.
 */
#ifndef STATUS_H
#define STATUS_H

#include <stdlib.h>

enum status {
    OK = 0,      /* done */
    FAILED = 1,  /* bad input, a full disk, anything that went wrong */
    USAGE = 2,   /* a wrong command line or configuration */
    STOPPED = 3, /* stopped early; the same command resumes */
};

enum { STATUS_MESSAGE_SIZE = 512 };

#define STATUS_CHECKED __attribute__((warn_unused_result))
#define STATUS_FORMAT(text, first) __attribute__((format(printf, text, first)))

/**
 * Records a failure's message (printf format, cut at STATUS_MESSAGE_SIZE - 1 bytes, newlines become
 * spaces) and returns `code`.  Local.  Cannot fail.
 */
enum status status_fail(enum status code, const char *format, ...) STATUS_FORMAT(2, 3);

/** The latest message of this thread, "" if none; valid until the next status_fail.  Local. */
const char *status_message(void);

/** Puts `prefix: ` before the recorded message and returns `code` unchanged.  Local. */
enum status status_prefix(enum status code, const char *format, ...) STATUS_FORMAT(2, 3);

/** Prints one line naming the broken invariant and aborts.  Local.  Does not return. */
_Noreturn void status_abort(const char *file, int line, const char *condition);

/**
 * A source of failures for tests: returns true when the k-th fallible point has been reached, as
 * set by status_fault_set; always false otherwise.  Local.
 */
int status_fault(void);

/** Lets the k-th call of status_fault from now on (1 = the next) return true; 0 turns it off. */
void status_fault_set(long k);

/* The three macros.  FAIL and TRY need `enum status status` and a label `done` in the function. */
#define FAIL(code, ...)                                                                            \
    do {                                                                                           \
        status = status_fail((code), __VA_ARGS__);                                                 \
        goto done;                                                                                 \
    } while (0)

#define TRY(expression)                                                                            \
    do {                                                                                           \
        status = (expression);                                                                     \
        if (status != OK) goto done;                                                               \
    } while (0)

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) status_abort(__FILE__, __LINE__, #condition);                            \
    } while (0)

#endif
