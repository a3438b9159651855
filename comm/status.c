/* Status messages: one line a thread, and the fault counter for tests. */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[STATUS_MESSAGE_SIZE];
static long fault_countdown;

static void one_line(char *text)
{
    for (; *text; text++)
        if (*text == '\n' || *text == '\r') *text = ' ';
}

enum status status_fail(enum status code, const char *format, ...)
{
    char text[STATUS_MESSAGE_SIZE]; /* an argument may be the old message itself */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    one_line(text);
    memcpy(message, text, sizeof message);
    return code;
}

const char *status_message(void)
{
    return message;
}

enum status status_prefix(enum status code, const char *format, ...)
{
    char prefix[STATUS_MESSAGE_SIZE / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    return status_fail(code, "%s: %s", prefix, message);
}

_Noreturn void status_abort(const char *file, int line, const char *condition)
{
    fprintf(stderr, "error: broken invariant: %s (%s:%d)\n", condition, file, line);
    abort();
}

int status_fault(void)
{
    return fault_countdown > 0 && --fault_countdown == 0;
}

void status_fault_set(long k)
{
    fault_countdown = k;
}
