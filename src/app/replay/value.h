/* SPDX-License-Identifier: Apache-2.0
 * Cells of a CSV as numbers and times. Pure functions. */
#ifndef APP_REPLAY_VALUE_H
#define APP_REPLAY_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without the blanks around it. */
void value_trim(const char **s, size_t *n);
/* A decimal number: digits, one decimal sign (',' or '.' as told), an exponent; rounded to the nearest double. */
bool value_number(const char *s, size_t n, char decimal, double *ret);
/* Rounded to a multiple of resolution, halves to even. Of 1/k with a whole k (0.1, 0.25) the result is the double that
 * is nearest to the decimal number. */
double value_round(double v, double resolution);

enum value_time { /* names: value_time_names */
                  VALUE_S,
                  VALUE_MS,
                  VALUE_US,
                  VALUE_MIN,
                  VALUE_ISO8601,
                  VALUE_EPOCH_S,
                  VALUE_EPOCH_MS,
                  VALUE_EPOCH_US,
                  VALUE_EPOCH_NS,
                  VALUE_TIME_COUNT
};
static inline bool value_time_is_relative(enum value_time kind) { return kind <= VALUE_MIN; }
/* Microseconds since the run's zero or since 1970. ISO 8601: "2026-11-25T08:00:00.123Z", a blank or nothing but the
 * date instead of the T, ',' as decimal sign, "+01:00" or "+0100"; without a zone it is UTC; '/' for '-' is taken.
 * False when it is none, or outside of +-2^53 us (years 1685 to 2255). */
bool value_time(const char *s, size_t n, enum value_time kind, char decimal, int64_t *ret);

#endif
