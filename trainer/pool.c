/* Pools from request to document. */
#include "pool.h"

#include "pool_parts.h"

#include <stdio.h>
#include <string.h>

json_t *pool_section(json_t *object, const char *name)
{
    json_t *section = json_object_get(object, name);
    if (section) return section;
    section = json_object();
    return json_object_set_new(object, name, section) == 0 ? section : NULL;
}

bool pool_is_model(const char *teller)
{
    static const char FROM_LATENTS[] = "latent_";
    return strcmp(teller, "mixture") == 0 || strcmp(teller, "probe") == 0 ||
           strncmp(teller, FROM_LATENTS, strlen(FROM_LATENTS)) == 0;
}

const struct pool *pooling_find(const struct pooling *pooling, const char *name)
{
    for (size_t p = 0; p < pooling->n_pools; p++)
        if (strcmp(pooling->pools[p].request->name, name) == 0) return &pooling->pools[p];
    return NULL;
}

const struct pool *pooling_reference(const struct pooling *pooling, const struct pool *pool)
{
    char name[POOL_NAME];
    const char *share = strchr(pool->request->name, '@');
    snprintf(name, sizeof name, "%s%s", POOL_REFERENCE, share ? share : "");
    const struct pool *reference = pooling_find(pooling, name);
    return reference == pool ? NULL : reference;
}

static enum status add_pools(const struct pooling *pooling, json_t *document)
{
    json_t *section = pool_section(document, "pools");
    for (size_t p = 0; p < pooling->n_pools; p++) {
        const struct pool *pool = &pooling->pools[p];
        json_t *entry = json_pack("{s:I, s:I}", "runs", (json_int_t)pool->request->n_runs, "seeds",
                                  (json_int_t)pool->n_seeds);
        if (json_object_set_new(section, pool->request->name, entry) != 0)
            return status_fail(FAILED, "no memory for the results, or a name that is not UTF-8");
    }
    return OK;
}

enum status pool_evaluations(json_t **document, const struct pool_request *requests, size_t n,
                             uint64_t seed)
{
    enum status status = OK;
    struct pooling pooling = {.seed = seed};
    *document = NULL;
    TRY(pooling_read(&pooling, requests, n));
    *document = json_object();
    TRY(add_pools(&pooling, *document));
    TRY(pool_emotion(&pooling, *document));
    TRY(pool_figures(&pooling, *document));
done:
    if (status != OK) {
        json_decref(*document);
        *document = NULL;
    }
    pooling_fini(&pooling);
    return status;
}
