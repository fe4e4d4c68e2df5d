/* SPDX-License-Identifier: Apache-2.0
 * Values as ALP: adaptive lossless floating-point compression (Afroozeh, Kuffo, Boncz, SIGMOD 2023), one column a
 * metric. A column is main (decimals become integers), rd (a dictionary of the high bits), or raw. Which one, and with
 * which parameters, the format fixes; the sums of bits below are its own. */
#include "mebo/codec.h"

#include "mebo/bits.h"

#include <math.h>

enum { scheme_main = 0, scheme_rd = 1, scheme_raw = 2 };
enum { most_exponent = 18, most_sample = 63, most_dict = 8, most_left_bits = 16 };
enum { main_header = 15, main_exception = 12, rd_header = 7, rd_exception = 6 };

static const double power[most_exponent + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                                1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
static const double inverse[most_exponent + 1] = {1e0,   1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,  1e-8, 1e-9,
                                                  1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18};

/* Exponent e and factor f of a main column. */
struct scale {
  unsigned e, f;
};

struct mebo_alp {
  struct scale last; /* of the column before: a good first guess */
  uint32_t counts[1u << most_left_bits];
  uint16_t seen[1u << most_left_bits]; /* where counts is not 0 */
};

struct dict {
  uint16_t left[most_dict];
  unsigned n;
};

tfdc_rc mebo_alp_create(struct mebo_alp **ret) {
  struct mebo_alp *a = calloc(1, sizeof *a);
  if (a == NULL) return TFDC_E_NOMEM;
  *ret = a;
  return TFDC_OK;
}

void mebo_alp_destroy(struct mebo_alp *a) { free(a); }

static inline unsigned bit_length(uint64_t v) { return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v); }
static inline size_t bytes_of(uint64_t n, unsigned bits) { return (size_t)((n * bits + 7) / 8); }
static inline unsigned code_bits(unsigned dict_n) { return dict_n <= 2 ? 1 : dict_n <= 4 ? 2 : 3; }

/* ---- packed integers, least significant bit first ---- */

struct packer {
  uint8_t *p;
  uint64_t acc;
  unsigned fill; /* < 64 */
};

/* v < 2^bits, bits <= 64. */
static inline void pack(struct packer *k, uint64_t v, unsigned bits) {
  if (bits == 0) return;
  k->acc |= v << k->fill;
  k->fill += bits;
  if (k->fill < 64) return;
  mebo_store64(k->p, false, k->acc);
  k->p += 8;
  k->fill -= 64;
  k->acc = k->fill == 0 ? 0 : v >> (bits - k->fill);
}

static uint8_t *pack_end(struct packer *k) {
  mebo_store64(k->p, false, k->acc);
  return k->p + (k->fill + 7) / 8;
}

struct unpacker {
  const uint8_t *data;
  size_t size;
  uint64_t pos; /* bit */
  unsigned bits;
  uint64_t mask;
};

static struct unpacker unpacker_on(const uint8_t *data, size_t size, unsigned bits) {
  return (struct unpacker){.data = data, .size = size, .bits = bits, .mask = bits == 0 ? 0 : UINT64_MAX >> (64 - bits)};
}

/* The caller knows that n * bits fit into size; only the last words need a careful load. */
static inline uint64_t unpack(struct unpacker *u) {
  size_t at = (size_t)(u->pos >> 3);
  unsigned shift = (unsigned)(u->pos & 7);
  uint64_t v;
  if (at + 9 <= u->size) {
    v = mebo_load64(u->data + at, false) >> shift;
    if (shift + u->bits > 64) v |= (uint64_t)u->data[at + 8] << (64 - shift);
  } else {
    uint8_t tail[16] = {0};
    if (at < u->size) memcpy(tail, u->data + at, u->size - at);
    v = mebo_load64(tail, false) >> shift;
    if (shift + u->bits > 64) v |= (uint64_t)tail[8] << (64 - shift);
  }
  u->pos += u->bits;
  return v & u->mask;
}

/* ---- main: choosing e and f ---- */

/* v as an integer of the scale; false if it has none. */
static inline bool to_digits(double v, struct scale s, int64_t *ret) {
  double q = v * power[s.e] * inverse[s.f];
  if (fabs(q) < 0x1p51) { /* adding 1.5 * 2^52 rounds half to even */
    *ret = (int64_t)((q + 0x1.8p52) - 0x1.8p52);
    return true;
  }
  if (!(fabs(q) < 9.2e18)) return false;                         /* NaN and infinity too */
  *ret = (int64_t)(fabs(q) < 0x1p52 ? q + copysign(0.5, q) : q); /* half away from zero; integers from 2^52 on */
  return true;
}

static inline double from_digits(int64_t d, struct scale s) { return (double)d * power[s.f] * inverse[s.e]; }

struct range {
  int64_t min, max;
  uint64_t n;
};
static const struct range empty_range = {INT64_MAX, INT64_MIN, 0};

static inline void range_add(struct range *r, int64_t d) {
  r->n++;
  r->min = d < r->min ? d : r->min;
  r->max = d > r->max ? d : r->max;
}
static inline unsigned range_bits(const struct range *r) {
  return r->n == 0 ? 0 : bit_length((uint64_t)r->max - (uint64_t)r->min);
}

/* Bits that the sample would take, or any number >= give_up once that is certain. */
static uint64_t sample_cost(const double *sample, size_t m, struct scale s, uint64_t give_up) {
  struct range r = empty_range;
  uint64_t exceptions = 0;
  for (size_t i = 0; i < m; i++) {
    int64_t d;
    if (to_digits(sample[i], s, &d) && from_digits(d, s) == sample[i]) /* as numbers: -0.0 passes here */
      range_add(&r, d);
    else
      exceptions++;
    if (m * range_bits(&r) + 96 * exceptions >= give_up) return give_up;
  }
  return m * range_bits(&r) + 96 * exceptions;
}

/* Moves the smallest and the largest value to the front: they show the width of a scale at once. */
static void extremes_first(double *sample, size_t m) {
  for (size_t k = 0; k < 2 && k < m; k++) {
    size_t at = k;
    for (size_t i = k + 1; i < m; i++)
      if (k == 0 ? sample[i] < sample[at] : sample[i] > sample[at]) at = i;
    double v = sample[k];
    sample[k] = sample[at];
    sample[at] = v;
  }
}

/* The cheapest scale in order of (e, f), the first of equals. Beginning with a guess only makes it faster. */
static struct scale find_scale(const double *sample, size_t m, struct scale guess) {
  struct scale best = guess;
  uint64_t best_cost = sample_cost(sample, m, guess, UINT64_MAX);
  bool before = true; /* the scan is before the guess: an equal cost wins there */
  for (unsigned e = 0; e <= most_exponent; e++) {
    for (unsigned f = 0; f <= e; f++) {
      struct scale s = {e, f};
      if (e == guess.e && f == guess.f) {
        before = false;
        continue;
      }
      uint64_t limit = before && best.e == guess.e && best.f == guess.f ? best_cost + 1 : best_cost;
      uint64_t cost = sample_cost(sample, m, s, limit);
      if (cost >= limit) continue;
      best = s;
      best_cost = cost;
    }
  }
  return best;
}

/* ---- main: writing ---- */

static inline bool main_holds(double v, struct scale s, int64_t *ret) {
  return to_digits(v, s, ret) && mebo_bits_of(from_digits(*ret, s)) == mebo_bits_of(v);
}

static void put32(uint8_t *p, bool big, uint32_t v) {
  for (size_t i = 0; i < 4; i++) p[big ? 3 - i : i] = (uint8_t)(v >> (8 * i));
}
static void put16(uint8_t *p, bool big, uint16_t v) {
  p[big ? 1 : 0] = (uint8_t)v;
  p[big ? 0 : 1] = (uint8_t)(v >> 8);
}

static size_t write_main(bool big, const double *v, size_t n, struct scale s, const struct range *r, uint8_t *dst) {
  unsigned bits = range_bits(r);
  dst[0] = scheme_main;
  dst[1] = (uint8_t)s.e;
  dst[2] = (uint8_t)s.f;
  dst[3] = (uint8_t)bits;
  put32(dst + 4, big, (uint32_t)(n - r->n));
  mebo_store64(dst + 8, big, (uint64_t)r->min);
  struct packer k = {.p = dst + 1 + main_header};
  for (size_t i = 0; i < n; i++) {
    int64_t d = 0;
    bool held = r->n == n ? to_digits(v[i], s, &d) : main_holds(v[i], s, &d);
    pack(&k, held ? (uint64_t)d - (uint64_t)r->min : 0, bits);
  }
  uint8_t *p = pack_end(&k);
  if (r->n == n) return (size_t)(p - dst);
  for (size_t i = 0; i < n; i++) {
    int64_t d;
    if (main_holds(v[i], s, &d)) continue;
    put32(p, big, (uint32_t)i);
    mebo_store64(p + 4, big, mebo_bits_of(v[i]));
    p += main_exception;
  }
  return (size_t)(p - dst);
}

/* ---- rd ---- */

/* Before in the dictionary: more frequent, then smaller. */
static bool more_frequent(uint32_t a_count, uint16_t a, uint32_t b_count, uint16_t b) {
  return a_count != b_count ? a_count > b_count : a < b;
}

static struct dict most_frequent(struct mebo_alp *a, const uint64_t *bits, const double *v, size_t n, unsigned r) {
  struct dict d = {.n = 0};
  size_t seen = 0;
  for (size_t i = 0; i < n; i++) {
    uint16_t left = (uint16_t)((bits != NULL ? bits[i] : mebo_bits_of(v[i])) >> r);
    if (a->counts[left]++ == 0) a->seen[seen++] = left;
  }
  for (size_t i = 0; i < seen; i++) {
    uint16_t left = a->seen[i];
    unsigned at = d.n;
    while (at > 0 && more_frequent(a->counts[left], left, a->counts[d.left[at - 1]], d.left[at - 1])) at--;
    if (at == most_dict) continue;
    if (d.n < most_dict) d.n++;
    for (unsigned k = d.n - 1; k > at; k--) d.left[k] = d.left[k - 1];
    d.left[at] = left;
  }
  return d;
}

/* Values whose left part the dictionary holds; frees the counts for the next use. */
static uint64_t take_covered(struct mebo_alp *a, const struct dict *d, const uint64_t *bits, const double *v, size_t n,
                             unsigned r) {
  uint64_t covered = 0;
  for (unsigned k = 0; k < d->n; k++) covered += a->counts[d->left[k]];
  for (size_t i = 0; i < n; i++) a->counts[(uint16_t)((bits != NULL ? bits[i] : mebo_bits_of(v[i])) >> r)] = 0;
  return covered;
}

static uint64_t rd_bits(const struct dict *d, uint64_t n, unsigned r, uint64_t covered) {
  return 56 + 16 * (uint64_t)d->n + n * code_bits(d->n) + n * r + 48 * (n - covered);
}

static unsigned find_cut(struct mebo_alp *a, const double *sample, size_t m) {
  uint64_t bits[most_sample], best = UINT64_MAX;
  unsigned best_r = 48;
  for (size_t i = 0; i < m; i++) bits[i] = mebo_bits_of(sample[i]);
  for (unsigned left_bits = 1; left_bits <= most_left_bits; left_bits++) {
    unsigned r = 64 - left_bits;
    struct dict d = most_frequent(a, bits, NULL, m, r);
    uint64_t cost = rd_bits(&d, m, r, take_covered(a, &d, bits, NULL, m, r));
    if (cost >= best) continue;
    best = cost;
    best_r = r;
  }
  return best_r;
}

static unsigned code_in(const struct dict *d, uint16_t left) {
  unsigned k = 0;
  while (k < d->n && d->left[k] != left) k++;
  return k;
}

static size_t write_rd(bool big, const double *v, size_t n, unsigned r, const struct dict *d, uint64_t covered,
                       uint8_t *dst) {
  unsigned bits = code_bits(d->n);
  dst[0] = scheme_rd;
  dst[1] = (uint8_t)r;
  dst[2] = (uint8_t)bits;
  dst[3] = (uint8_t)d->n;
  put32(dst + 4, big, (uint32_t)(n - covered));
  uint8_t *p = dst + 1 + rd_header;
  for (unsigned k = 0; k < d->n; k++, p += 2) put16(p, big, d->left[k]);
  struct packer lefts = {.p = p};
  for (size_t i = 0; i < n; i++) {
    unsigned code = code_in(d, (uint16_t)(mebo_bits_of(v[i]) >> r));
    pack(&lefts, code < d->n ? code : 0, bits);
  }
  struct packer rights = {.p = pack_end(&lefts)};
  uint64_t mask = UINT64_MAX >> (64 - r);
  for (size_t i = 0; i < n; i++) pack(&rights, mebo_bits_of(v[i]) & mask, r);
  p = pack_end(&rights);
  for (size_t i = 0; i < n && covered < n; i++) {
    uint16_t left = (uint16_t)(mebo_bits_of(v[i]) >> r);
    if (code_in(d, left) < d->n) continue;
    put32(p, big, (uint32_t)i);
    put16(p + 4, big, left);
    p += rd_exception;
  }
  return (size_t)(p - dst);
}

/* ---- writing ---- */

static size_t write_raw(bool big, const double *v, size_t n, uint8_t *dst) {
  dst[0] = scheme_raw;
  for (size_t i = 0; i < n; i++) mebo_store64(dst + 1 + 8 * i, big, mebo_bits_of(v[i]));
  return 1 + 8 * n;
}

size_t mebo_alp_encode(struct mebo_alp *a, bool big, const double *v, size_t n, uint8_t *dst) {
  double sample[most_sample];
  size_t m = 0;
  for (size_t i = 0; i<n; i += n> 32 ? n / 32 : 1) sample[m++] = v[i];
  extremes_first(sample, m);
  struct scale s = find_scale(sample, m, a->last);
  a->last = s;
  struct range r = empty_range;
  for (size_t i = 0; i < n; i++) {
    int64_t d;
    if (main_holds(v[i], s, &d)) range_add(&r, d);
  }
  uint64_t raw = 64 * (uint64_t)n;
  uint64_t main_bits = r.n > 0 ? 120 + (uint64_t)n * range_bits(&r) + 96 * (n - r.n) : UINT64_MAX;
  if (r.n == n && main_bits <= raw) return write_main(big, v, n, s, &r, dst);
  unsigned cut = find_cut(a, sample, m);
  struct dict d = most_frequent(a, NULL, v, n, cut);
  uint64_t covered = take_covered(a, &d, NULL, v, n, cut);
  uint64_t bits = rd_bits(&d, n, cut, covered);
  if (main_bits <= bits && main_bits <= raw) return write_main(big, v, n, s, &r, dst);
  if (bits <= raw) return write_rd(big, v, n, cut, &d, covered, dst);
  return write_raw(big, v, n, dst);
}

/* ---- reading ---- */

static tfdc_rc read_raw(bool big, struct tfdc_cursor c, double *v, size_t n) {
  if (tfdc_cursor_left(&c) / 8 < n) return TFDC_E_TRUNCATED;
  for (size_t i = 0; i < n; i++) TFDC_TRY(tfdc_take_f64(&c, big, &v[i]));
  return TFDC_OK;
}

/* Position of an exception: they rise, below n. */
static tfdc_rc take_position(struct tfdc_cursor *c, bool big, uint64_t least, size_t n, uint32_t *ret) {
  TFDC_TRY(tfdc_take_u32(c, big, ret));
  return *ret >= least && *ret < n ? TFDC_OK : TFDC_E_MALFORMED;
}

static tfdc_rc read_main(bool big, struct tfdc_cursor c, double *v, size_t n) {
  uint8_t e, f, bits;
  uint32_t exceptions, at;
  uint64_t min, next = 0;
  const uint8_t *codes;
  TFDC_TRY(tfdc_take_u8(&c, &e));
  TFDC_TRY(tfdc_take_u8(&c, &f));
  TFDC_TRY(tfdc_take_u8(&c, &bits));
  TFDC_TRY(tfdc_take_u32(&c, big, &exceptions));
  TFDC_TRY(tfdc_take_u64(&c, big, &min));
  if (e > most_exponent || f > most_exponent || bits > 64 || exceptions > n) return TFDC_E_MALFORMED;
  size_t codes_n = bytes_of(n, bits);
  TFDC_TRY(tfdc_take(&c, codes_n, &codes));
  if (tfdc_cursor_left(&c) / main_exception < exceptions) return TFDC_E_TRUNCATED;
  struct scale s = {e, f};
  struct unpacker u = unpacker_on(codes, codes_n, bits);
  for (size_t i = 0; i < n; i++) v[i] = from_digits((int64_t)(unpack(&u) + min), s);
  for (uint32_t k = 0; k < exceptions; k++, next = (uint64_t)at + 1) {
    TFDC_TRY(take_position(&c, big, next, n, &at));
    TFDC_TRY(tfdc_take_f64(&c, big, &v[at]));
  }
  return TFDC_OK;
}

static void set_bits(double *v, uint64_t bits) { memcpy(v, &bits, sizeof bits); }

static tfdc_rc read_rd(bool big, struct tfdc_cursor c, double *v, size_t n) {
  uint8_t r, bits, dict_n;
  uint32_t exceptions, at;
  uint64_t next = 0;
  uint16_t dict[most_dict] = {0}, left;
  const uint8_t *codes, *rights;
  TFDC_TRY(tfdc_take_u8(&c, &r));
  TFDC_TRY(tfdc_take_u8(&c, &bits));
  TFDC_TRY(tfdc_take_u8(&c, &dict_n));
  TFDC_TRY(tfdc_take_u32(&c, big, &exceptions));
  if (r > 63 || bits > 3 || dict_n > most_dict || exceptions > n) return TFDC_E_MALFORMED;
  for (unsigned k = 0; k < dict_n; k++) TFDC_TRY(tfdc_take_u16(&c, big, &dict[k]));
  TFDC_TRY(tfdc_take(&c, bytes_of(n, bits), &codes));
  TFDC_TRY(tfdc_take(&c, bytes_of(n, r), &rights));
  if (tfdc_cursor_left(&c) / rd_exception < exceptions) return TFDC_E_TRUNCATED;
  struct unpacker l = unpacker_on(codes, bytes_of(n, bits), bits), u = unpacker_on(rights, bytes_of(n, r), r);
  for (size_t i = 0; i < n; i++) {
    uint64_t code = unpack(&l);
    if (code >= dict_n) return TFDC_E_MALFORMED;
    set_bits(&v[i], (uint64_t)dict[code] << r | unpack(&u));
  }
  for (uint32_t k = 0; k < exceptions; k++, next = (uint64_t)at + 1) {
    TFDC_TRY(take_position(&c, big, next, n, &at));
    TFDC_TRY(tfdc_take_u16(&c, big, &left));
    set_bits(&v[at], (uint64_t)left << r | (mebo_bits_of(v[at]) & u.mask));
  }
  return TFDC_OK;
}

tfdc_rc mebo_alp_decode(bool big, struct tfdc_cursor src, double *v, size_t n) {
  uint8_t scheme;
  TFDC_TRY(tfdc_take_u8(&src, &scheme));
  if (scheme == scheme_main) return read_main(big, src, v, n);
  if (scheme == scheme_rd) return read_rd(big, src, v, n);
  return scheme == scheme_raw ? read_raw(big, src, v, n) : TFDC_E_MALFORMED;
}
