/* SPDX-License-Identifier: Apache-2.0
 * Private: sorted tables of rows that own their memory. */
#ifndef ADAPTER_MEM_STORE_MEM_TABLE_H
#define ADAPTER_MEM_STORE_MEM_TABLE_H

#include "port/flight.h"
#include "port/store_util.h"

struct mem_row {
  struct tfdc_arena mem; /* what the record points to */
  union {
    struct model_chamber chamber;
    struct model_context context;
    struct model_chunk chunk;
    struct model_u_record u;
    struct model_run_verdict verdict;
    struct model_def def;
    struct model_alarm alarm;
  };
};
struct mem_table {
  int (*cmp)(const struct mem_row *a, const struct mem_row *b); /* by the whole key */
  struct mem_row **rows;                                        /* sorted */
  size_t n, cap;
};
struct store_mem {
  struct port port; /* first: what callers hold */
  struct port_flight flight;
  pthread_mutex_t mtx;
  /* mtx */
  struct mem_table chambers, contexts, chunks, u, verdicts, defs, alarms;
};

/* Index of the first row that is not before the probe (of which only the key is read). */
size_t mem_table_bound(const struct mem_table *t, const struct mem_row *probe);
struct mem_row *mem_table_find(const struct mem_table *t, const struct mem_row *probe);
/* Takes the row; one with the same key is destroyed. On NOMEM the row still belongs to the caller. */
TFDC_MUST_USE tfdc_rc mem_table_put(struct mem_table *t, struct mem_row *row);
/* Removes the rows of which gone() says so, at most `limit`; their number. */
size_t mem_table_sweep(struct mem_table *t, bool (*gone)(const struct mem_row *row, void *user), void *user,
                       size_t limit);
void mem_table_deinit(struct mem_table *t);
struct mem_row *mem_row_create(void); /* empty, or NULL */
void mem_row_destroy(struct mem_row *row);

/* Verdict of the newest (revision, judgement) of a run, or NULL. */
const struct model_run_verdict *store_mem_verdict(const struct store_mem *s, struct tfdc_id128 id);
const struct model_context *store_mem_context(const struct store_mem *s, struct tfdc_id128 id);
bool store_mem_judged(const struct store_mem *s, struct tfdc_id128 id, uint32_t revision);

/* store_mem_list.c: ops that answer with pages. */
tfdc_rc store_mem_chamber_list(struct store_mem *s, struct store_req *r);
tfdc_rc store_mem_context_list(struct store_mem *s, struct store_req *r);
tfdc_rc store_mem_unjudged_list(struct store_mem *s, struct store_req *r);
tfdc_rc store_mem_verdict_list(struct store_mem *s, struct store_req *r);
tfdc_rc store_mem_alarm_list(struct store_mem *s, struct store_req *r);
tfdc_rc store_mem_u_list(struct store_mem *s, struct store_req *r);
tfdc_rc store_mem_chunk_list(struct store_mem *s, struct store_req *r);
tfdc_rc store_mem_chunk_get(struct store_mem *s, struct store_req *r);
tfdc_rc store_mem_def_list(struct store_mem *s, struct store_req *r);

#endif
