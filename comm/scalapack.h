/**
 * Prototypes of the ScaLAPACK, PBLAS and BLACS routines in use; neither comes with a header.
 * For comm's .c files alone.
 *
 * Everything goes by address; indices are from 1.  A Fortran routine takes the length of each text
 * after the other arguments, the PBLAS (in C) does not.
 *
 * Source: ScaLAPACK Users' Guide; the MPI BLACS.
 */
#ifndef SCALAPACK_H
#define SCALAPACK_H

#include <stddef.h>

void Cblacs_gridinit(int *context, const char *order, int rows, int columns);
void Cblacs_gridinfo(int context, int *rows, int *columns, int *row, int *column);
void Cblacs_gridexit(int context);
void Cfree_blacs_system_handle(int handle);

void descinit_(int *descriptor, const int *m, const int *n, const int *mb, const int *nb,
               const int *first_row, const int *first_column, const int *context, const int *ld,
               int *info);

void pdsyrk_(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha,
             const double *a, const int *ia, const int *ja, const int *desc_a, const double *beta,
             double *c, const int *ic, const int *jc, const int *desc_c);
void pdtrsm_(const char *side, const char *uplo, const char *trans, const char *diagonal,
             const int *m, const int *n, const double *alpha, const double *a, const int *ia,
             const int *ja, const int *desc_a, double *b, const int *ib, const int *jb,
             const int *desc_b);

void pdpotrf_(const char *uplo, const int *n, double *a, const int *ia, const int *ja,
              const int *desc_a, int *info, size_t uplo_length);
void pdsygst_(const int *type, const char *uplo, const int *n, double *a, const int *ia,
              const int *ja, const int *desc_a, const double *b, const int *ib, const int *jb,
              const int *desc_b, double *scale, int *info, size_t uplo_length);
void pdsyevd_(const char *job, const char *uplo, const int *n, double *a, const int *ia,
              const int *ja, const int *desc_a, double *w, double *z, const int *iz, const int *jz,
              const int *desc_z, double *work, const int *n_work, int *integers,
              const int *n_integers, int *info, size_t job_length, size_t uplo_length);

#endif
