/* The versions of the program and of the libraries it found at run time. */
#include "command.h"
#include "gemm.h"
#include "process_grid.h"

#include <hdf5.h>

void version_print(FILE *stream)
{
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    fprintf(stream, "affekt %s\n", AFFEKT_VERSION);
    fprintf(stream, "MPI: %s\n", group_library_version());
    fprintf(stream, "BLIS: %s (%s kernel)\n", gemm_version(), gemm_kernel());
    fprintf(stream, "ScaLAPACK: %s\n", process_grid_library());
    fprintf(stream, "HDF5: %u.%u.%u\n", major, minor, release);
}
