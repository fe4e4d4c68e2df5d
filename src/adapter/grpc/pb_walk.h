/* SPDX-License-Identifier: Apache-2.0
 * The wire format of protocol buffers, one field at a time, for the few places where unpacking would cost too much. */
#ifndef ADAPTER_GRPC_PB_WALK_H
#define ADAPTER_GRPC_PB_WALK_H

#include "base/cursor.h"

enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };
struct pb_field {
  uint32_t number;
  enum pb_wire wire;
  uint64_t value;      /* PB_VARINT */
  const uint8_t *data; /* the others: borrowed */
  size_t n;
};

/* The next field. MALFORMED or TRUNCATED when the bytes are not protobuf (groups, which proto3 has not, included). */
static inline TFDC_MUST_USE tfdc_rc pb_next(struct tfdc_cursor *c, struct pb_field *f) {
  uint64_t key;
  TFDC_TRY(tfdc_take_uvarint(c, &key));
  if (key >> 3 == 0 || key > UINT32_MAX) return TFDC_E_MALFORMED;
  f->number = (uint32_t)(key >> 3);
  f->data = NULL;
  f->n = 0;
  f->value = 0;
  switch (key & 7) {
  case PB_VARINT: f->wire = PB_VARINT; return tfdc_take_uvarint(c, &f->value);
  case PB_BYTES: f->wire = PB_BYTES; return tfdc_take_bytes(c, SIZE_MAX, &f->data, &f->n);
  case PB_FIXED64:
    f->wire = PB_FIXED64;
    f->n = 8;
    return tfdc_take(c, 8, &f->data);
  case PB_FIXED32:
    f->wire = PB_FIXED32;
    f->n = 4;
    return tfdc_take(c, 4, &f->data);
  default: return TFDC_E_MALFORMED;
  }
}

#endif
