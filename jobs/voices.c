/* Melody by a guided walk over chord tones, accompaniment by pattern. */
#include "voices.h"

#include "composer.h"

enum {
    STEP_TICKS = COMPOSER_DIVISION / VOICES_BEAT,
    DOMINANT = 4, /* scale degree of its root */
    LEADING = 6,  /* scale degree of the leading note */
    N_CELLS = 8,
    N_ORDERS = 4,
    BASS_BELOW = 31,  /* semitones from the melody's centre down to the bass's lowest note */
    CHORD_BELOW = 19, /* the same for the chords */
};

static const int scale_pitches[N_SCALES][7] = {
    {0, 2, 4, 5, 7, 9, 11}, {0, 2, 3, 5, 7, 8, 10}, {0, 1, 3, 5, 7, 8, 10}};

struct dice plan_dice(const struct plan *plan, uint32_t purpose, uint32_t index)
{
    return (struct dice){
        .seed = plan->seed, .piece = plan->piece, .purpose = purpose << 16 | index};
}

static int floor_divide(int a, int b)
{
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

/* The tonic within half an octave of the melody's centre. */
static int root_pitch(const struct plan *plan)
{
    const int lowest = plan->centre - 6;
    return lowest + ((plan->tonic - lowest) % 12 + 12) % 12;
}

int plan_pitch(const struct plan *plan, int degree, int chord)
{
    const int octave = floor_divide(degree, 7), within = degree - 7 * octave;
    const bool raised = plan->leading && chord == DOMINANT && within == LEADING;
    return root_pitch(plan) + 12 * octave + scale_pitches[plan->scale][within] + raised;
}

/* Adds a note; what the keyboard or the range of events lacks is moved by octaves. */
static void add_note(struct score *score, int64_t onset, int64_t length, int pitch, int velocity)
{
    while (pitch < 28) pitch += 12;
    while (pitch > 100) pitch -= 12;
    velocity = velocity < 1 ? 1 : velocity > 127 ? 127 : velocity;
    score->notes[score->n_notes++] = (struct score_note){.onset = onset,
                                                         .end = onset + (length > 0 ? length : 1),
                                                         .track = 0,
                                                         .channel = 0,
                                                         .pitch = (uint8_t)pitch,
                                                         .velocity = (uint8_t)velocity};
}

static int64_t bar_ticks(const struct plan *plan, const struct bar *bar)
{
    return (int64_t)bar->index * plan->beats * COMPOSER_DIVISION;
}

/* ---- rhythm ---- */

/* One beat: the lengths of its notes in steps; a negative length is a rest, 8 takes two beats. */
static const int cells[N_CELLS][VOICES_BEAT] = {{8},       {4},       {2, 2},       {3, 1},
                                                {2, 1, 1}, {1, 1, 2}, {1, 1, 1, 1}, {-2, 2}};

static int choose_cell(struct dice *dice, double d, bool room_for_two)
{
    const double e = 1 - d;
    const double weights[N_CELLS] = {room_for_two ? 1.5 * e * e : 0,
                                     e + 0.25,
                                     0.3 + 0.9 * d,
                                     0.05 + 0.25 * d,
                                     0.5 * d * d,
                                     0.3 * d * d,
                                     0.5 * d * d * d,
                                     0.15 * d};
    return dice_choose(dice, weights, N_CELLS);
}

/* Fills the bar's notes with starts and lengths; returns their number. */
static int draw_rhythm(struct melody_note *notes, struct dice *dice, const struct plan *plan)
{
    int n = 0;
    for (int beat = 0; beat < plan->beats;) {
        const int *cell = cells[choose_cell(dice, plan->density, beat + 1 < plan->beats)];
        int step = beat * VOICES_BEAT;
        for (int i = 0; i < VOICES_BEAT && cell[i]; i++) {
            const int length = cell[i] < 0 ? -cell[i] : cell[i];
            if (cell[i] > 0) notes[n++] = (struct melody_note){.start = step, .length = length};
            step += length;
        }
        beat = step / VOICES_BEAT;
    }
    return n;
}

/* The phrase's last bar comes to rest: what would follow its middle becomes one long note. */
static int end_rhythm(struct melody_note *notes, int n, const struct plan *plan)
{
    const int rest = 2 * VOICES_BEAT, end = plan->beats * VOICES_BEAT;
    int kept = 0;
    while (kept < n && notes[kept].start + notes[kept].length <= rest) kept++;
    notes[kept] = (struct melody_note){.start = rest, .length = end - rest};
    return kept + 1;
}

/* ---- melody ---- */

/* The chord note (root, third or fifth in any octave) nearest to a degree; ties go down. */
static int nearest_chord_degree(int degree, int chord)
{
    for (int distance = 0;; distance++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            const int candidate = degree + sign * distance;
            const int above = candidate - chord - 7 * floor_divide(candidate - chord, 7);
            if (above == 0 || above == 2 || above == 4) return candidate;
        }
    }
}

/* The next degree of the walk: mostly steps, sometimes a leap, turned back at the range's ends. */
static int walk(struct dice *dice, const struct plan *plan, int degree)
{
    const bool leap = dice_chance(dice, plan->leap);
    const double sizes[3] = {0.2, 1.0, 0.35};
    const int size = leap ? 3 + dice_below(dice, 3) : dice_choose(dice, sizes, 3);
    bool up = dice_chance(dice, plan->rise);
    if (degree > 5) up = false;
    if (degree < -4) up = true;
    return up ? degree + size : degree - size;
}

static int draw_pitches(struct melody_note *notes, int n, struct dice *dice,
                        const struct plan *plan, int degree, int chord)
{
    for (int i = 0; i < n; i++) {
        const bool strong = notes[i].start % (2 * VOICES_BEAT) == 0;
        degree = walk(dice, plan, degree);
        if (strong || i == n - 1) degree = nearest_chord_degree(degree, chord);
        notes[i].degree = degree;
        /* A lower neighbour a semitone away, as long as the next note can resolve it. */
        notes[i].shift = !strong && i < n - 1 && dice_chance(dice, plan->chromatic) ? -1 : 0;
    }
    return degree;
}

void melody_compose(struct melody *melody, const struct plan *plan, int letter,
                    const int chords[VOICES_PHRASE])
{
    static const int orders[3][VOICES_PHRASE] = {{0, 1, 0, 1}, {0, 0, 1, 0}, {0, 1, 1, 0}};
    struct dice dice = plan_dice(plan, PURPOSE_MELODY, (uint32_t)letter);
    struct melody_note rhythms[2][VOICES_MAX_BAR];
    int n_rhythm[2];
    for (int i = 0; i < 2; i++) n_rhythm[i] = draw_rhythm(rhythms[i], &dice, plan);
    const int *order = orders[dice_below(&dice, 3)];
    int degree = 2 * dice_below(&dice, 3) - 1;
    for (int b = 0; b < VOICES_PHRASE; b++) {
        struct melody_note *notes = melody->notes[b];
        int n = n_rhythm[order[b]];
        for (int i = 0; i < n; i++) notes[i] = rhythms[order[b]][i];
        if (b == VOICES_PHRASE - 1) n = end_rhythm(notes, n, plan);
        degree = draw_pitches(notes, n, &dice, plan, degree, chords[b]);
        melody->n_notes[b] = n;
    }
}

/* Louder towards the middle of the phrase and on strong beats. */
static int loudness(const struct plan *plan, const struct bar *bar, int step, struct dice *touch)
{
    const int arc[VOICES_PHRASE] = {0, 3, 5, 1};
    const int accent = step == 0 ? 6 : step % VOICES_BEAT == 0 ? 2 : 0;
    return plan->velocity + arc[bar->in_phrase] + accent + (int)dice_normal(touch, 0, 3);
}

/* The piece's last bar is the tonic, held. */
static void play_last(struct score *score, const struct plan *plan, const struct bar *bar)
{
    add_note(score, bar_ticks(plan, bar), (int64_t)plan->beats * COMPOSER_DIVISION,
             plan_pitch(plan, 0, 0), plan->velocity);
}

void melody_play(struct score *score, const struct melody *melody, const struct plan *plan,
                 const struct bar *bar)
{
    struct dice vary = plan_dice(plan, PURPOSE_VARIATION, (uint32_t)bar->index);
    struct dice touch = plan_dice(plan, PURPOSE_TOUCH, (uint32_t)bar->index);
    if (bar->last) {
        play_last(score, plan, bar);
        return;
    }
    for (int i = 0; i < melody->n_notes[bar->in_phrase]; i++) {
        struct melody_note note = melody->notes[bar->in_phrase][i];
        const bool strong = note.start % (2 * VOICES_BEAT) == 0;
        if (bar->varied && !strong && dice_chance(&vary, 0.3))
            note.degree += dice_chance(&vary, 0.5) ? 1 : -1;
        /* A repeated phrase may stand on other chords at its end. */
        if (strong) note.degree = nearest_chord_degree(note.degree, bar->chord);
        const double sounding = plan->articulation * note.length * STEP_TICKS;
        add_note(score, bar_ticks(plan, bar) + note.start * STEP_TICKS, (int64_t)sounding,
                 plan_pitch(plan, note.degree, bar->chord) + note.shift,
                 loudness(plan, bar, note.start, &touch));
    }
}

/* ---- accompaniment ---- */

/* The hand that plays one bar. */
struct hand {
    struct score *score;
    const struct plan *plan;
    const struct bar *bar;
    struct dice touch;
    double length; /* sounding share */
};

/* The pitch of the chord's note `third` (0 root, 1 third, ...) within an octave above `low`. */
static int chord_pitch(const struct hand *hand, int third, int low)
{
    const int pitch = plan_pitch(hand->plan, hand->bar->chord + 2 * third, hand->bar->chord);
    return low + ((pitch - low) % 12 + 12) % 12;
}

static void strike(struct hand *hand, int pitch, int start, int length)
{
    const int64_t onset = bar_ticks(hand->plan, hand->bar) + start * STEP_TICKS;
    const double sounding = hand->length * length * STEP_TICKS;
    add_note(hand->score, onset, (int64_t)sounding, pitch,
             loudness(hand->plan, hand->bar, start, &hand->touch) - 14);
}

static void strike_bass(struct hand *hand, int third, int start, int length)
{
    strike(hand, chord_pitch(hand, third, hand->plan->centre - BASS_BELOW), start, length);
}

static void strike_chord(struct hand *hand, int start, int length)
{
    const int n = hand->plan->seventh ? 4 : 3;
    for (int third = 0; third < n; third++)
        strike(hand, chord_pitch(hand, third, hand->plan->centre - CHORD_BELOW), start, length);
}

static void play_chords(struct hand *hand)
{
    const int steps = hand->plan->beats * VOICES_BEAT;
    const int half = steps == 16 ? 8 : steps;
    for (int start = 0; start < steps; start += half) {
        strike_bass(hand, 0, start, half);
        strike_chord(hand, start, half);
    }
}

static void play_pad(struct hand *hand)
{
    const int steps = hand->plan->beats * VOICES_BEAT;
    strike_bass(hand, 0, 0, steps);
    strike_chord(hand, 0, steps);
}

static void play_arpeggio(struct hand *hand)
{
    static const int orders[N_ORDERS][8] = {{0, 1, 2, 1, 0, 1, 2, 1},
                                            {0, 2, 1, 2, 0, 2, 1, 2},
                                            {0, 1, 2, 3, 2, 1, 2, 1},
                                            {2, 1, 0, 1, 2, 1, 0, 1}};
    const int low = hand->plan->centre - CHORD_BELOW - 3;
    strike_bass(hand, 0, 0, hand->plan->beats * VOICES_BEAT);
    for (int i = 0; i < 2 * hand->plan->beats; i++) {
        const int third = orders[hand->plan->arpeggio][i];
        const int pitch =
            third == 3 ? chord_pitch(hand, 0, low) + 12 : chord_pitch(hand, third, low);
        strike(hand, pitch, 2 * i, 2);
    }
}

static void play_stride(struct hand *hand)
{
    for (int beat = 0; beat < hand->plan->beats; beat++) {
        const bool strong = beat == 0 || (beat == 2 && hand->plan->beats == 4);
        if (strong)
            strike_bass(hand, beat == 0 ? 0 : 2, beat * VOICES_BEAT, VOICES_BEAT);
        else
            strike_chord(hand, beat * VOICES_BEAT, VOICES_BEAT);
    }
}

static void play_pulse(struct hand *hand)
{
    for (int i = 0; i < 2 * hand->plan->beats; i++) strike_bass(hand, 0, 2 * i, 2);
    for (int beat = 0; beat < hand->plan->beats; beat += 2)
        strike_chord(hand, beat * VOICES_BEAT + 2, 2);
}

void accompaniment_play(struct score *score, const struct plan *plan, const struct bar *bar)
{
    static void (*const play[N_TEXTURES])(struct hand *) = {play_chords, play_pad, play_arpeggio,
                                                            play_stride, play_pulse};
    struct hand hand = {.score = score,
                        .plan = plan,
                        .bar = bar,
                        .touch = plan_dice(plan, PURPOSE_LEFT_HAND, (uint32_t)bar->index),
                        .length = plan->articulation};
    if (bar->last)
        play_pad(&hand);
    else
        play[plan->texture](&hand);
}
