/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/alarm_mem.h"

#include "adapter/mem/mem_port.h"

#include <stdlib.h>

struct alarm_mem {
  struct mem_port port;
  pthread_mutex_t mu;
  /* mu */
  struct model_alarm *list; /* owned; texts in mem */
  size_t n, cap;
  struct tfdc_arena mem;
};

static tfdc_rc copy_text(struct tfdc_arena *mem, const char **text) {
  if (*text == NULL) return TFDC_OK;
  *text = tfdc_arena_strdup(mem, *text);
  return *text != NULL ? TFDC_OK : TFDC_E_NOMEM;
}

static tfdc_rc copy_alarm(struct tfdc_arena *mem, const struct model_alarm *from, struct model_alarm *ret) {
  struct model_alarm a = *from;
  const char **texts[] = {&a.key.tool, &a.key.chamber, &a.strategy,  &a.partition, &a.reason,
                          &a.text,     &a.charts,      &a.recipe_id, &a.lot_id,    &a.substrate_id};
  for (size_t i = 0; i < TFDC_COUNT(texts); i++) TFDC_TRY(copy_text(mem, texts[i]));
  *ret = a;
  return TFDC_OK;
}

static tfdc_rc publish(struct alarm_mem *a, const struct alarm_req *r) {
  if (r->base.op != ALARM_PUBLISH || r->alarm == NULL) return TFDC_E_USAGE;
  if (a->n == a->cap) {
    size_t cap = a->cap == 0 ? 64 : a->cap * 2;
    struct model_alarm *list = realloc(a->list, cap * sizeof *list);
    if (list == NULL) return TFDC_E_NOMEM;
    a->list = list;
    a->cap = cap;
  }
  TFDC_TRY(copy_alarm(&a->mem, r->alarm, &a->list[a->n]));
  a->n++;
  return TFDC_OK;
}

static void execute(void *owner, struct port_req *r) {
  struct alarm_mem *a = owner;
  mem_port_complete(&a->port, r, publish(a, (const struct alarm_req *)r));
}

static const struct mem_port_ops ops = {.execute = execute};

struct alarm_mem *alarm_mem_create(struct port_loop *loop) {
  struct alarm_mem *a = calloc(1, sizeof *a);
  if (a == NULL) return NULL;
  TFDC_ASSERT(pthread_mutex_init(&a->mu, NULL) == 0);
  mem_port_init(&a->port, PORT_ALARM, &ops, a, loop, &a->mu);
  return a;
}

void alarm_mem_destroy(struct alarm_mem *a) {
  if (a == NULL) return;
  mem_port_deinit(&a->port);
  (void)pthread_mutex_destroy(&a->mu);
  tfdc_arena_deinit(&a->mem);
  free(a->list);
  free(a);
}

struct port *alarm_mem_port(struct alarm_mem *a) {
  return &a->port.port;
}

size_t alarm_mem_count(struct alarm_mem *a) {
  (void)pthread_mutex_lock(&a->mu);
  size_t n = a->n;
  (void)pthread_mutex_unlock(&a->mu);
  return n;
}

tfdc_rc alarm_mem_get(struct alarm_mem *a, size_t i, struct tfdc_arena *mem, struct model_alarm *ret) {
  (void)pthread_mutex_lock(&a->mu);
  TFDC_ASSERT(i < a->n);
  tfdc_rc rc = copy_alarm(mem, &a->list[i], ret);
  (void)pthread_mutex_unlock(&a->mu);
  return rc;
}

void alarm_mem_forget_loop(struct alarm_mem *a, const struct port_loop *loop) {
  port_flight_forget(&a->port.flight, loop);
}
