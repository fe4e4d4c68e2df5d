/* SPDX-License-Identifier: Apache-2.0
 * grpc.health.v1.Health: Check once, Watch with every change. */
#include "adapter/grpc/hub_server_priv.h"

#include <health.pb-c.h>
#include <string.h>

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;
#define SERVING(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

struct health_call {
  bool asked; /* the request has come */
  bool known; /* its service is one of ours */
  bool told;
  serving_status last;
};

static serving_status status_now(struct rpc_call *c, const struct health_call *h) {
  const struct hub_grpc *s = rpc_call_user(c);
  if (!h->known) return SERVING(SERVICE_UNKNOWN);
  return atomic_load(&s->serving) ? SERVING(SERVING) : SERVING(NOT_SERVING);
}

static void send_status(struct rpc_call *c, serving_status status) {
  Grpc__Health__V1__HealthCheckResponse r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
  r.status = status;
  uint8_t packed[16];
  TFDC_ASSERT(grpc__health__v1__health_check_response__get_packed_size(&r) <= sizeof packed);
  rpc_call_send(c, packed, grpc__health__v1__health_check_response__pack(&r, packed));
}

static void on_request(struct rpc_call *c, const uint8_t *data, size_t n) {
  struct health_call *h = rpc_call_state(c);
  Grpc__Health__V1__HealthCheckRequest *q = grpc__health__v1__health_check_request__unpack(NULL, n, data);
  if (q == NULL) {
    rpc_call_finish(c, RPC_INVALID_ARGUMENT, TFDC_E_MALFORMED, "not a HealthCheckRequest");
    return;
  }
  h->asked = true;
  h->known = q->service[0] == '\0' || strcmp(q->service, "tfdc.ingest.v1.Ingest") == 0;
  grpc__health__v1__health_check_request__free_unpacked(q, NULL);
}

static void pump_check(struct rpc_call *c) {
  struct health_call *h = rpc_call_state(c);
  if (!h->asked || !rpc_call_can_send(c)) return;
  if (!h->known) {
    rpc_call_finish(c, RPC_NOT_FOUND, TFDC_E_NOT_FOUND, "unknown service");
  } else if (!h->told) {
    h->told = true;
    send_status(c, status_now(c, h));
  } else {
    rpc_call_finish(c, RPC_OK, TFDC_OK, NULL);
  }
}

static void pump_watch(struct rpc_call *c) {
  struct health_call *h = rpc_call_state(c);
  if (!h->asked || !rpc_call_can_send(c)) return;
  serving_status now = status_now(c, h);
  if (!h->told || now != h->last) {
    h->told = true;
    h->last = now;
    send_status(c, now);
  } else if (rpc_call_draining(c)) {
    rpc_call_finish(c, RPC_UNAVAILABLE, TFDC_E_DRAINING, tfdc_rc_text(TFDC_E_DRAINING));
  }
}

const struct rpc_method health_check_method = {.path = "/grpc.health.v1.Health/Check",
                                               .one_request = true,
                                               .state_size = sizeof(struct health_call),
                                               .message = on_request,
                                               .pump = pump_check};
const struct rpc_method health_watch_method = {.path = "/grpc.health.v1.Health/Watch",
                                               .one_request = true,
                                               .state_size = sizeof(struct health_call),
                                               .message = on_request,
                                               .pump = pump_watch};
