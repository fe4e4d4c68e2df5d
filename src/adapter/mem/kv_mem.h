/* SPDX-License-Identifier: Apache-2.0
 * Key-value buckets in memory. The rules are port/kv_state.h. */
#ifndef ADAPTER_MEM_KV_MEM_H
#define ADAPTER_MEM_KV_MEM_H

#include "port/kv.h"

struct kv_mem;

/* Requests are carried out and values expire on `loop`, which must outlive it; in a simulation give it a loop of its
 * own, which is never killed. NULL when memory is out. */
struct kv_mem *kv_mem_create(struct port_loop *loop);
/* After the port was closed, or when it was never used. NULL is fine. */
void kv_mem_destroy(struct kv_mem *k);
struct port *kv_mem_port(struct kv_mem *k);
/* Simulations, right after loop_sim_kill: the process of this loop died, its watches are gone. */
void kv_mem_forget_loop(struct kv_mem *k, const struct port_loop *loop);
/* All open watches die (UNAVAILABLE), as after a broker's fail-over. On the adapter's loop or before it runs. */
void kv_mem_break_watches(struct kv_mem *k);

#endif
