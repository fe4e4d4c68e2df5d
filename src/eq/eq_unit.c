/* SPDX-License-Identifier: Apache-2.0 */
#include "eq/eq_unit.h"

#include "base/err.h"
#include "base/text.h"
#include "eq/eq.h"

#include <stdio.h>
#include <string.h>

struct symbol {
  const char *name, *text;
  double scale, offset;
  int8_t dim[EQ_UNIT_DIMS]; /* s m kg A K mol cd */
  uint8_t class;
  uint8_t same_as_previous; /* another spelling of the row before: formatted as that */
};

/* sccm and slm are amounts: cm3 or l at 0 degC and 101325 Pa, by the molar gas constant (SEMI E12; CODATA 2018). */
#define MOL_PER_SCC (101325e-6 / (8.31446261815324 * 273.15))

static const struct symbol symbols[] = {
    {"s", "second", 1, 0, {1}, 0, 0},
    {"ms", "millisecond", 1e-3, 0, {1}, 0, 0},
    {"us", "microsecond", 1e-6, 0, {1}, 0, 0},
    {"\xc2\xb5s", "microsecond", 1e-6, 0, {1}, 0, 1},
    {"min", "minute", 60, 0, {1}, 0, 0},
    {"h", "hour", 3600, 0, {1}, 0, 0},
    {"d", "day", 86400, 0, {1}, 0, 0},
    {"Hz", "hertz", 1, 0, {-1}, 0, 0},
    {"kHz", "kilohertz", 1e3, 0, {-1}, 0, 0},
    {"MHz", "megahertz", 1e6, 0, {-1}, 0, 0},
    {"GHz", "gigahertz", 1e9, 0, {-1}, 0, 0},
    {"rpm", "turns per minute", 1.0 / 60, 0, {-1}, 0, 0},
    {"m", "metre", 1, 0, {0, 1}, 0, 0},
    {"cm", "centimetre", 1e-2, 0, {0, 1}, 0, 0},
    {"mm", "millimetre", 1e-3, 0, {0, 1}, 0, 0},
    {"um", "micrometre", 1e-6, 0, {0, 1}, 0, 0},
    {"\xc2\xb5m", "micrometre", 1e-6, 0, {0, 1}, 0, 1},
    {"nm", "nanometre", 1e-9, 0, {0, 1}, 0, 0},
    {"Ang", "angstrom", 1e-10, 0, {0, 1}, 0, 0},
    {"mil", "thousandth of an inch", 25.4e-6, 0, {0, 1}, 0, 0},
    {"l", "litre", 1e-3, 0, {0, 3}, 0, 0},
    {"L", "litre", 1e-3, 0, {0, 3}, 0, 1},
    {"ml", "millilitre", 1e-6, 0, {0, 3}, 0, 0},
    {"mL", "millilitre", 1e-6, 0, {0, 3}, 0, 1},
    {"kg", "kilogram", 1, 0, {0, 0, 1}, 0, 0},
    {"g", "gram", 1e-3, 0, {0, 0, 1}, 0, 0},
    {"mg", "milligram", 1e-6, 0, {0, 0, 1}, 0, 0},
    {"ug", "microgram", 1e-9, 0, {0, 0, 1}, 0, 0},
    {"N", "newton", 1, 0, {-2, 1, 1}, 0, 0},
    {"mN", "millinewton", 1e-3, 0, {-2, 1, 1}, 0, 0},
    {"Pa", "pascal", 1, 0, {-2, -1, 1}, 0, 0},
    {"hPa", "hectopascal", 1e2, 0, {-2, -1, 1}, 0, 0},
    {"kPa", "kilopascal", 1e3, 0, {-2, -1, 1}, 0, 0},
    {"MPa", "megapascal", 1e6, 0, {-2, -1, 1}, 0, 0},
    {"bar", "bar", 1e5, 0, {-2, -1, 1}, 0, 0},
    {"mbar", "millibar", 1e2, 0, {-2, -1, 1}, 0, 0},
    {"ubar", "microbar", 1e-1, 0, {-2, -1, 1}, 0, 0},
    {"Torr", "torr, 101325/760 Pa", 101325.0 / 760, 0, {-2, -1, 1}, 0, 0},
    {"mTorr", "millitorr", 101.325 / 760, 0, {-2, -1, 1}, 0, 0},
    {"uTorr", "microtorr", 0.101325 / 760, 0, {-2, -1, 1}, 0, 0},
    {"atm", "standard atmosphere", 101325, 0, {-2, -1, 1}, 0, 0},
    {"psi", "pound-force per square inch", 6894.757293168361, 0, {-2, -1, 1}, 0, 0},
    {"J", "joule", 1, 0, {-2, 2, 1}, 0, 0},
    {"mJ", "millijoule", 1e-3, 0, {-2, 2, 1}, 0, 0},
    {"kJ", "kilojoule", 1e3, 0, {-2, 2, 1}, 0, 0},
    {"eV", "electronvolt", 1.602176634e-19, 0, {-2, 2, 1}, 0, 0},
    {"Wh", "watt hour", 3600, 0, {-2, 2, 1}, 0, 0},
    {"kWh", "kilowatt hour", 3.6e6, 0, {-2, 2, 1}, 0, 0},
    {"W", "watt", 1, 0, {-3, 2, 1}, 0, 0},
    {"mW", "milliwatt", 1e-3, 0, {-3, 2, 1}, 0, 0},
    {"kW", "kilowatt", 1e3, 0, {-3, 2, 1}, 0, 0},
    {"MW", "megawatt", 1e6, 0, {-3, 2, 1}, 0, 0},
    {"A", "ampere", 1, 0, {0, 0, 0, 1}, 0, 0},
    {"mA", "milliampere", 1e-3, 0, {0, 0, 0, 1}, 0, 0},
    {"uA", "microampere", 1e-6, 0, {0, 0, 0, 1}, 0, 0},
    {"nA", "nanoampere", 1e-9, 0, {0, 0, 0, 1}, 0, 0},
    {"C", "coulomb", 1, 0, {1, 0, 0, 1}, 0, 0},
    {"V", "volt", 1, 0, {-3, 2, 1, -1}, 0, 0},
    {"mV", "millivolt", 1e-3, 0, {-3, 2, 1, -1}, 0, 0},
    {"uV", "microvolt", 1e-6, 0, {-3, 2, 1, -1}, 0, 0},
    {"kV", "kilovolt", 1e3, 0, {-3, 2, 1, -1}, 0, 0},
    {"Ohm", "ohm", 1, 0, {-3, 2, 1, -2}, 0, 0},
    {"\xce\xa9", "ohm", 1, 0, {-3, 2, 1, -2}, 0, 1},
    {"mOhm", "milliohm", 1e-3, 0, {-3, 2, 1, -2}, 0, 0},
    {"kOhm", "kiloohm", 1e3, 0, {-3, 2, 1, -2}, 0, 0},
    {"MOhm", "megaohm", 1e6, 0, {-3, 2, 1, -2}, 0, 0},
    {"S", "siemens", 1, 0, {3, -2, -1, 2}, 0, 0},
    {"F", "farad", 1, 0, {4, -2, -1, 2}, 0, 0},
    {"uF", "microfarad", 1e-6, 0, {4, -2, -1, 2}, 0, 0},
    {"nF", "nanofarad", 1e-9, 0, {4, -2, -1, 2}, 0, 0},
    {"pF", "picofarad", 1e-12, 0, {4, -2, -1, 2}, 0, 0},
    {"H", "henry", 1, 0, {-2, 2, 1, -2}, 0, 0},
    {"uH", "microhenry", 1e-6, 0, {-2, 2, 1, -2}, 0, 0},
    {"T", "tesla", 1, 0, {-2, 0, 1, -1}, 0, 0},
    {"gauss", "gauss", 1e-4, 0, {-2, 0, 1, -1}, 0, 0},
    {"K", "kelvin", 1, 0, {0, 0, 0, 0, 1}, 0, 0},
    {"mK", "millikelvin", 1e-3, 0, {0, 0, 0, 0, 1}, 0, 0},
    {"degC", "degree Celsius", 1, 273.15, {0, 0, 0, 0, 1}, EQ_UNIT_POINT, 0},
    {"\xc2\xb0"
     "C",
     "degree Celsius",
     1,
     273.15,
     {0, 0, 0, 0, 1},
     EQ_UNIT_POINT,
     1},
    {"degF", "degree Fahrenheit", 5.0 / 9, 459.67 * 5 / 9, {0, 0, 0, 0, 1}, EQ_UNIT_POINT, 0},
    {"delta_degC", "difference of two degC", 1, 0, {0, 0, 0, 0, 1}, EQ_UNIT_DELTA, 0},
    {"delta_degF", "difference of two degF", 5.0 / 9, 0, {0, 0, 0, 0, 1}, EQ_UNIT_DELTA, 0},
    {"mol", "mole", 1, 0, {0, 0, 0, 0, 0, 1}, 0, 0},
    {"sccm", "standard cm3 per minute", MOL_PER_SCC / 60, 0, {-1, 0, 0, 0, 0, 1}, 0, 0},
    {"slm", "standard litre per minute", MOL_PER_SCC * 1000 / 60, 0, {-1, 0, 0, 0, 0, 1}, 0, 0},
    {"cd", "candela", 1, 0, {0, 0, 0, 0, 0, 0, 1}, 0, 0},
    {"rad", "radian", 1, 0, {0}, 0, 0},
    {"deg", "degree of angle", 3.14159265358979323846 / 180, 0, {0}, 0, 0},
    {"%", "per cent", 1e-2, 0, {0}, 0, 0},
    {"ppm", "parts per million", 1e-6, 0, {0}, 0, 0},
    {"ppb", "parts per 10^9", 1e-9, 0, {0}, 0, 0},
};

const struct eq_unit eq_unit_one = {.scale = 1};
const struct eq_unit eq_unit_unknown = {.scale = 1, .unknown = true};

const char *eq_unit_at(size_t index, const char **ret_text) {
  if (index >= TFDC_COUNT(symbols)) return NULL;
  *ret_text = symbols[index].text;
  return symbols[index].name;
}

const char *eq_unit_nearest(const char *text) {
  size_t best = SIZE_MAX;
  const char *name = NULL;
  for (size_t i = 0; i < TFDC_COUNT(symbols); i++) {
    size_t d = tfdc_distance(text, symbols[i].name);
    if (d < best) {
      best = d;
      name = symbols[i].name;
    }
  }
  return best <= 2 && best < strlen(text) ? name : NULL;
}

static bool symbol_unit(const char *text, size_t n, struct eq_unit *ret) {
  for (size_t i = 0; i < TFDC_COUNT(symbols); i++) {
    const struct symbol *s = &symbols[i];
    if (strlen(s->name) != n || memcmp(s->name, text, n) != 0) continue;
    *ret = (struct eq_unit){.scale = s->scale, .offset = s->offset, .class = s->class, .n_factors = 1};
    memcpy(ret->dim, s->dim, sizeof ret->dim);
    ret->factor[0] = (struct eq_unit_factor){(uint8_t)(s->same_as_previous ? i - 1 : i), 1};
    return true;
  }
  return false;
}

static double whole_power(double base, int exp) {
  double r = 1;
  for (int i = 0; i < (exp < 0 ? -exp : exp); i++) r *= base;
  return exp < 0 ? 1 / r : r;
}

bool eq_unit_power(const struct eq_unit *a, int exp, struct eq_unit *ret) {
  struct eq_unit u = *a;
  if (exp < -9 || exp > 9) return false;
  u.offset = 0;
  u.class = EQ_UNIT_PLAIN;
  u.scale = whole_power(a->scale, exp);
  for (int i = 0; i < EQ_UNIT_DIMS; i++) {
    int d = a->dim[i] * exp;
    if (d < -100 || d > 100) return false;
    u.dim[i] = (int8_t)d;
  }
  for (int i = 0; i < u.n_factors; i++) {
    int e = a->factor[i].exp * exp;
    if (e < -100 || e > 100) return false;
    u.factor[i].exp = (int8_t)e;
  }
  if (exp == 0) u.n_factors = 0;
  *ret = u;
  return true;
}

bool eq_unit_root(const struct eq_unit *a, struct eq_unit *ret) {
  struct eq_unit u = *a;
  double scale = 1;
  for (int i = 0; i < EQ_UNIT_DIMS; i++) {
    if (a->dim[i] % 2 != 0) return false;
    u.dim[i] = (int8_t)(a->dim[i] / 2);
  }
  for (int i = 0; i < u.n_factors; i++) {
    if (a->factor[i].exp % 2 != 0) return false;
    u.factor[i].exp = (int8_t)(a->factor[i].exp / 2);
    scale *= whole_power(symbols[u.factor[i].symbol].scale, u.factor[i].exp);
  }
  u.scale = scale;
  u.offset = 0;
  u.class = EQ_UNIT_PLAIN;
  *ret = u;
  return true;
}

static bool add_factor(struct eq_unit *u, uint8_t symbol, int exp) {
  for (uint8_t i = 0; i < u->n_factors; i++) {
    if (u->factor[i].symbol != symbol) continue;
    int e = u->factor[i].exp + exp;
    if (e < -100 || e > 100) return false;
    u->factor[i].exp = (int8_t)e;
    if (e == 0) {
      memmove(&u->factor[i], &u->factor[i + 1], (size_t)(u->n_factors - i - 1) * sizeof u->factor[0]);
      u->n_factors--;
    }
    return true;
  }
  if (u->n_factors == EQ_UNIT_FACTORS) return false;
  u->factor[u->n_factors++] = (struct eq_unit_factor){symbol, (int8_t)exp};
  return true;
}

bool eq_unit_product(const struct eq_unit *a, const struct eq_unit *b, int sign, struct eq_unit *ret) {
  struct eq_unit u = *a;
  u.offset = 0;
  u.class = EQ_UNIT_PLAIN;
  u.unknown = a->unknown || b->unknown;
  u.scale = sign > 0 ? a->scale * b->scale : a->scale / b->scale;
  for (int i = 0; i < EQ_UNIT_DIMS; i++) {
    int d = a->dim[i] + sign * b->dim[i];
    if (d < -100 || d > 100) return false;
    u.dim[i] = (int8_t)d;
  }
  for (uint8_t i = 0; i < b->n_factors; i++)
    if (!add_factor(&u, b->factor[i].symbol, sign * b->factor[i].exp)) return false;
  *ret = u;
  return true;
}

struct eq_unit eq_unit_delta(const struct eq_unit *u) {
  struct eq_unit d = *u;
  if (u->class != EQ_UNIT_POINT) return d;
  d.offset = 0;
  d.class = EQ_UNIT_PLAIN;
  if (u->n_factors != 1) return d;
  const char *name = symbols[u->factor[0].symbol].name;
  for (size_t i = 0; i < TFDC_COUNT(symbols); i++) {
    if (strncmp(symbols[i].name, "delta_", 6) != 0 || strcmp(symbols[i].name + 6, name) != 0) continue;
    d.factor[0].symbol = (uint8_t)i;
    d.class = EQ_UNIT_DELTA;
  }
  return d;
}

bool eq_unit_is_dimensionless(const struct eq_unit *u) {
  static const int8_t none[EQ_UNIT_DIMS];
  return memcmp(u->dim, none, sizeof none) == 0;
}
bool eq_unit_same_dimension(const struct eq_unit *a, const struct eq_unit *b) {
  return memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}
bool eq_unit_is_percent(const struct eq_unit *u) {
  return u->n_factors == 1 && u->factor[0].exp == 1 && strcmp(symbols[u->factor[0].symbol].name, "%") == 0;
}

/* exponent behind "^": an optional minus and one digit. */
static bool take_exponent(const char *text, size_t n, size_t *pos, int *ret) {
  *ret = 1;
  if (*pos == n || text[*pos] != '^') return true;
  (*pos)++;
  bool minus = *pos < n && text[*pos] == '-';
  if (minus) (*pos)++;
  if (*pos == n || text[*pos] < '0' || text[*pos] > '9') return false;
  *ret = (minus ? -1 : 1) * (text[(*pos)++] - '0');
  return true;
}

static void skip_blanks(const char *text, size_t n, size_t *pos) {
  while (*pos < n && text[*pos] == ' ') (*pos)++;
}

static bool take_factor(const char *text, size_t n, size_t *pos, struct eq_unit *ret) {
  size_t start = *pos;
  while (*pos < n && strchr(" */^()[]", text[*pos]) == NULL) (*pos)++;
  size_t len = *pos - start;
  if (len == 1 && text[start] == '1')
    *ret = eq_unit_one;
  else if (len == 0 || !symbol_unit(text + start, len, ret))
    return false;
  int exp;
  if (!take_exponent(text, n, pos, &exp)) return false;
  return exp == 1 || eq_unit_power(ret, exp, ret);
}

bool eq_unit_parse(const char *text, size_t n, struct eq_unit *ret) {
  struct eq_unit u, next;
  size_t pos = 0;
  skip_blanks(text, n, &pos);
  if (!take_factor(text, n, &pos, &u)) return false;
  for (skip_blanks(text, n, &pos); pos < n; skip_blanks(text, n, &pos)) {
    char op = text[pos++];
    if (op != '*' && op != '/') return false;
    skip_blanks(text, n, &pos);
    if (!take_factor(text, n, &pos, &next)) return false;
    u = eq_unit_delta(&u);
    next = eq_unit_delta(&next);
    if (!eq_unit_product(&u, &next, op == '*' ? 1 : -1, &u)) return false;
  }
  *ret = u;
  return true;
}

bool eq_unit_is_known(const char *text) {
  struct eq_unit u;
  return eq_unit_parse(text, strlen(text), &u);
}

static void put(char buf[EQ_UNIT_TEXT], size_t *pos, const char *fmt, const char *name, int exp) {
  int len = snprintf(buf + *pos, EQ_UNIT_TEXT - *pos, fmt, name, exp);
  if (len > 0 && (size_t)len < EQ_UNIT_TEXT - *pos) *pos += (size_t)len;
}

void eq_unit_format(const struct eq_unit *u, char buf[EQ_UNIT_TEXT]) {
  size_t pos = 0;
  buf[0] = '\0';
  for (int i = 0; i < u->n_factors; i++) {
    int exp = u->factor[i].exp;
    if (exp < 0) continue;
    if (pos > 0) put(buf, &pos, "*%.0s", "", 0);
    put(buf, &pos, exp == 1 ? "%s" : "%s^%d", symbols[u->factor[i].symbol].name, exp);
  }
  if (pos == 0 && !u->unknown) put(buf, &pos, "1%.0s", "", 0);
  for (int i = 0; i < u->n_factors; i++) {
    int exp = -u->factor[i].exp;
    if (exp <= 0) continue;
    if (pos == 0) put(buf, &pos, "1%.0s", "", 0);
    put(buf, &pos, exp == 1 ? "/%s" : "/%s^%d", symbols[u->factor[i].symbol].name, exp);
  }
}
