/* SPDX-License-Identifier: Apache-2.0
 * `tfdc dev`: every role in one process on one SQLite file, which is store, queue and key-value data. */
#ifndef APP_DEV_H
#define APP_DEV_H

#include "app/config.h"
#include "base/log.h"

struct dev;
/* Starts everything and waits until it is ready. config must outlive it; log may be NULL. Call dev_process_init() first
 * and block signals that the program waits for: the threads inherit the mask. Errors name what could not be opened;
 * CANCELLED: SIGTERM or SIGINT came first. */
TFDC_MUST_USE tfdc_rc dev_start(const struct app_config *config, struct tfdc_log *log, struct dev **ret,
                                struct tfdc_error *err);
uint16_t dev_ingest_port(const struct dev *d);
uint16_t dev_http_port(const struct dev *d);
/* SIGTERM (DESIGN 6.10): no new streams, everything in memory is committed, what is in flight is finished for at most
 * shutdown.drain_s; then closes and frees. False: something was still in flight when the time was over; it is not lost,
 * the next start goes on with it; the process must end now, d is not usable and not freed. */
TFDC_MUST_USE bool dev_stop(struct dev *d);

/* Once at the begin of main, before any thread: limits, ignored signals, size of the worker pool. */
void dev_process_init(const struct app_config *config);

#endif
