/* SPDX-License-Identifier: Apache-2.0
 * A world of logical event loops without threads or real time: the whole course follows from the seed and from what the
 * code under test does. One step runs exactly one thing that is ready, chosen by the seed: the oldest task of one
 * (poster, loop) pair, a due timer, a pool run, or a finished pool run's done(). When nothing is ready, time goes on to
 * the next deadline. Each step takes 1 simulated microsecond. One thread only. */
#ifndef ADAPTER_SIM_LOOP_SIM_H
#define ADAPTER_SIM_LOOP_SIM_H

#include "adapter/sim/clock_sim.h"
#include "port/loop.h"

#include <stddef.h>

struct loop_sim;

/* NULL when memory is out. The wall clock begins at 2026-01-01T00:00:00Z, the monotonic one at 1 s. */
struct loop_sim *loop_sim_create(uint64_t seed);
/* Drops what is queued. NULL is fine. All loops go with it. */
void loop_sim_destroy(struct loop_sim *w);

/* A further logical loop ("shard 0", "broker"); owned by the world. NULL when memory is out. */
struct port_loop *loop_sim_add(struct loop_sim *w);
struct port_clock *loop_sim_clock(struct loop_sim *w);
void loop_sim_jump_wall(struct loop_sim *w, tfdc_dur by);

/* Runs one thing. False: nothing is left, neither ready nor in the future. */
bool loop_sim_step(struct loop_sim *w);
/* Steps until cond(user) holds; false when nothing is left or after max_steps. */
bool loop_sim_run_until(struct loop_sim *w, bool (*cond)(void *user), void *user, uint64_t max_steps);
/* Runs all that becomes ready in the next `by` of simulated time and leaves the clock there (at least). */
void loop_sim_run_for(struct loop_sim *w, tfdc_dur by);
/* Something is ready at this very moment. */
bool loop_sim_ready(const struct loop_sim *w);

/* Runs fn(arg) now, as a callback of that loop: what it posts is posted by the loop. Start processes of a simulation
 * this way; what is posted from outside of all loops belongs to nobody and survives every kill. */
void loop_sim_run_on(struct loop_sim *w, struct port_loop *loop, void (*fn)(void *arg), void *arg);

/* The process that owns these loops crashes, now and outside of its own callbacks. What is queued for them (tasks,
 * timers, pool work, completions) is dropped without running. Of what they posted to other loops, a seeded number of
 * the oldest per (poster, loop) pair is carried out before this returns, the rest is lost: so requests to an adapter
 * that lives on another loop may have been carried out or not, and their answers never arrive. Afterwards nothing in
 * the world points into the dead process's memory, except requests that an adapter keeps waiting (see its forget_loop).
 * What is posted to a dead loop later is dropped. */
void loop_sim_kill(struct loop_sim *w, struct port_loop *const *loops, size_t n);

/* Uniform in 0..n-1, from the world's generator; for the simulated faults of a test. n > 0. */
uint64_t loop_sim_random(struct loop_sim *w, uint64_t n);
uint64_t loop_sim_steps(const struct loop_sim *w);

#endif
