/* SPDX-License-Identifier: Apache-2.0
 * Private to adapter/sqlite: the one thread that owns an embedded queue or the embedded buckets. It takes all requests
 * that wait, carries them out on the state in memory while the log functions write into one transaction, commits once
 * (one fsync), and only then completes them. When a statement or the commit fails, all of the batch fail, and the state
 * is read again from the file. Waits are woken by submit or end at the state's next deadline; nothing polls. */
#ifndef ADAPTER_SQLITE_SQLITE_ACTOR_H
#define ADAPTER_SQLITE_SQLITE_ACTOR_H

#include "adapter/sqlite/sqlite_file.h"
#include "port/flight.h"

struct sqlite_actor;
struct sqlite_port { /* one view; in the owner's memory */
  struct port port;
  struct port_flight flight;
  struct sqlite_actor *actor;
  struct sqlite_port *next;
  /* actor->mu */
  bool closing, told;
  struct port_loop *closed_loop;
  struct port_task *closed;
};
struct sqlite_actor_ops {                           /* all on the actor's thread */
  void (*execute)(void *owner, struct port_req *r); /* ends in sqlite_actor_complete, now or later */
  void (*cancel)(void *owner, const struct port_req *r);
  void (*end)(void *owner, struct sqlite_port *p); /* the port closes: end what waits */
  void (*tick)(void *owner);
  tfdc_mono (*deadline)(void *owner);
  tfdc_rc (*reload)(void *owner, struct tfdc_error *err); /* the state from the file */
};
struct sqlite_cancel;
struct sqlite_actor {
  const struct sqlite_actor_ops *ops;
  void *owner;
  struct port_clock *clock;
  pthread_t thread;
  pthread_mutex_t mu;
  pthread_cond_t wake;
  /* mu */
  struct port_req *inbox, **inbox_tail;
  struct sqlite_cancel *cancels; /* owned */
  bool stop;
  struct sqlite_port *ports;
  /* the actor's thread (before start and after stop: the caller's) */
  sqlite3 *db;
  struct sqlite_lock lock;
  int owner_fd; /* holds "<path>-<name>.lock" */
  bool in_transaction, failed, stale;
  struct tfdc_error failure; /* why the batch failed */
  struct port_req *answers, **answers_tail;
};

/* Opens the file and refuses when another actor of that name has it: LOCKED, with the other's process id. */
TFDC_MUST_USE tfdc_rc sqlite_actor_open(struct sqlite_actor *a, const char *path, const char *name,
                                        struct tfdc_error *err);
/* The clock must be the operating system's. Reloads the state, then starts the thread. */
TFDC_MUST_USE tfdc_rc sqlite_actor_start(struct sqlite_actor *a, const struct sqlite_actor_ops *ops, void *owner,
                                         struct port_clock *clock, struct tfdc_error *err);
/* After start; adds a port. */
void sqlite_actor_serve(struct sqlite_actor *a, struct sqlite_port *p, enum port_kind kind);
/* Ends the thread, if it was started: after all ports were closed, or when none was used. */
void sqlite_actor_stop(struct sqlite_actor *a);
/* Closes the file and lets others open it. The statements are finalised already. */
void sqlite_actor_close(struct sqlite_actor *a);

/* ---- on the actor's thread ---- */
void sqlite_actor_complete(struct sqlite_actor *a, struct port_req *r, tfdc_rc rc);
/* Begins the batch's transaction when there is none. After a failure it fails again with the same. */
TFDC_MUST_USE tfdc_rc sqlite_actor_write(struct sqlite_actor *a, struct tfdc_error *err);
/* Steps a prepared and bound statement to its end and resets it; a failure fails the batch. */
TFDC_MUST_USE tfdc_rc sqlite_actor_step(struct sqlite_actor *a, sqlite3_stmt *st, struct tfdc_error *err);
bool sqlite_actor_is_closing(struct sqlite_actor *a, const struct sqlite_port *p);
/* Prepares n statements; on failure the ones before are finalised by the caller as usual (NULL = not prepared). */
TFDC_MUST_USE tfdc_rc sqlite_actor_prepare(struct sqlite_actor *a, const char *const *sql, sqlite3_stmt **ret, size_t n,
                                           struct tfdc_error *err);

#endif
