/* SPDX-License-Identifier: Apache-2.0
 * Alarms to a list in memory, which tests read. */
#ifndef ADAPTER_MEM_ALARM_MEM_H
#define ADAPTER_MEM_ALARM_MEM_H

#include "port/alarm.h"

struct alarm_mem;

/* Requests are carried out on `loop`, which must outlive it. NULL when memory is out. */
struct alarm_mem *alarm_mem_create(struct port_loop *loop);
/* After the port was closed, or when it was never used. NULL is fine. */
void alarm_mem_destroy(struct alarm_mem *a);
struct port *alarm_mem_port(struct alarm_mem *a);

/* What was published, oldest first, repeats included. Any thread. */
size_t alarm_mem_count(struct alarm_mem *a);
/* i < count; the copy's texts live in mem. NOMEM. */
TFDC_MUST_USE tfdc_rc alarm_mem_get(struct alarm_mem *a, size_t i, struct tfdc_arena *mem, struct model_alarm *ret);
/* Simulations, right after loop_sim_kill. */
void alarm_mem_forget_loop(struct alarm_mem *a, const struct port_loop *loop);

#endif
