/* SPDX-License-Identifier: Apache-2.0
 * What the process is to the operating system: its name, its limits, its size. */
#ifndef APP_DEV_PROCESS_H
#define APP_DEV_PROCESS_H

#include "app/config.h"
#include "port/metrics.h"

size_t dev_cores(void); /* that this process may use, at least 1 */
/* node.name, else the host's name, cleaned to an id. */
void dev_node_name(const struct app_config *config, char ret[65]);
/* Has SIGTERM or SIGINT come? Takes it; the caller's thread has both blocked. */
bool dev_stop_signalled(void);
void dev_put_start_metrics(struct port_metrics *m, tfdc_wall started);
void dev_put_process_metrics(struct port_metrics *m);

#endif
