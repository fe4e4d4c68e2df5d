/* SPDX-License-Identifier: Apache-2.0
 * The durable embedded queue: publish and work queue on one SQLite file, which may also be the store's. The rules are
 * port/queue_state.h; this keeps the messages.
 *
 * It belongs to one process, and so do its consumers: they are gone after a restart, and all that was not acked is
 * delivered again. A delivery is counted in the file before it is handed out, so a process that dies while it judges
 * has made an attempt. Send, ack and dead letter are answered after the commit (WAL, synchronous=FULL; one commit for
 * all requests that wait). Ids are remembered over a restart by the wall clock. */
#ifndef ADAPTER_SQLITE_QUEUE_SQLITE_H
#define ADAPTER_SQLITE_QUEUE_SQLITE_H

#include "port/queue.h"

struct queue_sqlite;

/* Opens or creates. LOCKED: another process (named in the error) or another opener of this one has the queue. The clock
 * must be the operating system's. Errors as store_sqlite_open; SCHEMA: the queue was written by a newer release. */
TFDC_MUST_USE tfdc_rc queue_sqlite_open(const char *path, struct port_clock *clock, struct queue_sqlite **ret,
                                        struct tfdc_error *err);
/* After both ports were closed, or when neither was ever used. Lets others open it. NULL is fine. */
void queue_sqlite_destroy(struct queue_sqlite *q);

struct port *queue_sqlite_publish(struct queue_sqlite *q);
struct port *queue_sqlite_work(struct queue_sqlite *q);

#endif
