/* SPDX-License-Identifier: Apache-2.0
 * What the runs of the simulated fab are made of: everything that a hub will send of a run is fixed when the run
 * begins, so that hubs, ledger and reference agree about it without asking the system under test. */
#ifndef TEST_SIM_PLAN_H
#define TEST_SIM_PLAN_H

#include "model/ingest.h"

enum { PLAN_HUBS = 3, PLAN_CHAMBERS = 6, PLAN_SVIDS = 2, PLAN_MSGS = 16, PLAN_SAMPLES = 80, PLAN_MAIN_FROM = 20 };
#define PLAN_PERIOD_US INT64_C(100000)

enum plan_kind { PLAN_STEP, PLAN_BLOCK, PLAN_AMEND, PLAN_END };
struct plan_msg {
  enum plan_kind kind;
  int64_t due_us;   /* when it may be sent, wall clock */
  size_t first, n;  /* BLOCK: samples */
  const char *text; /* STEP: its name; AMEND: the new lot, or the new recipe */
  bool recipe;
};
struct plan {
  size_t chamber; /* two each hub */
  uint64_t number;
  char run_id[32];
  const char *recipe, *lot;
  int64_t start_us, end_us;
  struct tfdc_id128 id;
  bool poison;   /* whoever judges it dies of it */
  double offset; /* of sensor 1 from sample offset_from on: the planted fault */
  size_t offset_from;
  struct plan_msg msgs[PLAN_MSGS]; /* seq - 1 */
  size_t n_msgs, end_seq;          /* what is behind end_seq comes late */
};

/* Random numbers are drawn from next(user, n): uniform in 0..n-1. */
struct plan_dice {
  uint64_t (*next)(void *user, uint64_t n);
  void *user;
};
void plan_init(struct plan *p, size_t chamber, uint64_t number, int64_t start_us, const struct plan_dice *dice);

extern const struct model_svid plan_svids[PLAN_SVIDS];
struct model_key plan_key(size_t chamber);
size_t plan_hub(size_t chamber);
int64_t plan_time(const struct plan *p, size_t sample);
double plan_value(const struct plan *p, size_t svid, size_t sample);
struct model_context plan_context(const struct plan *p); /* what the run start says */
/* The message of that number. A block's reference is the caller's; step and context are filled where one is needed. */
struct model_hub_msg plan_message(const struct plan *p, uint64_t seq, struct model_step *step,
                                  struct model_context *context);

#endif
