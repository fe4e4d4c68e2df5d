/* SPDX-License-Identifier: Apache-2.0
 * The store port in memory: the whole contract of port/store.h, deterministic, without a thread or file of its own. A
 * request is carried out inside submit under one mutex and its completion is posted; so requests of all submitters are
 * carried out in the order of submission. For simulations and tests: the object outlives what they call a process. */
#ifndef ADAPTER_MEM_STORE_MEM_H
#define ADAPTER_MEM_STORE_MEM_H

#include "port/store.h"

/* 0 = 4096 requests, 256 MiB. NULL when memory is exhausted. */
struct port *store_mem_create(uint32_t max_requests, size_t max_bytes);
/* The process around the store died or closed it: forgets the requests in flight (their completions must never run
 * after this: the loop that held them is gone) and accepts requests again. The data stays. */
void store_mem_restart(struct port *p);
/* NULL is fine. No request may be in flight, unless the loop that held its completion is gone. */
void store_mem_destroy(struct port *p);

#endif
