/* The golden values again, in double, where they must match to the last digits. */
#include "test_golden.c"
