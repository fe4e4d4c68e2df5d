/* SPDX-License-Identifier: Apache-2.0
 * Publish and work queue in memory, two views of one queue. The rules are port/queue_state.h. */
#ifndef ADAPTER_MEM_QUEUE_MEM_H
#define ADAPTER_MEM_QUEUE_MEM_H

#include "port/queue.h"

struct queue_mem;

/* Requests are carried out and timers run on `loop`, which must outlive the queue; in a simulation give it a loop of
 * its own, which is never killed. Time is loop->clock. NULL when memory is out. */
struct queue_mem *queue_mem_create(struct port_loop *loop);
/* After both ports were closed, or when neither was ever used. NULL is fine. */
void queue_mem_destroy(struct queue_mem *q);

struct port *queue_mem_publish(struct queue_mem *q);
struct port *queue_mem_work(struct queue_mem *q);

/* Simulations, right after loop_sim_kill: the process of this loop died. Its waiting pulls vanish; what was delivered
 * to it comes back after its consumers' ack wait, or when they are deleted. */
void queue_mem_forget_loop(struct queue_mem *q, const struct port_loop *loop);

#endif
