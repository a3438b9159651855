/* Round trips of a message. */
#include "ping_pong.h"

#include <mpi.h>

enum { TAG = 1, MOST_BYTES = 1 << 30 };

static void round_trip(MPI_Comm comm, int rank, int other, void *message, int bytes)
{
    if (rank == 0) {
        MPI_Send(message, bytes, MPI_BYTE, other, TAG, comm);
        MPI_Recv(message, bytes, MPI_BYTE, other, TAG, comm, MPI_STATUS_IGNORE);
    } else {
        MPI_Recv(message, bytes, MPI_BYTE, other, TAG, comm, MPI_STATUS_IGNORE);
        MPI_Send(message, bytes, MPI_BYTE, other, TAG, comm);
    }
}

double ping_pong(struct group *group, void *message, size_t bytes, size_t trips)
{
    const int rank = group_rank(group), last = group_size(group) - 1;
    double seconds = 0;
    ASSERT(bytes <= MOST_BYTES && trips >= 1);
    if (last == 0) return 0;
    group_barrier(group);
    if (rank == 0 || rank == last) {
        const MPI_Comm comm = *(MPI_Comm *)group_communicator(group);
        const int other = rank == 0 ? last : 0;
        round_trip(comm, rank, other, message, (int)bytes);
        const double start = MPI_Wtime();
        for (size_t i = 0; i < trips; i++) round_trip(comm, rank, other, message, (int)bytes);
        seconds = (MPI_Wtime() - start) / (2 * (double)trips);
    }
    group_broadcast(group, &seconds, sizeof seconds, 0);
    return seconds;
}
