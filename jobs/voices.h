/**
 * The two voices of a composed piece: melody and accompaniment, a bar at a time.
 *
 * Times are steps, four to a quarter note, until a note is added to the score.
 */
#ifndef VOICES_H
#define VOICES_H

#include "dice.h"
#include "score.h"

enum scale { SCALE_MAJOR, SCALE_MINOR, SCALE_PHRYGIAN, N_SCALES };
enum texture {
    TEXTURE_CHORDS,   /* bass and chord on the strong beats */
    TEXTURE_PAD,      /* bass and chord held through the bar */
    TEXTURE_ARPEGGIO, /* broken chord in quavers */
    TEXTURE_STRIDE,   /* bass on strong beats, chord on weak ones */
    TEXTURE_PULSE,    /* repeated bass quavers under off-beat chords */
    N_TEXTURES,
};

enum {
    VOICES_BEAT = 4,           /* steps a quarter note */
    VOICES_PHRASE = 4,         /* bars a phrase */
    VOICES_MAX_BAR = 16,       /* steps a bar */
    VOICES_MAX_BAR_NOTES = 48, /* notes of both voices in a bar */
};

/** What stays the same through a piece. */
struct plan {
    uint64_t seed, piece; /* of its dice */
    int bars;
    int beats; /* a bar, 3 or 4 */
    int tonic; /* pitch class */
    enum scale scale;
    bool leading; /* the dominant of a minor scale has the raised seventh */
    bool seventh; /* chords of four notes */
    enum texture texture;
    double density;      /* 0-1 */
    double articulation; /* 0-1 */
    double leap;         /* chance of a melodic leap */
    double chromatic;    /* chance of a note pushed off the scale */
    double rise;         /* chance that a melodic step goes up */
    int centre;          /* pitch about which the melody moves */
    int velocity;
    int arpeggio; /* which order of chord notes */
};

/** One bar to be filled. */
struct bar {
    int index;     /* from 0 */
    int in_phrase; /* 0..VOICES_PHRASE - 1 */
    int letter;    /* of its phrase: equal letters share rhythm and contour */
    int phrase;    /* index of its phrase */
    bool varied;   /* the letter has been heard before */
    bool last;     /* of the piece */
    int chord;     /* root of its harmony as a scale degree, 0-6 */
};

/** One melody note on the steps of its bar. */
struct melody_note {
    int start, length; /* steps */
    int degree;        /* scale steps above the tonic nearest to the centre */
    int shift;         /* semitones off the scale */
};

/** A phrase's melody, the same for every phrase of a letter. */
struct melody {
    struct melody_note notes[VOICES_PHRASE][VOICES_MAX_BAR];
    int n_notes[VOICES_PHRASE];
};

/** The pitch of a scale degree (any octave) while a chord sounds.  Local. */
int plan_pitch(const struct plan *plan, int degree, int chord);

/** Writes a letter's melody over the four chords of its phrase.  Local. */
void melody_compose(struct melody *melody, const struct plan *plan, int letter,
                    const int chords[VOICES_PHRASE]);

/**
 * Adds one bar's melody notes to the score, varied if the bar says so.  Local.
 *
 * @param score  room for VOICES_MAX_BAR_NOTES more notes
 */
void melody_play(struct score *score, const struct melody *melody, const struct plan *plan,
                 const struct bar *bar);

/** Adds one bar's accompaniment to the score; the room is melody_play's.  Local. */
void accompaniment_play(struct score *score, const struct plan *plan, const struct bar *bar);

/** The sequence of draws for a purpose of the piece.  Local. */
struct dice plan_dice(const struct plan *plan, uint32_t purpose, uint32_t index);

enum purpose { PURPOSE_PLAN, PURPOSE_MELODY, PURPOSE_VARIATION, PURPOSE_TOUCH, PURPOSE_LEFT_HAND };

#endif
