/* SPDX-License-Identifier: Apache-2.0
 * Port: alarms on their way to people and systems. At least once; readers tell repeats by (alarm_id, update).
 * Adapters: mem; sqlite/log (embedded: the store's alarm row is the record, followers read it); later NATS,
 * Alertmanager. */
#ifndef PORT_ALARM_H
#define PORT_ALARM_H

#include "model/records.h"
#include "port/port.h"

enum alarm_op { ALARM_PUBLISH };
struct alarm_req {
  struct port_req base;
  const struct model_alarm *alarm;
};
static inline void alarm_req_init(struct alarm_req *r) {
  *r = (struct alarm_req){.base = {.kind = PORT_ALARM, .op = ALARM_PUBLISH}};
}

#endif
