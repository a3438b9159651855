/* smf: reading hand-made files, odd, damaged and hostile ones. */
#include "runner.h"
#include "smf.h"

#include <stdio.h>
#include <string.h>

enum { MAX_FILE = 512, MAX_TEXT = 256 };

/*
 * A file in hex; spaces are free.  H is the header of a format 0 file with one track and 480 ticks
 * a quarter note; [ ] encloses a track chunk and fills in its length.
 */
static size_t bytes_of(unsigned char *bytes, const char *text)
{
    size_t n = 0, track = 0;
    for (; *text; text++) {
        unsigned byte;
        if (*text == ' ') continue;
        if (*text == 'H') {
            memcpy(bytes + n, "MThd\0\0\0\6\0\0\0\1\1\xe0", 14);
            n += 14;
        } else if (*text == '[') {
            memcpy(bytes + n, "MTrk\0\0\0\0", 8);
            track = n += 8;
        } else if (*text == ']') {
            bytes[track - 1] = (unsigned char)(n - track);
        } else {
            CU_ASSERT_EQUAL_FATAL(sscanf(text, "%2x", &byte), 1);
            bytes[n++] = (unsigned char)byte;
            text++;
        }
        CU_ASSERT_FATAL(n < MAX_FILE);
    }
    return n;
}

/* `onset-end pitch/velocity` a note, `t tick microseconds`, `s tick n/d`, all joined by `, `. */
static void text_of(char *text, const struct score *score)
{
    size_t n = 0;
    text[0] = 0;
    for (size_t i = 0; i < score->n_notes && n < MAX_TEXT - 60; i++) {
        const struct score_note *note = &score->notes[i];
        n += (size_t)sprintf(text + n, "%s%lld-%lld %d/%d", n ? ", " : "", (long long)note->onset,
                             (long long)note->end, note->pitch, note->velocity);
    }
    for (size_t i = 0; i < score->n_tempi && n < MAX_TEXT - 60; i++)
        n += (size_t)sprintf(text + n, ", t %lld %u", (long long)score->tempi[i].tick,
                             score->tempi[i].microseconds);
    for (size_t i = 0; i < score->n_signatures && n < MAX_TEXT - 60; i++)
        n += (size_t)sprintf(text + n, ", s %lld %d/%d", (long long)score->signatures[i].tick,
                             score->signatures[i].numerator, score->signatures[i].denominator);
}

static enum status parse(struct score *score, struct smf_report *report, const char *text,
                         bool pedal)
{
    unsigned char bytes[MAX_FILE];
    const size_t size = bytes_of(bytes, text);
    /* A block of the exact size lets the sanitizer see a read beyond it. */
    unsigned char *exact = malloc(size ? size : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
    memcpy(exact, bytes, size);
    const struct smf_options options = {pedal};
    const enum status status = smf_parse(score, report, exact, size, &options);
    free(exact);
    return status;
}

/* One file and what it must come to. */
struct example {
    const char *file;
    const char *score;   /* its text, or NULL: refused */
    const char *message; /* within the warning or the reason; "": no warning */
    bool damaged;
};

#define NOTE "00 903c40 60 803c00"
#define END "00 ff2f00"
#define ONE "0-96 60/64"

static void check(const struct example *example, bool pedal)
{
    struct score score;
    struct smf_report report;
    char text[MAX_TEXT], label[2 * MAX_TEXT];
    const enum status status = parse(&score, &report, example->file, pedal);
    const char *message = status == OK ? report.warning : status_message();
    text_of(text, &score);
    bool good = (status == OK) == (example->score != NULL);
    if (status == OK && good)
        good = !strcmp(text, example->score) && report.damaged == example->damaged;
    good = good && (example->message[0] ? strstr(message, example->message) != NULL : !message[0]);
    snprintf(label, sizeof label, "%.100s: %d %.100s (%.100s)", example->file, report.damaged, text,
             message);
    if (!good) fprintf(stderr, "%s\n", label);
    CU_ASSERT_TRUE(good);
    score_fini(&score);
}

static void check_all(const struct example *examples, size_t n)
{
    for (size_t i = 0; i < n; i++) check(&examples[i], false);
}
#define CHECK_ALL(examples) check_all(examples, sizeof examples / sizeof examples[0])

static void reads_valid_files(void)
{
    static const struct example examples[] = {
        {"H[" NOTE END "]", ONE, "", false},
        {"H[00 903c40 60 903c00" END "]", ONE, "", false},
        {"H[00 903c40 60 3c00 00 4030 30 4000" END "]", "0-96 60/64, 96-144 64/48", "", false},
        {"H[808000 903c40 8360 803c00" END "]", "0-480 60/64", "", false},
        {"H[00 903c40 00 803c00" END "]", "0-1 60/64", "", false},
        {"H[00 993c40 00 b00740 00 c001 00 d040 00 e00040 00 a03c20 60 893c00" END "]", ONE, "",
         false},
        {"H[00 ff5103 07a120 00 ff5804 03021808" NOTE "00 ff5804 06031808" END "]",
         ONE ", t 0 500000, s 0 3/4, s 96 6/8", "", false},
        {"H[00 f003 7e00f7 00 f702 f8fa 00 ff7f 00 00 ff0103 414243" NOTE END "]", ONE, "", false},
        {"4d546864 00000006 0001 0002 0060 [00 ff5103 07a120 60 ff5103 0493e0" END "]"
         "[30 903c40 60 803c00" END "]",
         "48-144 60/64, t 0 500000, t 96 300000", "", false},
        {"4d546864 00000006 0002 0002 0060 [" NOTE "60 ff2f00][" NOTE END "]",
         ONE ", 192-288 60/64", "", false},
        {"4d546864 0000000a 0000 0001 01e0 01020304 [" NOTE END "]", ONE, "", false},
        {"H 58464948 00000004 61626364 [" NOTE END "] 5846494b 00000002 ffff", ONE, "", false},
        {"52494646 2e000000 524d4944 64617461 22000000 H[" NOTE END "]", ONE, "", false},
        {"52494646 3a000000 524d4944 49444953 03000000 616263 00 64617461 22000000 H[" NOTE END
         "] 4c495354 00000000",
         ONE, "", false},
    };
    CHECK_ALL(examples);
}

static void pairs_notes(void)
{
    static const struct example examples[] = {
        /* overlapping: the first struck ends first */
        {"H[00 903c40 10 3c50 10 3c00 10 3c00" END "]", "0-32 60/64, 16-48 60/80", "", false},
        /* struck again at the tick it ends, in either order */
        {"H[00 903c40 10 3c50 00 3c00 10 3c00" END "]", "0-16 60/64, 16-32 60/80", "", false},
        {"H[00 903c40 10 3c00 00 3c50 10 3c00" END "]", "0-16 60/64, 16-32 60/80", "", false},
        /* by channel and track */
        {"H[00 903c40 00 913c41 10 913c00 10 903c00" END "]", "0-16 60/65, 0-32 60/64", "", false},
        {"4d546864 00000006 0001 0002 01e0 [00 903c40 20 ff2f00][10 903c00" END "]", "0-32 60/64",
         "1 notes never end", false},
        {"H[00 803c40 00 903c40 10 803c00 10 803c00" END "]", "0-16 60/64", "", false},
        {"H[00 903c40 00 ff2f00]", "0-1 60/64", "never end", false},
        {"H[00 803c40" END "]", NULL, "no notes", false},
        /* all notes off, all sound off, on their own channel */
        {"H[00 903c40 00 914040 10 b07b00 10 814000" END "]", "0-16 60/64, 0-32 64/64", "", false},
        {"H[00 903c40 00 4040 10 b07800" END "]", "0-16 60/64, 0-16 64/64", "", false},
    };
    CHECK_ALL(examples);
}

static void says_what_it_overlooks(void)
{
    static const struct example examples[] = {
        {"H[" NOTE "]", ONE, "no end of track", false},
        {"H[" NOTE END "00 903c40]", ONE, "4 bytes after its end", false},
        {"H[" NOTE END "] 2a", ONE, "1 bytes after its end", false},
        {"H[00 903c40 10 ff0101 61 10 3c00" END "]", "0-32 60/64", "running status across", false},
        {"H[00 903c40 10 f00101 10 3c00" END "]", "0-32 60/64", "running status across", false},
        {"H[00 ff5103 000000" NOTE END "]", ONE, "tempo ignored (3 bytes, value 0)", false},
        {"H[00 ff5104 07a12000" NOTE END "]", ONE, "tempo ignored (4 bytes", false},
        {"H[00 ff5804 04ff1808" NOTE END "]", ONE, "time signature ignored (4 bytes, 4/2^255)",
         false},
        {"H[00 ff5804 00021808" NOTE END "]", ONE, "time signature ignored", false},
        {"H[00 ff5801 04" NOTE END "]", ONE, "time signature ignored (1 bytes", false},
        {"4d546864 00000006 ffff 0001 01e0 [" NOTE END "]", ONE, "format 65535, read as 1", false},
        {"4d546864 00000006 0000 0000 01e0 [" NOTE END "]", ONE, "1 tracks, the header says 0",
         false},
        {"H[" NOTE END "][" NOTE END "]", ONE ", " ONE, "2 tracks, the header says 1", false},
    };
    CHECK_ALL(examples);
}

static void says_what_is_damaged(void)
{
    static const struct example examples[] = {
        {"H 4d54726b 00001000" NOTE END, ONE, "a length of 4096 bytes, read as 12", true},
        {"H 4d54726b 00000005" NOTE END, ONE, "a length of 5 bytes, read as 12", true},
        {"H 4d54726b 00000005" NOTE END "[" NOTE END "]", ONE ", " ONE, "a length of 5", true},
        {"H 4d54726b 00000018" NOTE END "[" NOTE END "]", ONE ", " ONE, "a length of 24", true},
        {"H 58464948 fffffff0 6162 [" NOTE END "]", ONE, "byte 14: an unknown chunk", true},
        {"H 00ff [" NOTE END "]", ONE, "byte 14: an unknown chunk", true},
        {"4d546864 ffffffff 0000 0001 01e0 [" NOTE END "]", ONE, "header of 4294967295", true},
        {"4d546864 00000004 0000 0001 01e0 [" NOTE END "]", ONE, "header of 4 bytes", true},
        {"4d546864 00000006 0001 0003 01e0 [" NOTE END "]", ONE, "1 tracks, the header says 3",
         true},
        {"H[" NOTE END "] H[" NOTE END "]", ONE, "34 bytes after track 1 not read", true},
        {"H[" NOTE "00 f4" NOTE END "]", ONE ", 96-192 60/64", "illegal event f4", true},
        {"H[00 f17f 00 f27f7f 00 f37f 00 f6 00 fe" NOTE END "]", ONE, "illegal event f1", true},
        {"H[" NOTE "00 90c040" NOTE END "]", ONE, "a data byte over 7f", true},
        {"H[" NOTE "00 9040f0" NOTE END "]", ONE, "a data byte over 7f", true},
        {"H[" NOTE "8080808000 903c40 60 803c00" END "]", ONE, "number over 4 bytes", true},
        {"H[" NOTE "00 ff01ffffff7f 6162]", ONE, "meta event longer than the track", true},
        {"H[" NOTE "00 f07f 6162]", ONE, "system exclusive event longer", true},
        {"H[" NOTE "00 903c]", ONE, "ends within an event", true},
        {"H[" NOTE "00]", ONE, "ends within an event", true},
        {"H[" NOTE "00 ff]", ONE, "ends within an event", true},
        {"H[" NOTE "00 f2]", ONE, "ends within an event", true},
        {"H[00 3c40" NOTE END "][" NOTE END "]", ONE, "track 0, byte 23: a data byte without",
         true},
        {"52494646 ffffffff 524d4944 64617461 ffffffff H[" NOTE END "]", ONE, "RIFF chunk", true},
    };
    CHECK_ALL(examples);
}

static void refuses_with_a_reason(void)
{
    static const struct example examples[] = {
        {"", NULL, "empty file", false},
        {"4d", NULL, "not a MIDI file", false},
        {"4d546864", NULL, "cut off after 4 bytes", false},
        {"3c68746d 6c3e0a0a", NULL, "not a MIDI file", false},
        {"1f8b0800 00000000 0203", NULL, "gzip, not MIDI", false},
        {"504b0304 14000000", NULL, "zip archive", false},
        {"[" NOTE END "]", NULL, "no header", false},
        {"4d546864 06000000 0000 0100 e001 4d54726b 0c000000" NOTE END, NULL, "little-endian",
         false},
        {"4d546864 00000006 0000 0001 0000 [" NOTE END "]", NULL, "division of 0", false},
        {"4d546864 00000006 0000 0001 e800 [" NOTE END "]", NULL, "division of 0", false},
        {"H", NULL, "no notes: 0 tracks, the header says 1", false},
        {"H[" END "]", NULL, "no notes", false},
        {"H[00 3c40" END "]", NULL, "no notes: track 0, byte 23: a data byte", false},
        {"52494646 04000000 57415645", NULL, "not of MIDI", false},
        {"52494646 04000000 524d4944", NULL, "without MIDI data", false},
        {"52494646 04000000 524d4944 49444953 ffffff7f 00", NULL, "without MIDI data", false},
    };
    CHECK_ALL(examples);
}

static void reads_seconds(void)
{
    static const char *const files[] = {
        "4d546864 00000006 0000 0001 e728 [8768 903c40 8768 803c00" END "]", /* 25 x 40 */
        "4d546864 00000006 0000 0001 e204 [78 903c40 78 803c00" END "]",     /* 30 x 4 */
        "4d546864 00000006 0000 0001 e350 [00 ff5103 0186a0 9260 903c40 9260 803c00" END "]",
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct score score;
        struct smf_report report;
        CU_ASSERT_EQUAL_FATAL(parse(&score, &report, files[i], false), OK);
        CU_ASSERT_TRUE(score.seconds);
        CU_ASSERT_EQUAL(score.n_tempi, 0);
        /* one second is two quarter notes at 120 bpm */
        CU_ASSERT_EQUAL(score.notes[0].onset, 2 * (int64_t)score.division);
        CU_ASSERT_EQUAL(score.notes[0].end, 4 * (int64_t)score.division);
        score_fini(&score);
    }
    check(&(struct example){"4d546864 00000006 0000 0001 ce0a [" NOTE END "]", "0-192 60/64",
                            "50 frames", false},
          false);
}

static void names_track_and_channel(void)
{
    struct score score;
    struct smf_report report;
    CU_ASSERT_EQUAL_FATAL(parse(&score, &report,
                                "4d546864 00000006 0001 0002 0060 [" END
                                "][00 993c40 10 893c00 00 9f3c40 10 8f3c00" END "]",
                                false),
                          OK);
    CU_ASSERT_EQUAL(score.division, 96);
    CU_ASSERT_FALSE(score.seconds);
    CU_ASSERT_EQUAL_FATAL(score.n_notes, 2);
    CU_ASSERT_EQUAL(score.notes[0].track, 1);
    CU_ASSERT_EQUAL(score.notes[0].channel, 9);
    CU_ASSERT_EQUAL(score.notes[1].channel, 15);
    score_fini(&score);
}

static void holds_notes_with_the_pedal(void)
{
    static const struct example held[] = {
        {"H[00 b0407f 00 903c40 10 803c00 10 b04000" END "]", "0-32 60/64", "", false},
        /* struck again */
        {"H[00 b0407f 00 903c40 10 3c00 08 3c40 10 3c00 10 b04000" END "]",
         "0-24 60/64, 24-56 60/64", "", false},
        /* never released: to the end */
        {"H[00 b0407f 00 903c40 10 803c00 20 ff2f00]", "0-48 60/64", "", false},
        /* another channel, too light, or too late */
        {"H[00 b1407f 00 903c40 10 803c00 10 b14000" END "]", "0-16 60/64", "", false},
        {"H[00 b0403f 00 903c40 10 803c00 10 b04000" END "]", "0-16 60/64", "", false},
        {"H[00 903c40 10 803c00 00 b0407f 10 b04000" END "]", "0-16 60/64", "", false},
        /* released in time, or by a reset */
        {"H[00 b0407f 00 903c40 08 b04000 10 803c00" END "]", "0-24 60/64", "", false},
        {"H[00 b0407f 00 903c40 10 803c00 10 b07900" END "]", "0-32 60/64", "", false},
        /* a pedal in another track of the channel */
        {"4d546864 00000006 0001 0003 01e0 [00 b0407f 20 b04000" END "][00 903c40 10 803c00" END
         "][04 b0407f 18 b0407e" END "]",
         "0-32 60/64", "", false},
    };
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) check(&held[i], true);
    check(&(struct example){held[0].file, "0-16 60/64", "", false}, false);
}

/* A file cut anywhere gives a reason, or fewer notes and a report that says so. */
static void survives_every_truncation(void)
{
    unsigned char bytes[MAX_FILE];
    const size_t size = bytes_of(
        bytes, "52494646 ffffff00 524d4944 64617461 77000000 4d546864 00000006 0001 0002 0060"
               "[00 ff5804 03021808 00 ff5103 07a120 00 ff0304 61626364" END "]"
               "[00 c000 00 b0407f" NOTE "00 f003 7e00f7" NOTE "8360 903c40 10 3c00" NOTE END "]");
    for (size_t n = 0; n < size; n++) {
        struct score score;
        struct smf_report report;
        unsigned char *cut = malloc(n + !n);
        CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
        memcpy(cut, bytes, n);
        const enum status status = smf_parse(&score, &report, cut, n, &(struct smf_options){true});
        CU_ASSERT(status == OK ? report.damaged && report.warning[0] : status_message()[0] != 0);
        CU_ASSERT(score.n_notes <= 4 && (status == OK) == (score.n_notes > 0));
        free(cut);
        score_fini(&score);
    }
}

/* Every byte of a valid file, changed to each of some values. */
static void survives_every_changed_byte(void)
{
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xc0, 0xf0, 0xf7, 0xff};
    unsigned char bytes[MAX_FILE];
    const size_t size =
        bytes_of(bytes, "H[00 ff5103 07a120 00 b0407f" NOTE NOTE "00 ff5804 03021808"
                        "00 f003 7e00f7 60 903c40 60 3c00" END "]");
    for (size_t i = 0; i < size; i++) {
        for (size_t k = 0; k < sizeof values; k++) {
            struct score score;
            struct smf_report report;
            const unsigned char kept = bytes[i];
            bytes[i] = values[k];
            if (smf_parse(&score, &report, bytes, size, &(struct smf_options){true}) == OK) {
                CU_ASSERT(score.n_notes > 0);
                for (size_t n = 0; n < score.n_notes; n++)
                    CU_ASSERT(score.notes[n].end > score.notes[n].onset);
            }
            bytes[i] = kept;
            score_fini(&score);
        }
    }
}

const char *const suite_name = "smf";
const struct suite_test suite_tests[] = {
    {"reads valid files", reads_valid_files},
    {"pairs notes", pairs_notes},
    {"says what it overlooks", says_what_it_overlooks},
    {"says what is damaged", says_what_is_damaged},
    {"refuses with a reason", refuses_with_a_reason},
    {"reads seconds", reads_seconds},
    {"names track and channel", names_track_and_channel},
    {"holds notes with the pedal", holds_notes_with_the_pedal},
    {"survives every truncation", survives_every_truncation},
    {"survives every changed byte", survives_every_changed_byte},
    {NULL, NULL},
};
