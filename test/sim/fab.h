/* SPDX-License-Identifier: Apache-2.0
 * A small fab in a simulated world: collector and defender with their real drivers on mem adapters, hubs that keep and
 * resend, and a ledger of what went in. No real time, no sockets, no threads; everything follows from the seed. */
#ifndef TEST_SIM_FAB_H
#define TEST_SIM_FAB_H

#include "adapter/mem/alarm_mem.h"
#include "adapter/mem/kv_mem.h"
#include "adapter/mem/queue_mem.h"
#include "adapter/mem/store_mem.h"
#include "adapter/sim/loop_sim.h"
#include "run/collector.h"
#include "run/defender.h"

enum { FAB_CHAMBERS = 4, FAB_SVIDS = 3, FAB_RUNS = 2048, FAB_SHARDS = 2 };

/* What the fab did with one run, from the hub's side. */
struct fab_run {
  int chamber;
  uint64_t number;
  char run_id[32];
  int64_t start_us, period_us;
  uint64_t n_msgs; /* messages 1..n_msgs: blocks, steps, the end last */
  uint64_t n_blocks;
  bool late;           /* further blocks after the end */
  bool started, ended; /* resume came; end acked */
  uint64_t sent, acked;
  double offset; /* added to sensor 0: a planted fault when not 0 */
  struct tfdc_id128 id;
};

struct fab {
  struct loop_sim *world;
  /* survive crashes */
  struct port_loop *broker;
  struct port *store;
  struct queue_mem *queue;
  struct kv_mem *kv;
  struct alarm_mem *alarms;
  /* the process under test */
  struct port_loop *loops[FAB_SHARDS];
  struct collector *collector;
  struct defender *defender;
  struct port *store_port, *publish_port, *work_port, *alarm_port, *kv_port; /* what the process sees: maybe wrapped */
  bool up;
  struct port_task started_task, stopped_task, defender_started_task;
  bool collector_started, defender_started, drained;
  int crashes;
  /* hubs */
  struct hub_server server;
  struct port_loop *hub_loop;
  uint64_t stream;
  bool connected;
  struct fab_run runs[FAB_RUNS];
  size_t n_runs;
  /* what was seen */
  size_t acks, rejects;
};

/* Builds the world with an empty store; the process is down. */
void fab_init(struct fab *f, uint64_t seed);
void fab_deinit(struct fab *f);
/* Starts collector and defender; runs the world until both say so. */
void fab_up(struct fab *f);
/* The process dies where it stands. */
void fab_crash(struct fab *f);
/* A strategy for all chambers with a fixed limit on the mean of sensor 0 in step MAIN and one on its span. */
void fab_strategy(struct fab *f);
/* Opens a stream (after a crash: again), says hello, sends run starts of all unfinished runs. */
void fab_connect(struct fab *f);
/* A new run of a chamber: blocks of samples, two steps, an end. */
struct fab_run *fab_add_run(struct fab *f, int chamber, double offset);
/* Sends the next message of the run if it may; true when something was sent. */
bool fab_send(struct fab *f, struct fab_run *r);
/* Runs the world and the hubs until every run is ended and judged, or max_us of simulated time are over. */
bool fab_settle(struct fab *f, int64_t max_us);
/* Reads the store behind the process's back. */
tfdc_rc fab_await(struct fab *f, struct port *p, struct port_req *r);
/* Current verdict of a run; NOT_FOUND. The text fields are not kept. */
tfdc_rc fab_verdict(struct fab *f, const struct fab_run *r, struct model_run_verdict *ret);

/* Publishes a completion of the run's newest revision with this judgement, as an explicit re-judge does. */
void fab_rejudge(struct fab *f, const struct fab_run *r, uint32_t judgement);
/* Runs the world until the run's current verdict has this judgement. */
bool fab_await_judgement(struct fab *f, const struct fab_run *r, uint32_t judgement);

#endif
