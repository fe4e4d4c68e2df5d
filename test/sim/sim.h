/* SPDX-License-Identifier: Apache-2.0
 * A fab in a simulated world, driven by a seed: hubs that keep and resend, collectors, defenders and a keeper with
 * their real drivers (run/) and machines (core/) on adapters in memory that fail, processes that die at any step,
 * people who change definitions and judge again. No real time, no sockets, no threads: seed and options give the whole
 * course, so a failure replays exactly.
 *
 *   hubs --message()--> collectors        each process:  driver -> mutant tap -> faulty -> watching tap -> adapter
 *        <--reply()---      |                             (test builds only: a planted error)  (feeds the ledger)
 *                           v
 *                  store, queue, kv, alarms (in memory; outlive every process) <-- defenders, keeper
 *
 * The ledger stands outside: it knows what the hubs were told is durable, and looks at the adapters' contents itself.
 * After each step it checks the rules below for whatever the step touched. The first breach ends the run. */
#ifndef TEST_SIM_SIM_H
#define TEST_SIM_SIM_H

#include "adapter/faulty/faulty.h"
#include "adapter/mem/alarm_mem.h"
#include "adapter/mem/kv_mem.h"
#include "adapter/mem/queue_mem.h"
#include "adapter/mem/store_mem.h"
#include "adapter/mem/store_mem_table.h"
#include "adapter/sim/loop_sim.h"
#include "base/map.h"
#include "port/queue.h"
#include "run/collector.h"
#include "run/defender.h"
#include "run/keeper.h"
#include "sim/plan.h"
#include "sim/tap.h"

enum { SIM_RUNS = 4096, SIM_SHARDS = 2, SIM_STRATEGIES = 2, SIM_VERSIONS = 64, SIM_REVISIONS = 32, SIM_CHUNKS = 32 };

#define SIM_RULES(X)                                                                                                   \
  X(ACKED, "what a hub was told is durable is in the store")                                                           \
  X(PUBLISHED, "a run marked published has had a message of that revision in the queue")                               \
  X(VERDICT_FIRST, "a message is acked only when its run has a verdict of that revision")                              \
  X(ALARMED, "a verdict is written only when the alarms of its run were published, each under one id")                 \
  X(ORDER, "a chamber's runs are judged one at a time, each from the state of the run right before it")                \
  X(ONE_VERDICT, "a run has one current verdict and one current point a chart, and they do not change")                \
  X(RIGHT, "a point, a verdict and an episode are those that the ledger's samples give")                               \
  X(HUB, "hubs get no answer that they cannot explain")                                                                \
  X(AT_LAST, "when faults end, every run is closed, published and judged with its last revision")
enum sim_rule {
#define X(name, text) SIM_##name,
  SIM_RULES(X)
#undef X
      SIM_N_RULES,
  SIM_NONE_BROKEN
};
const char *sim_rule_text(enum sim_rule rule);

/* Errors that a driver or a machine might have; each stands between the driver and its ports. */
enum sim_mutation {
  SIM_AS_IT_IS,
  SIM_ACK_BEFORE_COMMIT,        /* a chunk counts as stored before the store has it */
  SIM_ACK_BEFORE_VERDICT,       /* J8 before J7 */
  SIM_NO_ALARM_ON_REDELIVERY,   /* J6 is passed when the message came before */
  SIM_MESSAGE_WITHOUT_REVISION, /* its id is the run's alone */
  SIM_TWO_AT_ONCE,              /* the gate of the chamber takes each message for another chamber */
  SIM_WRONG_PREDECESSOR,        /* the row before the one before */
  SIM_N_MUTATIONS
};

enum sim_role { SIM_COLLECTOR, SIM_DEFENDER, SIM_KEEPER };
enum sim_port { SIM_STORE, SIM_PUBLISH, SIM_WORK, SIM_ALARM, SIM_KV, SIM_N_PORTS };

struct sim;
struct sim_process;

struct sim_run {
  struct plan plan;
  /* the hub's side */
  bool given_up;            /* its hub went away for good, or forgot it */
  bool started;             /* RESUME came on this stream */
  bool ended;               /* told that the end is durable and handed on */
  uint64_t sent, sent_ever; /* on this stream; on any */
  uint64_t rejected;        /* bit seq: was not taken */
  /* the ledger's */
  uint64_t acked; /* the highest that any hub was told */
  bool end_acked;
  uint32_t published; /* bit revision: a message was stored */
  uint32_t asked;     /* the highest judgement that people asked for, of asked_revision; 0 = none */
  uint32_t asked_revision;
  uint32_t begun;                            /* how often a defender began to judge it */
  struct tfdc_id128 verdicts[SIM_REVISIONS]; /* by revision, of judgement 1: what it said; zero = none yet */
  bool dirty;
};

struct sim_hub {
  struct sim *sim;
  size_t index;
  struct port_timer timer;
  struct sim_process *to;
  uint32_t life; /* of `to` */
  uint64_t stream;
  bool connected, gone;
  int64_t next_us[2]; /* when its chambers begin their next run */
  struct sim_run *now[2];
};

/* What one defender process does with one run, from its first look at it to its ack. */
struct sim_job {
  struct sim_job *next;
  struct sim_run *run;
  struct tfdc_arena mem;
  struct model_context row; /* as the process read it */
  bool have_row;
  struct sim_alarm_due {
    struct tfdc_id128 first;
    size_t strategy;
    enum model_alarm_state state;
    uint32_t revision, judgement;
  } alarms[2 * SIM_STRATEGIES];
  size_t n_alarms;
};

struct sim_line {
  struct sim_process *process;
  struct tap watch, mutant;
  struct faulty *faults;
};
struct sim_process {
  struct sim *sim;
  enum sim_role role;
  size_t index;
  uint32_t life; /* counts its starts */
  bool up, ready, leaving, left;
  bool dies;        /* a poisonous run is in it */
  int64_t start_us; /* when to start it again */
  struct port_loop *loops[SIM_SHARDS];
  size_t n_loops;
  struct sim_line lines[SIM_N_PORTS];
  struct collector *collector;
  struct defender *defender;
  struct keeper *keeper;
  struct hub_server server;
  struct port_task started, stopped;
  char consumer[32];
  struct sim_job *jobs;
};

struct sim_token { /* a delivery */
  struct sim_run *run;
  uint32_t revision, judgement, deliveries;
  struct sim_process *process;
};

struct sim_version {
  double ucl;
  int64_t effective_us;
};

enum { SIM_COLLECTORS = 2, SIM_DEFENDERS = 2, SIM_PROCESSES = SIM_COLLECTORS + SIM_DEFENDERS + 1 };

struct sim_options {
  uint64_t seed;
  enum sim_mutation mutation;
  const char *trace; /* "run-14": what happens to it is printed; or NULL */
};

struct sim {
  struct sim_options options;
  struct loop_sim *world;
  struct port_loop *broker, *people; /* never die */
  struct port *store;
  struct queue_mem *queue;
  struct kv_mem *kv;
  struct alarm_mem *alarms;
  struct sim_process processes[SIM_PROCESSES];
  struct sim_hub hubs[PLAN_HUBS];
  struct sim_run *runs; /* SIM_RUNS */
  size_t n_runs;
  struct tfdc_map by_id, by_msg_id; /* run; run and revision of the first message under that id */
  uint64_t streams, steps, crashes, faults, dead;
  bool calm;      /* faults are off, nothing new begins */
  uint64_t storm; /* 0..3: how hard the adapters fail */
  /* people */
  struct port_timer engineer;
  struct sim_version versions[SIM_VERSIONS]; /* of strategy 0; versions[0] is version 1 */
  size_t n_versions;
  /* what taps saw */
  struct sim_token *tokens;
  size_t n_tokens;
  bool dirty;
  struct model_alarm *alarm_list; /* texts in alarm_mem */
  struct tfdc_arena alarm_mem;
  size_t alarms_seen;
  /* on the way: freed at the end */
  struct sim_letter *letters;
  struct sim_late_write *late_writes;
  /* the verdict */
  enum sim_rule broken;
  char what[512];
};

/* ---- sim.c ---- */
struct sim *sim_create(const struct sim_options *o);
void sim_destroy(struct sim *s);
/* Runs n steps of the storm; stops at the first breach. */
void sim_storm(struct sim *s, uint64_t steps);
/* Ends the faults, lets the hubs finish and everything be judged, and checks rule AT_LAST. */
void sim_settle(struct sim *s);
uint64_t sim_dice(struct sim *s, uint64_t n); /* 0..n-1 */
static inline bool sim_chance(struct sim *s, uint64_t one_in) { return sim_dice(s, one_in) == 0; }
int64_t sim_wall(struct sim *s);
tfdc_mono sim_after(struct sim *s, int64_t us);
TFDC_PRINTF(3, 4) void sim_break(struct sim *s, enum sim_rule rule, const char *fmt, ...);
/* To stderr, where options.trace is the run's id. */
TFDC_PRINTF(3, 4) void sim_trace(struct sim *s, const struct sim_run *r, const char *fmt, ...);
struct store_mem *sim_store(struct sim *s);
struct sim_run *sim_run_of(struct sim *s, struct tfdc_id128 id); /* NULL */

/* ---- sim_process.c ---- */
void sim_process_init(struct sim *s, size_t index, enum sim_role role);
void sim_process_start(struct sim_process *p);
void sim_process_leave(struct sim_process *p); /* SIGTERM: drains; then it is killed */
void sim_process_kill(struct sim_process *p);
void sim_process_calm(struct sim_process *p);
struct port *sim_port_of(struct sim *s, enum sim_port port); /* the adapter itself */

/* ---- sim_hub.c ---- */
void sim_hub_init(struct sim *s, size_t index);
void sim_hub_lost(struct sim *s, const struct sim_process *p); /* its process is gone */
void sim_hub_end(struct sim *s);                               /* frees what is on the way */
extern const struct hub_server_ops sim_server_ops;

/* ---- sim_ledger.c ---- */
extern const struct tap_ops sim_watch_ops;
void sim_ledger_told(struct sim *s, struct sim_run *r, uint64_t seq, bool end);
void sim_ledger_check(struct sim *s);
bool sim_ledger_all_over(struct sim *s);
/* The chunks that the row counts, at most SIM_CHUNKS; 0 also when some of them are not there. */
size_t sim_ledger_counted(struct sim *s, const struct model_context *row, const struct model_chunk **ret);
void sim_ledger_check_last(struct sim *s);
void sim_ledger_drop_jobs(struct sim_process *p);
struct sim_token *sim_token_of(struct sim *s, const struct sim_process *p, const struct sim_run *r);

/* ---- sim_alarms.c ---- */
void sim_alarms_look(struct sim *s); /* at what was published since the last time */
bool sim_alarms_raised(const struct sim *s, const struct sim_run *r, const struct sim_alarm_due *due);
void sim_alarms_check_last(struct sim *s);

/* ---- sim_reference.c ---- */
/* Judges the run of the record anew from the ledger's samples and compares; fills in what alarms are due. */
void sim_reference_check(struct sim_process *p, struct sim_job *job, const struct model_u_record *u);
struct tfdc_id128 sim_id_of(const uint8_t bytes[16]);
/* The strategies that judge a run at that order time. */
const char *sim_strategy_id(size_t strategy);
char *sim_strategy_body(size_t strategy, double ucl, char *buf, size_t n);
bool sim_strategy_selects(size_t strategy, const struct plan *p);
const char *sim_strategy_partition(size_t strategy, const struct model_context *c);

/* ---- sim_mutation.c ---- */
const struct tap_ops *sim_mutant_ops(enum sim_mutation m, enum sim_role role, enum sim_port port);
void sim_mutation_step(struct sim *s);
void sim_mutation_forget(struct sim *s, const struct sim_process *p); /* NULL: all */

#endif
