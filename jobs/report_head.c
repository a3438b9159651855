/* What each run is. */
#include "emotion.h"
#include "report.h"
#include "report_plot.h"

static void item(struct page *page, const char *name)
{
    page_format(page, "<dt>%s</dt><dd>", name);
}

static void item_end(struct page *page)
{
    page_put(page, "</dd>\n");
}

static void tell_model(struct page *page, const struct report_run *run)
{
    static const char *const PRIORS[] = {"normal", "plain Gaussian mixture",
                                         "dispersed Gaussian mixture"};
    const struct config *config = &run->config;
    item(page, "Model");
    if (run->has_config)
        page_format(page, "preset %s, width %zu, layers %zu + %zu", config_preset(config),
                    config->model.width, config->model.encoder_layers,
                    config->model.decoder_layers);
    if (run->n_parameters >= 0) {
        page_put(page, run->has_config ? "; " : "");
        page_count(page, run->n_parameters);
        page_put(page, " parameters");
    }
    item_end(page);
    if (!run->has_config) return;
    item(page, "Prior");
    page_put(page, PRIORS[config->mixture.prior]);
    item_end(page);
    item(page, "Training");
    page_format(page, "batches of %zu rows, learning rate %g, seed %zu; ", config->train.batch,
                config->train.learning_rate, config->train.seed);
    page_format(page, "%.0f %% of the labels", 100 * config->data.label_fraction);
    if (config->data.folds > 0)
        page_format(page, ", fold %zu of %zu", config->data.fold, config->data.folds);
    item_end(page);
}

static void tell_steps(struct page *page, const struct report_run *run)
{
    const double last = run->has_curves ? run->curves.last_step : -1;
    item(page, "Steps");
    if (last >= 0)
        page_count(page, (long long)last);
    else
        page_put(page, "none told");
    if (run->has_config) {
        page_put(page, " of ");
        page_count(page, (long long)run->config.train.steps);
    }
    page_put(page, run->complete ? ", complete" : ", not complete");
    item_end(page);
    if (run->step < 0) return;
    item(page, "Newest checkpoint");
    page_put(page, "step ");
    page_count(page, run->step);
    item_end(page);
}

static void tell_best(struct page *page, const struct curves *curves)
{
    const struct curve *loss = &curves->curve[CURVE_VALIDATION];
    const struct curve *bigram = &curves->curve[CURVE_BIGRAM];
    const struct curve *emotion = &curves->curve[CURVE_EMOTION];
    if (loss->n > 0) {
        const size_t best = curve_best(loss, 1);
        item(page, "Best validation");
        page_format(page, "%.3f nats an event at step ", loss->value[best]);
        page_count(page, (long long)loss->step[best]);
        if (bigram->n > 0) page_format(page, " (bigram baseline %.3f)", bigram->value[0]);
        item_end(page);
    }
    if (emotion->n > 0) {
        const size_t best = curve_best(emotion, -1);
        item(page, "Best emotion");
        page_format(page, "%.0f %% of the validation pieces at step ", 100 * emotion->value[best]);
        page_count(page, (long long)emotion->step[best]);
        item_end(page);
    }
}

/* Texts of the evaluation's head, and its counts. */
static void tell_evaluation(struct page *page, const json_t *evaluation)
{
    const char *corpus = json_string_value(json_object_get(evaluation, "corpus"));
    const char *split = json_string_value(json_object_get(evaluation, "split"));
    const json_t *pieces = json_object_get(evaluation, "pieces");
    const json_t *labelled = json_object_get(evaluation, "labelled_pieces");
    const json_t *step = json_object_get(evaluation, "step");
    if (corpus) {
        item(page, "Corpus");
        page_text(page, corpus);
        item_end(page);
    }
    if (!json_is_integer(pieces) || !json_is_integer(labelled)) return;
    item(page, "Evaluated on");
    page_count(page, json_integer_value(pieces));
    page_put(page, " pieces, ");
    page_count(page, json_integer_value(labelled));
    page_put(page, " of them labelled");
    if (split) {
        page_put(page, ", of the split \xE2\x80\x9C");
        page_text(page, split);
        page_put(page, "\xE2\x80\x9D");
    }
    if (json_is_integer(step)) {
        page_put(page, ", at step ");
        page_count(page, json_integer_value(step));
    }
    item_end(page);
}

void report_head(struct report *report)
{
    struct page *page = &report->page;
    page_put(page, report->n_runs > 1 ? "<h2>Runs</h2>\n" : "<h2>Run</h2>\n");
    page_put(page, "<div class=\"cards\">\n");
    for (size_t i = 0; i < report->n_runs; i++) {
        const struct report_run *run = &report->runs[i];
        page_put(page, "<section class=\"card\"><h3 class=\"key\">");
        if (report->n_runs > 1) plot_key(page, i, 0);
        page_put(page, "<span>");
        page_text(page, run->name);
        page_put(page, "</span></h3><dl>\n");
        if (run->has_config || run->n_parameters >= 0) tell_model(page, run);
        tell_steps(page, run);
        if (run->has_curves) tell_best(page, &run->curves);
        if (run->evaluation) tell_evaluation(page, run->evaluation);
        page_put(page, "</dl>\n");
        if (run->config_text) {
            page_put(page, "<details><summary>config.ini</summary><pre>");
            page_text(page, run->config_text);
            page_put(page, "</pre></details>\n");
        }
        page_put(page, "</section>\n");
    }
    page_put(page, "</div>\n");
}
