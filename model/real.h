/**
 * The number type of the model: float in the program, double in the gradient tests, which compile
 * the same sources with REAL_DOUBLE.
 */
#ifndef REAL_H
#define REAL_H

#include <math.h>

#ifdef REAL_DOUBLE
typedef double real;
#define real_exp exp
#define real_log log
#define real_sqrt sqrt
#define real_tanh tanh
#define real_erf erf
#define real_fabs fabs
#define REAL(x) x
#else
typedef float real;
#define real_exp expf
#define real_log logf
#define real_sqrt sqrtf
#define real_tanh tanhf
#define real_erf erff
#define real_fabs fabsf
#define REAL(x) x##f
#endif

#endif
