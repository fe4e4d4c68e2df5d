/* SPDX-License-Identifier: Apache-2.0
 * A read that states and episodes share. Private to spc. */
#ifndef SPC_TAKE_H
#define SPC_TAKE_H

#include "base/cursor.h"

/* A uvarint of at most 32 bits; MALFORMED above. */
static inline TFDC_MUST_USE tfdc_rc spc_take_u32(struct tfdc_cursor *in, uint32_t *ret) {
  uint64_t v;
  TFDC_TRY(tfdc_take_uvarint(in, &v));
  if (v > UINT32_MAX) return TFDC_E_MALFORMED;
  *ret = (uint32_t)v;
  return TFDC_OK;
}

#endif
