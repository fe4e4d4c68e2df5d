/* SPDX-License-Identifier: Apache-2.0
 * Private to ingest_*.c: the dictionary as the block walk asks it. */
#ifndef ADAPTER_GRPC_INGEST_BLOCK_H
#define ADAPTER_GRPC_INGEST_BLOCK_H

#include "adapter/grpc/ingest_wire.h"

/* NULL: not in the dictionary. after: the one found before, or NULL; columns mostly stand in order. */
const struct ingest_svid *ingest_chamber_svid(const struct ingest_chamber *c, uint32_t number,
                                              const struct ingest_svid *after);

#endif
