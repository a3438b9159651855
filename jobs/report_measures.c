/* What evaluations measured: every table, and in plain words what it says. */
#include "report_table.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const struct table_column SCORES[] = {{"quadrant", "four emotions", UNIT_SHARE},
                                             {"arousal", "arousal", UNIT_SHARE},
                                             {"valence", "valence", UNIT_SHARE},
                                             {"macro_f1", "macro F1", UNIT_NUMBER}};

static const struct table_row TELLERS[] = {
    {"emotion.mixture", "mixture: the model's own answer"},
    {"emotion.probe", "regression on the model's latents"},
    {"emotion.latent_forest", "forest on the model's latents"},
    {"emotion.rhythm", "baseline: hand-made rhythm features"},
    {"emotion.rhythm_mode_register", "baseline: rhythm, mode and register"},
    {"emotion.forest", "baseline: forest on all hand-made features"}};

static const struct table_row DIFFERENCES[] = {
    {"emotion.mixture_less_rhythm", "mixture less rhythm features"},
    {"emotion.mixture_less_rhythm_mode_register", "mixture less rhythm, mode and register"},
    {"emotion.mixture_less_forest", "mixture less forest"}};

static const struct table_figure CLUSTERS[] = {
    {"clusters.neighbours_quadrant", "told by neighbours",
     "pieces whose nearest training pieces have their emotion", UNIT_SHARE, BETTER_HIGHER},
    {"clusters.silhouette", "silhouette", "-1 to 1; above 0: nearer to one's own emotion",
     UNIT_NUMBER, BETTER_HIGHER},
    {"clusters.fisher_ratio", "Fisher ratio", "spread between emotions over spread within",
     UNIT_NUMBER, BETTER_HIGHER},
    {"clusters.davies_bouldin", "Davies-Bouldin", "width of clusters over their distance",
     UNIT_NUMBER, BETTER_LOWER},
    {"clusters.nmi", "mutual information", "of labels and the mixture's answers: 0 none, 1 all",
     UNIT_NUMBER, BETTER_HIGHER},
    {"clusters.ari", "Rand index", "the same by pairs of pieces: 0 chance, 1 perfect", UNIT_NUMBER,
     BETTER_HIGHER},
    {"clusters.least_bhattacharyya", "closest two emotions",
     "least Bhattacharyya distance in the prior", UNIT_NUMBER, BETTER_HIGHER}};

static const struct table_figure DISENTANGLEMENT[] = {
    {"disentanglement.mig", "information gap", "of an attribute, between its best two coordinates",
     UNIT_NUMBER, BETTER_HIGHER},
    {"disentanglement.sap", "separated predictability", "the same gap, of linear prediction",
     UNIT_NUMBER, BETTER_HIGHER},
    {"disentanglement.modularity", "modularity", "1: each coordinate tells of one attribute alone",
     UNIT_NUMBER, BETTER_HIGHER}};

static const struct table_figure SWAPS[] = {
    {"swap.rhythm_density_follows_rhythm_source", "rhythm follows A", "squared correlation",
     UNIT_NUMBER, BETTER_HIGHER},
    {"swap.rhythm_density_follows_tonal_source", "rhythm follows B", "squared correlation",
     UNIT_NUMBER, BETTER_LOWER},
    {"swap.mode_margin_follows_tonal_source", "mode follows B", "squared correlation", UNIT_NUMBER,
     BETTER_HIGHER},
    {"swap.mode_margin_follows_rhythm_source", "mode follows A", "squared correlation", UNIT_NUMBER,
     BETTER_LOWER},
    {"swap.chroma_cosine_to_tonal_source", "pitches like B", "cosine of pitch classes", UNIT_NUMBER,
     BETTER_HIGHER},
    {"swap.chroma_cosine_to_rhythm_source", "pitches like A", "cosine of pitch classes",
     UNIT_NUMBER, BETTER_LOWER}};

static const struct table_row FADERS[] = {{"faders.rhythm_density", "rhythm density"},
                                          {"faders.note_density", "note density"},
                                          {"faders.mode_margin", "mode"},
                                          {"faders.register", "register"}};
static const struct table_column FADER_COLUMNS[] = {
    {"consistency", "consistency", UNIT_NUMBER},
    {"restrictiveness", "restrictiveness", UNIT_NUMBER},
    {"linearity", "linearity", UNIT_NUMBER}};

static const struct table_row HEARD[] = {
    {"generation.heard_as_asked", "generated pieces, heard as asked for"},
    {"judge.on_real", "real held-out pieces, heard as labelled: the judge's own limit"}};

static const struct table_row OVERLAP[] = {
    {"generation.overlap.pitch_class_entropy", "pitch classes: entropy"},
    {"generation.overlap.scale_consistency", "notes in one scale"},
    {"generation.overlap.groove_consistency", "groove from bar to bar"},
    {"generation.overlap.note_density", "note density"},
    {"generation.overlap.polyphony", "polyphony"}};
static const struct table_column OVERLAP_COLUMNS[] = {
    {"overlap_area", "overlap (higher is better)", UNIT_SHARE},
    {"divergence", "divergence (lower is better)", UNIT_NUMBER}};

static const struct table_row COPYING[] = {{"copying.generated", "generated pieces"},
                                           {"copying.real", "real held-out pieces"}};
static const struct table_column COPYING_COLUMNS[] = {
    {"mean_longest_run_notes", "longest shared run, notes (mean)", UNIT_NUMBER},
    {"longest_run_notes", "longest of all", UNIT_COUNT},
    {"bars_copied", "bars within a copied run", UNIT_SHARE},
    {"bars_found", "bars found in training music", UNIT_SHARE}};

static const struct table_figure TRANSFER[] = {
    {"transfer.reached", "heard as the emotion asked for", "by the judge, after the move",
     UNIT_SHARE, BETTER_HIGHER},
    {"transfer.heard_so_before", "heard so before the move", "what must be beaten", UNIT_SHARE,
     BETTER_NEITHER},
    {"transfer.reached_arousal", "arousal as asked for", "", UNIT_SHARE, BETTER_HIGHER},
    {"transfer.reached_valence", "valence as asked for", "", UNIT_SHARE, BETTER_HIGHER},
    {"transfer.chroma_cosine", "harmony kept", "cosine of pitch classes, bar by bar; 1: the same",
     UNIT_NUMBER, BETTER_HIGHER},
    {"transfer.groove_similarity", "rhythm kept", "share of grid steps alike; 1: the same",
     UNIT_NUMBER, BETTER_HIGHER},
    {"transfer.in_place.chroma_cosine", "harmony kept without a move", "the most a move could keep",
     UNIT_NUMBER, BETTER_NEITHER},
    {"transfer.in_place.groove_similarity", "rhythm kept without a move",
     "the most a move could keep", UNIT_NUMBER, BETTER_NEITHER}};

static const struct table_figure LIKELIHOOD[] = {
    {"likelihood.bits_an_event", "bits an event", "the whole cost, latents included", UNIT_NUMBER,
     BETTER_LOWER},
    {"likelihood.reconstruction_bits_an_event", "of these, events given latents", "", UNIT_NUMBER,
     BETTER_LOWER},
    {"likelihood.bits_a_note", "bits a note", "", UNIT_NUMBER, BETTER_LOWER},
    {"likelihood.bigram_bits_an_event", "bigram baseline, bits an event", "what must be beaten",
     UNIT_NUMBER, BETTER_NEITHER}};

static void heading(struct report *report, const char *title)
{
    page_format(&report->page, "<h3>%s</h3>\n", title);
}

/* Names the runs that were evaluated, but not for this. */
static void miss_section(struct report *report, const char *section)
{
    for (size_t r = 0; r < report->n_runs; r++)
        if (report->runs[r].evaluation && !report_at(report->runs[r].evaluation, section))
            report_miss(report, report->runs[r].name, section,
                        report_left_out(&report->runs[r], "not in evaluation.json"));
}

/* Each source's scores by the mixture, or by the regression where there is no mixture. */
static void draw_sources(struct report *report)
{
    const char *key;
    json_t *source;
    bool any = false;
    for (size_t r = 0; r < report->n_runs; r++) {
        json_t *sources = report_at(report->runs[r].evaluation, "emotion.by_source");
        json_object_foreach(sources, key, source)
        {
            const json_t *scores = json_object_get(source, "mixture");
            if (!scores) scores = json_object_get(source, "probe");
            if (!any)
                table_grid_begin(report,
                                 "The same by where the pieces come from, told by the "
                                 "mixture (or, without one, by the regression).",
                                 SCORES, COUNT(SCORES));
            any = true;
            table_grid_row(report, r, key, scores, SCORES, COUNT(SCORES));
        }
    }
    if (any) table_grid_end(report);
}

static void draw_emotion(struct report *report)
{
    static const char *const CONFUSION[] = {"emotion.mixture.confusion", "emotion.probe.confusion",
                                            NULL};
    miss_section(report, "emotion");
    if (!table_has(report, TELLERS, COUNT(TELLERS))) return;
    heading(report, "Emotion of held-out pieces");
    (void)table_grid(
        report,
        "Share of the labelled held-out pieces whose emotion is told aright, with 95 % "
        "intervals. Higher is better; by chance about 25 % of four emotions, 50 % of "
        "arousal and of valence. Macro F1 weighs all emotions alike, up to 1.",
        TELLERS, COUNT(TELLERS), SCORES, COUNT(SCORES));
    (void)table_grid(report,
                     "How much more the mixture gets right than a baseline, piece by piece. Above "
                     "0: better; an interval that holds 0 shows no difference.",
                     DIFFERENCES, COUNT(DIFFERENCES), SCORES, COUNT(SCORES));
    draw_sources(report);
    report_confusion(report, CONFUSION, "label", "told",
                     "Pieces of each emotion (rows) by the emotion that is told (columns). Good: "
                     "all on the diagonal. Shades are shares of a row.");
}

static void draw_figures(struct report *report, const char *section, const char *title,
                         const char *caption, const struct table_figure *figures, size_t n)
{
    bool any = false;
    miss_section(report, section);
    for (size_t r = 0; r < report->n_runs; r++)
        any = any || report_at(report->runs[r].evaluation, section);
    if (!any) return;
    heading(report, title);
    (void)table_figures(report, caption, figures, n);
}

static void draw_faders(struct report *report)
{
    miss_section(report, "faders");
    if (!table_has(report, FADERS, COUNT(FADERS))) return;
    heading(report, "Faders");
    (void)table_grid(report,
                     "What turning one fader does to decoded music; higher is better, 1 is the "
                     "best. Consistency: the same place gives the same attribute in every piece. "
                     "Restrictiveness: other attributes stand still. Linearity: the attribute "
                     "follows the fader in a straight line.",
                     FADERS, COUNT(FADERS), FADER_COLUMNS, COUNT(FADER_COLUMNS));
}

static void draw_generation(struct report *report)
{
    static const char *const CONFUSION[] = {"generation.heard_as_asked.confusion", NULL};
    miss_section(report, "generation");
    if (!table_has(report, HEARD, 1) && !table_has(report, COPYING, COUNT(COPYING))) return;
    heading(report, "Generated music");
    (void)table_grid(report,
                     "Emotion of generated pieces as a judge hears it that learned from real music "
                     "alone. Higher is better; the second row is how well it hears real music.",
                     HEARD, COUNT(HEARD), SCORES, COUNT(SCORES));
    report_confusion(report, CONFUSION, "asked", "heard",
                     "Generated pieces by the emotion asked for (rows) and the emotion that the "
                     "judge hears (columns). Good: all on the diagonal.");
    (void)table_grid(report,
                     "How alike generated and real music are spread over some features. Overlap "
                     "100 % and divergence 0 would be the same.",
                     OVERLAP, COUNT(OVERLAP), OVERLAP_COLUMNS, COUNT(OVERLAP_COLUMNS));
    (void)table_grid(report,
                     "What is shared with the training music. Good: generated pieces share no more "
                     "than real ones do.",
                     COPYING, COUNT(COPYING), COPYING_COLUMNS, COUNT(COPYING_COLUMNS));
}

void report_measures(struct report *report)
{
    bool any = false;
    for (size_t r = 0; r < report->n_runs; r++) any = any || report->runs[r].evaluation;
    if (!any) return; /* each run's evaluation is named as missing */
    page_put(&report->page, "<h2>Evaluation</h2>\n<p class=\"soft\">Brackets are 95 % intervals by "
                            "resampling pieces; arrows say which direction is good.</p>\n");
    draw_emotion(report);
    draw_figures(report, "clusters", "Clusters",
                 "Whether held-out pieces of one emotion lie together in the latents, apart from "
                 "those of others.",
                 CLUSTERS, COUNT(CLUSTERS));
    report_leakage(report);
    draw_figures(report, "disentanglement", "One coordinate, one attribute",
                 "Whether each musical attribute has a latent coordinate of its own; up to 1.",
                 DISENTANGLEMENT, COUNT(DISENTANGLEMENT));
    draw_figures(report, "swap", "Swaps",
                 "Music decoded from the rhythm latent of piece A and the tonal latent of piece B. "
                 "Good: its rhythm follows A, its mode and pitches follow B. Up to 1.",
                 SWAPS, COUNT(SWAPS));
    draw_faders(report);
    draw_generation(report);
    draw_figures(report, "transfer", "Transfer",
                 "Held-out pieces moved to other emotions: how often the judge hears the emotion "
                 "asked for, and how much of the piece is kept.",
                 TRANSFER, COUNT(TRANSFER));
    draw_figures(report, "likelihood", "Likelihood",
                 "What held-out music costs to write down with the model; lower is better.",
                 LIKELIHOOD, COUNT(LIKELIHOOD));
}
