/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/verdict.h"

const char *spc_verdict_name(enum spc_verdict v) {
  switch (v) {
  case SPC_OK: return "OK";
  case SPC_WARN: return "WARN";
  case SPC_OOC: return "OOC";
  case SPC_ACTION: return "ACTION";
  case SPC_NOT_JUDGED: return "NOT_JUDGED";
  }
  return "?";
}
