/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/log/alarm_log.h"

#include "port/flight.h"

#include <stdlib.h>

struct alarm_log {
  struct port port;
  struct port_flight flight;
  struct tfdc_log *log;
};

static void write_line(struct tfdc_log *log, const struct model_alarm *a) {
  enum tfdc_log_level level = a->severity == MODEL_INFO ? TFDC_LOG_INFO : TFDC_LOG_WARN;
  tfdc_log_write(log, level, "alarm", a->text != NULL ? a->text : "", LOG_ID("alarm_id", a->alarm_id),
                 LOG_STR("state", model_alarm_state_name(a->state)),
                 LOG_STR("severity", model_severity_name(a->severity)), LOG_STR("tool", a->key.tool),
                 LOG_STR("chamber", a->key.chamber), LOG_STR("strategy", a->strategy), LOG_STR("reason", a->reason),
                 LOG_ID("last_context", a->last_context), LOG_U64("bad_runs", a->bad_runs),
                 LOG_U64("update", a->update));
}

static tfdc_rc submit(struct port *p, struct port_req *r) {
  struct alarm_log *a = (struct alarm_log *)p;
  const struct alarm_req *req = (const struct alarm_req *)r;
  if (r->op != ALARM_PUBLISH || req->alarm == NULL) return TFDC_E_USAGE;
  TFDC_TRY(port_flight_enter(&a->flight, r));
  write_line(a->log, req->alarm);
  port_flight_complete(&a->flight, r, TFDC_OK);
  return TFDC_OK;
}

static void cancel(struct port *p, struct port_req *r) {
  (void)p;
  (void)r; /* it is complete already */
}

static void close_port(struct port *p, struct port_loop *loop, struct port_task *closed) {
  port_flight_close(&((struct alarm_log *)p)->flight, loop, closed);
}

static const struct port_ops ops = {.name = "log", .submit = submit, .cancel = cancel, .close = close_port};

struct alarm_log *alarm_log_create(struct tfdc_log *log) {
  struct alarm_log *a = calloc(1, sizeof *a);
  if (a == NULL) return NULL;
  a->port = (struct port){.ops = &ops, .kind = PORT_ALARM, .max_requests = 4096, .max_bytes = (size_t)64 << 20};
  a->log = log;
  port_flight_init(&a->flight, &a->port);
  return a;
}

void alarm_log_destroy(struct alarm_log *a) {
  if (a == NULL) return;
  port_flight_deinit(&a->flight);
  free(a);
}

struct port *alarm_log_port(struct alarm_log *a) {
  return &a->port;
}
