/* SPDX-License-Identifier: Apache-2.0
 * The durable embedded key-value buckets on one SQLite file, which may also be the store's. The rules are
 * port/kv_state.h. They belong to one process; watches die with it. Ttls go on over a restart by the wall clock. */
#ifndef ADAPTER_SQLITE_KV_SQLITE_H
#define ADAPTER_SQLITE_KV_SQLITE_H

#include "port/kv.h"

struct kv_sqlite;

/* As queue_sqlite_open: LOCKED names the other process; the clock must be the operating system's. */
TFDC_MUST_USE tfdc_rc kv_sqlite_open(const char *path, struct port_clock *clock, struct kv_sqlite **ret,
                                     struct tfdc_error *err);
/* After the port was closed, or when it was never used. NULL is fine. */
void kv_sqlite_destroy(struct kv_sqlite *k);
struct port *kv_sqlite_port(struct kv_sqlite *k);

#endif
