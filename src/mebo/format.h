/* SPDX-License-Identifier: Apache-2.0
 * Fixed numbers of the blob: header, options, index entries. Private to mebo.
 *
 * numeric blob: header 32 | names (optional) | index | shared table (optional) | time stamps | values | tags (optional)
 * header: options u16 (always little-endian) | encodings u8 | compressions u8 | start i64 | metrics u32 |
 *         offsets u32 of index, time stamps, values, tags */
#ifndef MEBO_FORMAT_H
#define MEBO_FORMAT_H

enum {
  MEBO_HEADER_BYTES = 32,
  MEBO_ENTRY_BYTES = 16,          /* id u64, then u16: points, steps of time stamps, values, tags */
  MEBO_EXTENDED_ENTRY_BYTES = 32, /* id u64, then u32: the same, and 8 bytes of 0 */

  MEBO_OPTION_TAGS = 1,
  MEBO_OPTION_BIG = 2,
  MEBO_OPTION_NAMES = 4,
  MEBO_OPTION_SHARED = 8,

  MEBO_MAGIC_MASK = 0xfff0,
  MEBO_MAGIC_LAYOUT1 = 0xea10,
  MEBO_MAGIC_LAYOUT2 = 0xea20,
  MEBO_MAGIC_EXTENDED = 0xea30,
  MEBO_MAGIC_TEXT = 0xeb10
};

#endif
