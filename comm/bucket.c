/* Reduce-scatter and all-gather of one bucket. */
#include "bucket.h"

#include <mpi.h>
#include <string.h>

enum { ALIGNMENT = 16 };

/* One hop: parts [send, send_end) go to a rank, [receive, receive_end) come from one. */
struct hop {
    int to, from;
    int send, send_end, receive, receive_end;
};

struct bucket {
    MPI_Comm comm; /* the group's */
    int rank, size;
    bool halving;        /* the number of ranks is a power of two */
    int n_hops;          /* of one task; the second task's follow the first's */
    size_t capacity;     /* floats */
    float *arrived;      /* (capacity) owned: addends on their way */
    uint16_t *short_out; /* (capacity) owned; compressed only */
    uint16_t *short_in;  /* (capacity) owned; compressed only */
    uint64_t sent;
    /* the task under way */
    enum bucket_task task;
    float *data, *residual; /* not owned */
    size_t count;
    int tag, at, end; /* hops: the one under way, one past the last */
    MPI_Request requests[2];
};

static enum status take(void **out, size_t count, size_t size)
{
    *out = status_fault() ? NULL : calloc(count + 1, size);
    if (*out) return OK;
    return status_fail(FAILED, "no memory to reduce gradients (%zu * %zu bytes)", count, size);
}

static enum status take_buffers(struct bucket *bucket, bool compress)
{
    enum status status = OK;
    void *memory = NULL;
    TRY(take(&memory, bucket->capacity, sizeof(float)));
    bucket->arrived = memory;
    if (!compress) goto done;
    TRY(take(&memory, bucket->capacity, sizeof(uint16_t)));
    bucket->short_out = memory;
    TRY(take(&memory, bucket->capacity, sizeof(uint16_t)));
    bucket->short_in = memory;
done:
    return status;
}

enum status bucket_create(struct bucket **bucket, struct group *group, size_t count, bool compress)
{
    void *memory = NULL;
    enum status status = OK;
    struct bucket *made = NULL;
    *bucket = NULL;
    TRY(take(&memory, 1, sizeof *made));
    made = memory;
    const MPI_Comm *comm = group_communicator(group);
    *made = (struct bucket){.comm = comm ? *comm : MPI_COMM_NULL,
                            .rank = group_rank(group),
                            .size = group_size(group),
                            .capacity = count};
    made->halving = (made->size & (made->size - 1)) == 0;
    made->n_hops = made->size - 1;
    for (int n = 1; made->halving && n < made->size; n *= 2)
        made->n_hops = n == 1 ? 1 : made->n_hops + 1;
    TRY(take_buffers(made, compress));
    *bucket = made;
    made = NULL;
done:
    bucket_destroy(made);
    return status;
}

void bucket_destroy(struct bucket *bucket)
{
    if (!bucket) return;
    free(bucket->arrived);
    free(bucket->short_out);
    free(bucket->short_in);
    free(bucket);
}

void bucket_part(size_t count, int size, int part, size_t *first, size_t *end)
{
    const size_t n = (size_t)size;
    const size_t each = (count + n * ALIGNMENT - 1) / (n * ALIGNMENT) * ALIGNMENT;
    *first = (size_t)part * each < count ? (size_t)part * each : count;
    *end = *first + each < count ? *first + each : count;
}

/* Where parts [part, part_end) begin, and how many floats they are. */
static size_t range(const struct bucket *bucket, int part, int part_end, size_t *n)
{
    size_t first, end, unused;
    bucket_part(bucket->count, bucket->size, part, &first, &unused);
    bucket_part(bucket->count, bucket->size, part_end - 1, &unused, &end);
    *n = end - first;
    return first;
}

/* Halving: of the parts that a rank and its partner share, each goes on with the half in which its
 * own part lies.  Doubling is the same backwards, with what goes and what comes exchanged. */
static struct hop halving_hop(const struct bucket *bucket, int at)
{
    const bool gather = at >= bucket->n_hops;
    const int level = gather ? 2 * bucket->n_hops - 1 - at : at;
    const int half = bucket->size >> (level + 1), mine = bucket->rank / half * half;
    const int theirs = mine ^ half, partner = bucket->rank ^ half;
    if (gather) return (struct hop){partner, partner, mine, mine + half, theirs, theirs + half};
    return (struct hop){partner, partner, theirs, theirs + half, mine, mine + half};
}

/* Ring: sums arrive at rank r after P-1 hops; part r then goes around once more. */
static struct hop ring_hop(const struct bucket *bucket, int at)
{
    const int size = bucket->size, rank = bucket->rank;
    const bool gather = at >= bucket->n_hops;
    const int step = gather ? at - bucket->n_hops : at + 1;
    const int send = (rank - step + size) % size, receive = (rank - step - 1 + 2 * size) % size;
    return (struct hop){(rank + 1) % size, (rank - 1 + size) % size, send, send + 1, receive,
                        receive + 1};
}

static struct hop hop_of(const struct bucket *bucket, int at)
{
    return bucket->halving ? halving_hop(bucket, at) : ring_hop(bucket, at);
}

/* The nearest bfloat16, ties to even; NaN stays NaN. */
static uint16_t shorten(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float lengthen(uint16_t x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rounds n floats; what is taken away stays in the residual.  A value that is not finite leaves
 * none: it would spoil all steps to come. */
static void compress(uint16_t *out, float *x, float *residual, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = shorten(x[i]);
        const float left = x[i] - lengthen(out[i]);
        residual[i] = left - left == 0 ? left : 0;
    }
}

static void send_hop(struct bucket *bucket, const struct hop *hop)
{
    size_t n;
    const size_t first = range(bucket, hop->send, hop->send_end, &n);
    const bool gather = bucket->at >= bucket->n_hops;
    float *data = bucket->data + first;
    bucket->sent += n * (bucket->residual ? sizeof(uint16_t) : sizeof(float));
    if (!bucket->residual) {
        MPI_Isend(data, (int)n, MPI_FLOAT, hop->to, bucket->tag, bucket->comm,
                  &bucket->requests[0]);
        return;
    }
    if (!gather) compress(bucket->short_out, data, bucket->residual + first, n);
    for (size_t i = 0; gather && i < n; i++) bucket->short_out[i] = shorten(data[i]); /* exact */
    MPI_Isend(bucket->short_out, (int)n, MPI_UINT16_T, hop->to, bucket->tag, bucket->comm,
              &bucket->requests[0]);
}

/* Own part, about to be gathered: every rank, this one too, goes on with the rounded sum. */
static void round_own(struct bucket *bucket)
{
    size_t n;
    const size_t first = range(bucket, bucket->rank, bucket->rank + 1, &n);
    float *data = bucket->data + first;
    compress(bucket->short_out, data, bucket->residual + first, n);
    for (size_t i = 0; i < n; i++) data[i] = lengthen(bucket->short_out[i]);
}

static void begin_hop(struct bucket *bucket)
{
    size_t n;
    const struct hop hop = hop_of(bucket, bucket->at);
    const size_t first = range(bucket, hop.receive, hop.receive_end, &n);
    const bool gather = bucket->at >= bucket->n_hops;
    if (bucket->residual && bucket->at == bucket->n_hops) round_own(bucket);
    if (bucket->residual)
        MPI_Irecv(bucket->short_in, (int)n, MPI_UINT16_T, hop.from, bucket->tag, bucket->comm,
                  &bucket->requests[1]);
    else
        MPI_Irecv(gather ? bucket->data + first : bucket->arrived, (int)n, MPI_FLOAT, hop.from,
                  bucket->tag, bucket->comm, &bucket->requests[1]);
    send_hop(bucket, &hop);
}

/* What has arrived is added to what is here, or takes its place. */
static void end_hop(struct bucket *bucket)
{
    size_t n;
    const struct hop hop = hop_of(bucket, bucket->at);
    const size_t first = range(bucket, hop.receive, hop.receive_end, &n);
    const bool gather = bucket->at >= bucket->n_hops;
    float *restrict data = bucket->data + first;
    const float *restrict arrived = bucket->arrived;
    if (gather && bucket->residual)
        for (size_t i = 0; i < n; i++) data[i] = lengthen(bucket->short_in[i]);
    else if (bucket->residual)
        for (size_t i = 0; i < n; i++) data[i] += lengthen(bucket->short_in[i]);
    else if (!gather)
        for (size_t i = 0; i < n; i++) data[i] += arrived[i];
}

/* What earlier reductions lost. */
static void add_residual(struct bucket *bucket)
{
    for (size_t i = 0; i < bucket->count; i++) {
        bucket->data[i] += bucket->residual[i];
        bucket->residual[i] = 0;
    }
}

void bucket_start(struct bucket *bucket, enum bucket_task task, float *data, float *residual,
                  size_t count, int tag)
{
    ASSERT(count <= bucket->capacity && (!residual || bucket->short_out));
    bucket->task = task;
    bucket->data = data;
    bucket->residual = residual;
    bucket->count = count;
    bucket->tag = tag;
    bucket->at = task & BUCKET_SCATTER ? 0 : bucket->n_hops;
    bucket->end = task & BUCKET_GATHER ? 2 * bucket->n_hops : bucket->n_hops;
    if (residual && task & BUCKET_SCATTER) add_residual(bucket);
    if (bucket->at < bucket->end) begin_hop(bucket);
}

bool bucket_advance(struct bucket *bucket)
{
    while (bucket->at < bucket->end) {
        int complete = 0;
        MPI_Testall(2, bucket->requests, &complete, MPI_STATUSES_IGNORE);
        if (!complete) return false;
        end_hop(bucket);
        bucket->at++;
        if (bucket->at < bucket->end) begin_hop(bucket);
    }
    return true;
}

uint64_t bucket_sent(const struct bucket *bucket)
{
    return bucket->sent;
}
