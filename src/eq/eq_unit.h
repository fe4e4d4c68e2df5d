/* SPDX-License-Identifier: Apache-2.0
 * Units of measure: a product of known symbols with a dimension and a scale to SI. Internal to eq. */
#ifndef EQ_EQ_UNIT_H
#define EQ_EQ_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EQ_UNIT_DIMS = 7, EQ_UNIT_FACTORS = 6, EQ_UNIT_TEXT = 96 };

/* Temperatures: a point on a scale with an offset (degC) adds and converts otherwise than a difference of two points
 * (delta_degC). K written in an equation is either; K of an SVID is a point. */
enum eq_unit_class { EQ_UNIT_PLAIN, EQ_UNIT_POINT, EQ_UNIT_DELTA };

struct eq_unit {
  double scale, offset; /* SI value = scale * value + offset; the offset is 0 but for points */
  int8_t dim[EQ_UNIT_DIMS];
  uint8_t class;
  bool unknown; /* taken for dimensionless, goes with everything */
  uint8_t n_factors;
  struct eq_unit_factor {
    uint8_t symbol; /* index into the table */
    int8_t exp;
  } factor[EQ_UNIT_FACTORS];
};

extern const struct eq_unit eq_unit_one, eq_unit_unknown;

/* Text such as "mTorr", "W/s", "m^2", "1", "%". False when it is not known (ret untouched). */
bool eq_unit_parse(const char *text, size_t n, struct eq_unit *ret);
/* Canonical text, which eq_unit_parse reads again; "" for unknown. */
void eq_unit_format(const struct eq_unit *u, char buf[EQ_UNIT_TEXT]);
/* Symbol of the table nearest to the text, NULL when none is near. */
const char *eq_unit_nearest(const char *text);

bool eq_unit_is_dimensionless(const struct eq_unit *u);
bool eq_unit_same_dimension(const struct eq_unit *a, const struct eq_unit *b);
bool eq_unit_is_percent(const struct eq_unit *u);
/* a * b^sign; false when an exponent or the number of factors leaves its bounds. Classes are dropped. */
bool eq_unit_product(const struct eq_unit *a, const struct eq_unit *b, int sign, struct eq_unit *ret);
bool eq_unit_power(const struct eq_unit *a, int exp, struct eq_unit *ret);
bool eq_unit_root(const struct eq_unit *a, struct eq_unit *ret); /* false when an exponent is odd */
/* The unit of a difference of two values in u. */
struct eq_unit eq_unit_delta(const struct eq_unit *u);

#endif
