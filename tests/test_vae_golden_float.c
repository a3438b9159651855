/* The golden numbers of the whole objective in the program's precision. */
#include "test_vae_golden.c"
