/* The generator in the program's precision. */
#include "test_generator.c"
