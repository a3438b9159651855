/* The golden numbers of the mixture in the program's precision. */
#include "test_mixture_golden.c"
