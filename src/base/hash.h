/* SPDX-License-Identifier: Apache-2.0
 * Hashes (xxHash): XXH3-128 for context ids, XXH3-64 for checksums, XXH64 (seed 0) for Mebo metric ids. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tfdc_id128 {
  uint64_t hi, lo;
};

uint64_t tfdc_xxh3_64(const void *data, size_t n);
struct tfdc_id128 tfdc_xxh3_128(const void *data, size_t n);
uint64_t tfdc_xxh64(const void *data, size_t n);

/* 32 lower-case hex digits and a NUL; returns buf. */
char *tfdc_id128_format(struct tfdc_id128 id, char buf[33]);
/* Exactly 32 hex digits; false for anything else. */
bool tfdc_id128_parse(const char *text, struct tfdc_id128 *ret);
static inline bool tfdc_id128_eq(struct tfdc_id128 a, struct tfdc_id128 b) { return a.hi == b.hi && a.lo == b.lo; }
static inline int tfdc_id128_cmp(struct tfdc_id128 a, struct tfdc_id128 b) {
  if (a.hi != b.hi) return a.hi < b.hi ? -1 : 1;
  if (a.lo != b.lo) return a.lo < b.lo ? -1 : 1;
  return 0;
}

#endif
