/* SPDX-License-Identifier: Apache-2.0
 * The system that a replay goes to: one that runs, or where none answers a `tfdc dev` in this process. */
#ifndef APP_REPLAY_HOST_H
#define APP_REPLAY_HOST_H

#include "adapter/posix/clock_posix.h"
#include "app/client.h"
#include "app/dev.h"
#include "base/address.h"

struct host {
  struct client *client;
  struct dev *dev; /* NULL: the system is somebody else's */
  struct port_clock clock;
  struct tfdc_log log;
  bool has_log;
  char ingest[TFDC_ADDRESS_BYTES]; /* host:port for hubs */
};

/* Before any thread of the process. ingest: where hubs connect, NULL = as the system says. config is changed where this
 * process is the system: it listens on free ports of this host, unless flags say otherwise. Close it in any case.
 * Errors of client_open and dev_start. */
TFDC_MUST_USE tfdc_rc host_open(struct host *h, const struct client_args *args, const char *ingest,
                                struct app_config *config, struct tfdc_error *err);
/* False: as of dev_stop; the process must end now without freeing anything. */
TFDC_MUST_USE bool host_close(struct host *h);

#endif
