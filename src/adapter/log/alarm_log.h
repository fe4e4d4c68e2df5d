/* SPDX-License-Identifier: Apache-2.0
 * The embedded alarm port: the alarm's row in the store is the record that people and programs follow, and each change
 * is a line of the log. */
#ifndef ADAPTER_LOG_ALARM_LOG_H
#define ADAPTER_LOG_ALARM_LOG_H

#include "base/log.h"
#include "port/alarm.h"

struct alarm_log;

/* log may be NULL. NULL when memory is out. */
struct alarm_log *alarm_log_create(struct tfdc_log *log);
/* After the port was closed, or when it was never used. NULL is fine. */
void alarm_log_destroy(struct alarm_log *a);
struct port *alarm_log_port(struct alarm_log *a);

#endif
