/**
 * The option table: every configuration value's name, type, default, range, unit and help.
 *
 * The one place where an option is declared, besides its field in struct config.  It drives
 * parsing,
 * --help, config.ini and the checkpoint's copy.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

enum preset { PRESET_TINY, PRESET_SMALL, PRESET_BASE, PRESET_LARGE, N_PRESETS };
extern const char *const preset_names[N_PRESETS]; /* "tiny", "small", "base", "large" */

/** The C type of the field: int, size_t, double, bool, an enum. */
enum option_type { OPTION_INT, OPTION_SIZE, OPTION_REAL, OPTION_BOOL, OPTION_ENUM };

enum {
    OPTION_NAME_SIZE = 64,  /* `section.key` and its end */
    OPTION_VALUE_SIZE = 32, /* a formatted value and its end */
    OPTION_RANGE_SIZE = 96, /* a formatted range and its end */
};

struct option_entry {
    const char *section, *key;
    enum option_type type;
    size_t offset;             /* bytes into struct config */
    double value[N_PRESETS];   /* default of each preset; an enum's index */
    double min, max;           /* inclusive; not used by bool and enum */
    bool or_zero;              /* 0 is allowed below min */
    const char *unit;          /* "" for a bare number */
    const char *const *values; /* names of an enum's values, ended by NULL */
    const char *help;          /* one line */
};

extern const struct option_entry options[];
extern const size_t n_options;

/** Index of `section.key` in the table, or n_options.  Local. */
size_t option_find(const char *name);

/** Writes `section.key` and returns `text`.  Local. */
char *option_name(const struct option_entry *option, char text[OPTION_NAME_SIZE]);

/** USAGE with the name and the closest known one.  Local. */
enum status option_unknown(const char *name);

/** Sets one field of a struct config to its default under a preset.  Local. */
void option_reset(const struct option_entry *option, void *config, enum preset preset);

/**
 * Parses a value, checks its range and stores it.  Local.
 *
 * @return USAGE with name, value, range and unit; the config is then unchanged
 */
STATUS_CHECKED enum status option_set(const struct option_entry *option, void *config,
                                      const char *value);

/** Writes the field's value so that option_set reads back the same; returns `text`.  Local. */
char *option_format(const struct option_entry *option, const void *config,
                    char text[OPTION_VALUE_SIZE]);

/** Whether two configurations have the same value, as written.  Local. */
bool option_same(const struct option_entry *option, const void *a, const void *b);

/** Writes a default as option_format does; returns `text`.  Local. */
char *option_format_value(const struct option_entry *option, double value,
                          char text[OPTION_VALUE_SIZE]);

/** Writes `1 to 65536 rows`, `true or false`, `normal, gmm or dispersed`; returns `text`. */
char *option_range(const struct option_entry *option, char text[OPTION_RANGE_SIZE]);

#endif
