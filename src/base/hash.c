/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

uint64_t tfdc_xxh3_64(const void *data, size_t n) { return XXH3_64bits(data, n); }
uint64_t tfdc_xxh64(const void *data, size_t n) { return XXH64(data, n, 0); }

struct tfdc_id128 tfdc_xxh3_128(const void *data, size_t n) {
  XXH128_hash_t h = XXH3_128bits(data, n);
  return (struct tfdc_id128){.hi = h.high64, .lo = h.low64};
}

char *tfdc_id128_format(struct tfdc_id128 id, char buf[33]) {
  (void)snprintf(buf, 33, "%016" PRIx64 "%016" PRIx64, id.hi, id.lo);
  return buf;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool tfdc_id128_parse(const char *text, struct tfdc_id128 *ret) {
  if (strlen(text) != 32) return false;
  uint64_t half[2] = {0, 0};
  for (size_t i = 0; i < 32; i++) {
    int d = hex_digit(text[i]);
    if (d < 0) return false;
    half[i / 16] = half[i / 16] << 4 | (uint64_t)d;
  }
  *ret = (struct tfdc_id128){.hi = half[0], .lo = half[1]};
  return true;
}
