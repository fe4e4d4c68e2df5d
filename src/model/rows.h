/* SPDX-License-Identifier: Apache-2.0
 * The notation of the field tables. A table defines REC as its record, lists its rows and undefines it. Internal to the
 * files tables*.c. */
#ifndef MODEL_ROWS_H
#define MODEL_ROWS_H

#include "base/text.h"
#include "model/fields.h"
#include "model/records.h"
#include "model/strategy.h"

#define AT(member) .offset = offsetof(REC, member)
#define ID(key, member, ...)                                                                                           \
  { .name = key, AT(member), .type = MODEL_F_ID, .flags = 0 __VA_ARGS__ }
#define TEXT(key, member, ...)                                                                                         \
  { .name = key, AT(member), .type = MODEL_F_TEXT, .flags = 0 __VA_ARGS__ }
#define LINE(key, member, most)                                                                                        \
  { .name = key, AT(member), .type = MODEL_F_LINE, .max = most }
#define BOOL(key, member, ...)                                                                                         \
  { .name = key, AT(member), .type = MODEL_F_BOOL, .flags = 0 __VA_ARGS__ }
#define U32(key, member, ...)                                                                                          \
  { .name = key, AT(member), .type = MODEL_F_U32, .min = 0, .max = UINT32_MAX, .flags = 0 __VA_ARGS__ }
#define U64(key, member)                                                                                               \
  { .name = key, AT(member), .type = MODEL_F_U64, .min = 0, .max = INT64_MAX }
#define I64(key, member, least, ...)                                                                                   \
  { .name = key, AT(member), .type = MODEL_F_I64, .min = least, .max = INT64_MAX, .flags = 0 __VA_ARGS__ }
#define TIME(key, member, ...)                                                                                         \
  { .name = key, AT(member), .type = MODEL_F_TIME, .flags = 0 __VA_ARGS__ }
#define HEX64(key, member)                                                                                             \
  { .name = key, AT(member), .type = MODEL_F_HEX64 }
#define ID128(key, member, ...)                                                                                        \
  { .name = key, AT(member), .type = MODEL_F_ID128, .flags = 0 __VA_ARGS__ }
#define F64(key, member, ...)                                                                                          \
  { .name = key, AT(member), .type = MODEL_F_F64, .flags = 0 __VA_ARGS__ }
#define F64_IN(key, member, least, most)                                                                               \
  { .name = key, AT(member), .type = MODEL_F_F64, .flags = MODEL_F_FINITE, .min = least, .max = most }
#define ENUM(key, member, list, ...)                                                                                   \
  { .name = key, AT(member), .type = MODEL_F_ENUM, .names = &list, .flags = 0 __VA_ARGS__ }
#define BLOB(key, member, most)                                                                                        \
  { .name = key, AT(member), .offset_n = offsetof(REC, member##_n), .type = MODEL_F_BLOB, .max = most }
#define LIST(key, member, table, most, ...)                                                                            \
  {                                                                                                                    \
    .name = key, AT(member), .offset_n = offsetof(REC, n_##member), .type = MODEL_F_LIST, .sub = &table, .max = most,  \
    .flags = 0 __VA_ARGS__                                                                                             \
  }
#define STRINGS(key, member, most, ...)                                                                                \
  { .name = key, AT(member), .type = MODEL_F_STRINGS, .max = most, .flags = 0 __VA_ARGS__ }
#define NEED  | MODEL_F_REQUIRED
#define FULL  | MODEL_F_NONEMPTY
#define AMEND | MODEL_F_AMENDABLE
#define IDS   | MODEL_F_IDS
#define TABLE(title, record, list, image)                                                                              \
  { .name = title, .size = sizeof(record), .defaults = &image, .fields = list, .n = TFDC_COUNT(list) }
#define BIG (INT64_C(1) << 53) /* more than any rate or resolution */
enum { LINE_MAX_BYTES = 4096, PROSE_MAX_BYTES = 16384 };

#endif
