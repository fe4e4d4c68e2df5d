/* SPDX-License-Identifier: Apache-2.0
 * Mebo: compact blobs of named time series (numeric blobs, layouts 1 and 2 of the format).
 *
 * A blob holds metrics; a metric is an id, or a name whose XXH64 (seed 0) is the id, and n points (time stamp int64
 * microseconds, value double). All bits of a value come back, NaN payloads and -0.0 included. Times need not rise.
 *
 * No function keeps process-wide state, starts a thread or logs; memory comes from malloc only and a failed allocation
 * is TFDC_E_NOMEM. One writer belongs to one thread at a time. An open reader never changes: any number of threads may
 * read from it. Where a function fails, its ret_/out parameters are untouched unless stated. */
#ifndef MEBO_H
#define MEBO_H

#include "base/cursor.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of the format. */
enum mebo_ts_encoding { MEBO_TS_RAW = 1, MEBO_TS_DELTA = 2, MEBO_TS_DELTA_PACKED = 5 };
enum mebo_value_encoding { MEBO_VALUE_RAW = 1, MEBO_VALUE_GORILLA = 3, MEBO_VALUE_CHIMP = 4, MEBO_VALUE_ALP = 6 };
enum mebo_compression { MEBO_NONE = 1, MEBO_ZSTD = 2, MEBO_S2 = 3, MEBO_LZ4 = 4 };

#define MEBO_MAX_METRICS    65536u /* per blob; 65,535 once two names of the blob share a hash */
#define MEBO_MAX_NAME_BYTES 65535u

/* ---- writing ---- */

struct mebo_options {
  uint8_t layout;         /* 2: sorted by id (default); 1: in the order added, <= 7,281 points a metric */
  uint8_t ts_encoding;    /* enum mebo_ts_encoding */
  uint8_t value_encoding; /* enum mebo_value_encoding */
  uint8_t ts_compression, value_compression; /* enum mebo_compression */
  bool shared_timestamps;                    /* equal time stamps are stored once; layout 2 only */
  bool big_endian;
  int zstd_level;   /* where a compression is MEBO_ZSTD: 1..19 */
  int64_t start_us; /* start time in the header; points do not depend on it */
};
/* Layout 2, shared time stamps, Delta, ALP, nothing compressed, little-endian. Chosen by bench/bench_mebo on one core
 * of an AMD EPYC: ns/point written, ns/point read, bytes/point, zstd on the values only. two decimals, jitter   full
 * precision       real etcher (50 metrics x 300 points a blob)            (129 runs of 19 sensors) Gorilla            5
 * /  3 / 6.53          5-8 / 3-5 / 6.53     7 /  4 / 1.60 Gorilla + zstd 1  14 / 10 / 6.22         7-12 / 4-7 / 6.53 14
 * / 12 / 1.54 ALP (default)     21 /  2 / 1.96           60 / 4 / 6.47      38 /  5 / 1.33 ALP + zstd 1      25 /  3
 * / 1.96           72 / 5 / 6.47      46 / 10 / 1.26 Where values have no decimals to find, ALP costs most to write and
 * gains nothing: take Gorilla there. */
struct mebo_options mebo_options_default(void);

struct mebo_writer;
/* Errors: UNSUPPORTED (a compression that this library does not write: S2, LZ4), USAGE, NOMEM. *ret is the
 * caller's, to be destroyed. One writer makes any number of blobs and keeps its memory between them. */
TFDC_MUST_USE tfdc_rc mebo_writer_create(const struct mebo_options *options, struct mebo_writer **ret,
                                         struct tfdc_error *err);
void mebo_writer_destroy(struct mebo_writer *w); /* NULL ok */
/* Forgets all metrics and begins a new blob; the options stay, start_us is replaced. */
void mebo_writer_reset(struct mebo_writer *w, int64_t start_us);
/* One metric of n >= 1 points in the order given. times_us NULL: the time stamps of the metric added before, which had
 * n points too. (Equal arrays are also noticed, at the price of a comparison.) Arrays and name are borrowed during the
 * call only. A refused metric leaves the writer as it was; after NOMEM too.
 * Errors: USAGE (n = 0, empty name, metrics by id before, after finish), EXISTS (name was added before), LIMIT. */
TFDC_MUST_USE tfdc_rc mebo_writer_add(struct mebo_writer *w, const char *name, size_t n, const int64_t *times_us,
                                      const double *values, struct tfdc_error *err);
/* The same by id (never 0); a blob is either all by name or all by id. */
TFDC_MUST_USE tfdc_rc mebo_writer_add_id(struct mebo_writer *w, uint64_t id, size_t n, const int64_t *times_us,
                                         const double *values, struct tfdc_error *err);
size_t mebo_writer_count(const struct mebo_writer *w); /* metrics so far */
/* Encoded bytes so far, before compression and sharing of equal time stamps that do not follow each other. */
size_t mebo_writer_size(const struct mebo_writer *w);
/* Appends the blob to out (on failure out keeps what it had). Then only reset and destroy are allowed.
 * Errors: USAGE (no metric, or finished before), LIMIT (2^32-1 bytes, or out's own limit), NOMEM. */
TFDC_MUST_USE tfdc_rc mebo_writer_finish(struct mebo_writer *w, struct tfdc_buf *out, struct tfdc_error *err);

/* ---- reading ---- */

/* 0 in a field means its default. */
struct mebo_limits {
  size_t max_decompressed; /* bytes of each payload; default and most 128 MiB */
  size_t max_metrics;      /* default 65,536 */
  size_t max_points;       /* of all metrics together; default 2^25 */
};

struct mebo_reader;
/* Checks the header, the index, the shared time stamps and that each payload is long enough for its counts;
 * decompresses. `data` is borrowed and must outlive the reader. Tags are skipped (mebo_validate looks at them). Memory
 * used is at most what the blob can justify, whatever it claims. Errors name the place: TRUNCATED, MALFORMED,
 * UNSUPPORTED (text blobs, S2, LZ4), LIMIT, NOMEM. *ret is the caller's, to be destroyed. */
TFDC_MUST_USE tfdc_rc mebo_reader_open(const void *data, size_t size, const struct mebo_limits *limits,
                                       struct mebo_reader **ret, struct tfdc_error *err);
void mebo_reader_destroy(struct mebo_reader *r); /* NULL ok */

size_t mebo_reader_count(const struct mebo_reader *r);
int64_t mebo_reader_start_us(const struct mebo_reader *r);

struct mebo_metric {
  uint64_t id;
  const char *name; /* NULL unless the blob stores names (it does on a hash collision only); no NUL behind; valid as
                     * long as the blob */
  size_t name_n;
  size_t points;
  size_t ts_group; /* metrics with equal numbers share their time stamps: decode once; it is the index of one of them */
};
/* index < count, in the order of the blob's index. */
void mebo_reader_metric(const struct mebo_reader *r, size_t index, struct mebo_metric *ret);
/* By name: the name itself where names are stored, else its hash. False when there is none. */
bool mebo_reader_find(const struct mebo_reader *r, const char *name, size_t *ret_index);
/* By id; where names collide, the first of them. */
bool mebo_reader_find_id(const struct mebo_reader *r, uint64_t id, size_t *ret_index);

/* All points of one metric into the caller's array of `points` elements (which is undefined after a failure).
 * Errors: TRUNCATED (the stream ends early), MALFORMED. */
TFDC_MUST_USE tfdc_rc mebo_reader_times(const struct mebo_reader *r, size_t index, int64_t *times_us,
                                        struct tfdc_error *err);
TFDC_MUST_USE tfdc_rc mebo_reader_values(const struct mebo_reader *r, size_t index, double *values,
                                         struct tfdc_error *err);

/* Opens the blob and decodes everything in it. */
TFDC_MUST_USE tfdc_rc mebo_validate(const void *data, size_t size, const struct mebo_limits *limits,
                                    struct tfdc_error *err);

#endif
