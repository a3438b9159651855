/* Early stopping. */
#include "patience.h"

#include <math.h>

bool patience_judge(struct patience *patience, uint64_t step,
                    const struct validation_report *report)
{
    if (report->n_pieces == 0 || isnan(report->emotion)) return false;
    const bool better = patience->step == 0 || report->emotion > patience->emotion ||
                        (report->emotion >= patience->emotion && report->label < patience->label);
    if (better)
        *patience = (struct patience){report->emotion, report->label, (double)step, 0};
    else
        patience->waited++;
    return better;
}

bool patience_is_over(const struct patience *patience, const struct config *config)
{
    return config->train.patience > 0 && patience->waited >= (double)config->train.patience;
}
