/* Bar layout: signatures mapped into the vocabulary, regions, cut bars. */
#include "bars.h"

#include "grid.h"

static int four_four(const struct events_vocabulary *vocabulary)
{
    return events_signature_symbol(vocabulary, 4, 4);
}

/* The largest numerator > 1 that divides `numerator` and has a symbol under `denominator`. */
static int split_alike(const struct events_vocabulary *vocabulary, int numerator, int denominator)
{
    const int longest = 15; /* of the vocabulary's numerators */
    for (int n = numerator <= longest ? numerator - 1 : longest; n > 1; n--) {
        if (numerator % n) continue;
        const int symbol = events_signature_symbol(vocabulary, n, denominator);
        if (symbol >= 0) return symbol;
    }
    return -1;
}

/* The longest signature of which up to four bars fill one of `numerator`/`denominator`. */
static int split_any(const struct events_vocabulary *vocabulary, int numerator, int denominator)
{
    const int scaled = numerator * 4 * vocabulary->settings.grid; /* steps times denominator */
    int best = -1;
    int best_steps = 0;
    for (int i = 0; i < (int)vocabulary->n_signature; i++) {
        const int steps = vocabulary->bar_steps[i];
        if (vocabulary->numerator[i] == 1 || scaled % (steps * denominator)) continue;
        if (scaled > 4 * steps * denominator || steps <= best_steps) continue;
        best = i;
        best_steps = steps;
    }
    return best;
}

static int signature_map(const struct events_vocabulary *vocabulary, int numerator, int denominator)
{
    if (numerator == 1) return four_four(vocabulary);
    int symbol = events_signature_symbol(vocabulary, numerator, denominator);
    const bool triple = denominator > 1 && numerator % 3 == 0;
    if (symbol < 0 && !triple && numerator % denominator == 0) symbol = four_four(vocabulary);
    if (symbol < 0) symbol = split_alike(vocabulary, numerator, denominator);
    if (symbol < 0) symbol = split_any(vocabulary, numerator, denominator);
    return symbol < 0 ? four_four(vocabulary) : symbol;
}

/* The signature of a bar of `steps`: of the wanted denominator if possible; -1 without one. */
static int symbol_of_length(const struct events_vocabulary *vocabulary, int64_t steps, int wanted)
{
    static const int preference[] = {4, 8, 16, 2};
    int best = -1;
    int best_cost = 0;
    for (int i = 0; i < (int)vocabulary->n_signature; i++) {
        if (vocabulary->bar_steps[i] != steps) continue;
        int cost = 1;
        while (preference[cost - 1] != vocabulary->denominator[i]) cost++;
        if (vocabulary->denominator[i] == wanted) cost = 0;
        if (best >= 0 && cost >= best_cost) continue;
        best = i;
        best_cost = cost;
    }
    return best;
}

/* The length nearest to `rest` that ends a bar of `whole` steps: 0, whole, or some signature's. */
static int64_t nearest_cut(const struct events_vocabulary *vocabulary, int64_t rest, int64_t whole)
{
    for (int64_t away = 0;; away++) {
        const int64_t candidates[2] = {rest - away, rest + away};
        for (int i = 0; i < 2; i++) {
            const int64_t cut = candidates[i];
            if (cut == 0 || cut == whole) return cut;
            if (cut > 0 && cut < whole && symbol_of_length(vocabulary, cut, 0) >= 0) return cut;
        }
    }
}

static bool says_the_same(const struct bars_region *a, const struct bars_region *b)
{
    return a->numerator == b->numerator && a->denominator == b->denominator;
}

/* Adds a region behind the others; one that leaves the latest no room takes its place. */
static void append(struct bars *bars, struct bars_region region)
{
    while (bars->n_regions) {
        struct bars_region *latest = &bars->regions[bars->n_regions - 1];
        if (region.start > latest->start) {
            if (says_the_same(latest, &region)) return;
            const int64_t whole = bars->vocabulary->bar_steps[latest->symbol];
            const int64_t rest = (region.start - latest->start) % whole;
            region.start += nearest_cut(bars->vocabulary, rest, whole) - rest;
        }
        if (region.start > latest->start) break;
        region.start = latest->start;
        bars->n_regions--;
    }
    bars->regions[bars->n_regions++] = region;
}

enum status bars_init(struct bars *bars, const struct score *score,
                      const struct events_vocabulary *vocabulary, bool ignore)
{
    const size_t n = ignore ? 0 : score->n_signatures;
    *bars = (struct bars){.vocabulary = vocabulary};
    bars->regions = status_fault() ? NULL : malloc((n + 1) * sizeof *bars->regions);
    if (!bars->regions) return status_fail(FAILED, "no memory for %zu signatures", n);
    append(bars, (struct bars_region){0, four_four(vocabulary), 4, 4});
    const int64_t division = score->division;
    for (size_t i = 0; i < n; i++) {
        const struct score_signature *signature = &score->signatures[i];
        if (signature->tick > GRID_MAX_TICK) break;
        const int64_t tick = signature->tick > 0 ? signature->tick : 0;
        const int64_t twice = 2 * tick * vocabulary->settings.grid;
        append(bars, (struct bars_region){
                         .start = (twice + division) / (2 * division),
                         .symbol = signature_map(vocabulary, signature->numerator,
                                                 signature->denominator),
                         .numerator = signature->numerator,
                         .denominator = signature->denominator,
                     });
    }
    return OK;
}

void bars_fini(struct bars *bars)
{
    free(bars->regions);
    *bars = (struct bars){0};
}

struct bar bars_find(const struct bars *bars, int64_t step)
{
    size_t low = 0; /* the region that holds the step */
    size_t high = bars->n_regions;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (bars->regions[middle].start <= step)
            low = middle;
        else
            high = middle;
    }
    const struct bars_region *region = &bars->regions[low];
    const int64_t whole = bars->vocabulary->bar_steps[region->symbol];
    const int64_t start = step - (step - region->start) % whole;
    struct bar bar = {start, (int)whole, region->symbol};
    const bool last = low + 1 == bars->n_regions;
    if (last || start + whole <= region[1].start) return bar;
    bar.steps = (int)(region[1].start - start);
    bar.symbol = symbol_of_length(bars->vocabulary, bar.steps, region->denominator);
    return bar;
}
