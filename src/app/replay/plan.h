/* SPDX-License-Identifier: Apache-2.0
 * The runs of a file: a first reading finds chambers, SVIDs and runs with their times and numbers of rows, so that the
 * second one can name every chamber in its hello, start each run at its own time and end it at its last row. Memory
 * grows with the number of runs (some 150 bytes each) and SVIDs, never with rows. */
#ifndef APP_REPLAY_PLAN_H
#define APP_REPLAY_PLAN_H

#include "app/replay/source.h"
#include "base/map.h"

enum { PLAN_RUNS_MAX = 2000000, PLAN_CHAMBERS_MAX = 8000, PLAN_WHY_MAX = 200 };

struct plan_chamber {
  struct model_chamber record; /* its svids: after plan_finish */
  struct tfdc_map by_svid;     /* long: text -> struct plan_svid */
  struct plan_svid *first_svid, *last_svid;
  struct plan_run *current; /* of the row before */
  uint32_t n_runs;          /* that had a name of their own made */
  int64_t last_us;
  int64_t next_start_us; /* relative times: where the next run is laid */
  struct plan_chamber *next;
};
struct plan_svid {
  struct model_svid svid;
  size_t index; /* in the chamber's dictionary; its number is one more */
  struct plan_svid *next;
};
struct plan_run {
  struct tfdc_id128 key;
  struct plan_chamber *chamber;
  int64_t first_us, last_us; /* least and greatest time of its rows, as in the file */
  int64_t start_us, end_us;  /* after plan_finish: UTC */
  int64_t row_us;            /* time of the row before */
  uint64_t rows, seen;
  uint32_t ordinal; /* name of a run without one */
  bool good;
  struct tfdc_id128 context_id; /* plan_name_run */
  void *user;
  struct plan_run *next; /* in order of their first rows */
};

struct plan {
  const struct replay_map *map;
  struct tfdc_arena mem;
  struct tfdc_map runs, chambers;
  struct plan_run *first_run, *last_run;
  struct plan_chamber *first_chamber, *last_chamber;
  size_t n_runs, n_chambers;
  struct model_svid *wide_svids; /* of all chambers of a wide file */
  size_t n_sensors;
  bool finished;
  char why[PLAN_WHY_MAX];
};

/* The source is needed during the call only. NOMEM; then p is as after plan_deinit. */
TFDC_MUST_USE tfdc_rc plan_init(struct plan *p, const struct replay_map *map, const struct source *source,
                                struct tfdc_error *err);
void plan_deinit(struct plan *p);
/* The run of a row of kind SOURCE_ROW, in the order of the file; the same in both readings. *ret_bad says why the row
 * does not belong to one (static or p's; NULL = fine). LIMIT, NOMEM; CONFLICT: a second reading saw something new. */
TFDC_MUST_USE tfdc_rc plan_take(struct plan *p, const struct source_row *row, struct plan_run **ret,
                                const char **ret_bad, struct tfdc_error *err);
/* Between the readings: dictionaries, start and end of each run. NOMEM. */
TFDC_MUST_USE tfdc_rc plan_finish(struct plan *p, struct tfdc_error *err);
/* Time of a row in UTC. */
int64_t plan_time(const struct plan *p, const struct plan_run *r, int64_t t_us);
/* long: the SVID of a row; it is there after the first reading. */
const struct plan_svid *plan_svid(const struct plan_chamber *c, const char *svid);
/* The run's id for good; fills in context_id. buf is used when the file gives none. */
const char *plan_name_run(struct plan_run *r, const struct source_row *row, char buf[16]);

#endif
