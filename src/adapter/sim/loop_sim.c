/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sim/loop_sim.h"

#include "base/err.h"

#include <stdlib.h>

/* Tasks from one poster to one loop, oldest first. */
struct channel {
  struct channel *next;
  const struct sim_loop *from; /* NULL = from outside of all loops */
  struct port_task *head, **tail;
};
struct sim_loop {
  struct port_loop base;
  struct sim_loop *next;
  struct loop_sim *world;
  struct channel *channels; /* owned */
  bool dead;
};
struct sim_timer {
  struct sim_timer *next;
  struct sim_loop *loop;
  struct port_timer *timer;
};
struct sim_work {
  struct sim_work *next;
  struct sim_loop *loop;
  struct port_work *work;
  bool ran;
};
struct loop_sim {
  struct clock_sim clock;
  uint64_t rng, steps;
  struct sim_loop *loops, **loops_tail; /* owned, in order of creation */
  struct sim_timer *timers;             /* owned, by deadline, then by arming */
  struct sim_work *works, **works_tail; /* owned */
  const struct sim_loop *current;       /* whose callback runs */
};

/* SplitMix64 (Steele, Lea, Flood 2014): every seed gives a full-period sequence. */
static uint64_t next_random(struct loop_sim *w) {
  uint64_t z = (w->rng += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

uint64_t loop_sim_random(struct loop_sim *w, uint64_t n) {
  TFDC_ASSERT(n > 0);
  return next_random(w) % n;
}

uint64_t loop_sim_steps(const struct loop_sim *w) { return w->steps; }
struct port_clock *loop_sim_clock(struct loop_sim *w) {
  return &w->clock.base;
}
void loop_sim_jump_wall(struct loop_sim *w, tfdc_dur by) { clock_sim_jump_wall(&w->clock, by); }

/* The loop's functions cannot fail by contract; a simulation that runs out of memory is over. */
static void *must_alloc(size_t n) {
  void *p = calloc(1, n);
  TFDC_ASSERT(p != NULL);
  return p;
}

static struct channel *channel_of(struct sim_loop *to, const struct sim_loop *from) {
  struct channel **at = &to->channels;
  while (*at != NULL && (*at)->from != from) at = &(*at)->next;
  if (*at == NULL) {
    *at = must_alloc(sizeof **at);
    **at = (struct channel){.from = from, .tail = &(*at)->head};
  }
  return *at;
}

static void sim_post(struct port_loop *base, struct port_task *t) {
  struct sim_loop *l = (struct sim_loop *)base;
  if (l->dead) return;
  struct channel *c = channel_of(l, l->world->current);
  t->next = NULL;
  *c->tail = t;
  c->tail = &t->next;
}

static struct port_task *take_task(struct channel *c) {
  struct port_task *t = c->head;
  c->head = t->next;
  if (c->head == NULL) c->tail = &c->head;
  return t;
}

static void sim_forget(struct port_loop *base, struct port_timer *t) {
  if (!t->armed) return;
  struct sim_timer **at = &((struct sim_loop *)base)->world->timers;
  while (*at != NULL && (*at)->timer != t) at = &(*at)->next;
  TFDC_ASSERT(*at != NULL);
  struct sim_timer *node = *at;
  *at = node->next;
  free(node);
  t->armed = false;
  t->impl = NULL;
}

static void sim_arm(struct port_loop *base, struct port_timer *t, tfdc_mono deadline) {
  struct sim_loop *l = (struct sim_loop *)base;
  sim_forget(base, t);
  t->deadline = deadline;
  if (deadline.us == TFDC_NEVER || l->dead) return;
  struct sim_timer **at = &l->world->timers;
  while (*at != NULL && (*at)->timer->deadline.us <= deadline.us) at = &(*at)->next;
  struct sim_timer *node = must_alloc(sizeof *node);
  *node = (struct sim_timer){.next = *at, .loop = l, .timer = t};
  *at = node;
  t->impl = node;
  t->armed = true;
}

static void sim_work(struct port_loop *base, struct port_work *work) {
  struct sim_loop *l = (struct sim_loop *)base;
  if (l->dead) return;
  struct sim_work *node = must_alloc(sizeof *node);
  *node = (struct sim_work){.loop = l, .work = work};
  work->loop = base;
  work->impl = node;
  *l->world->works_tail = node;
  l->world->works_tail = &node->next;
}

static const struct port_loop_ops sim_ops = {.post = sim_post, .arm = sim_arm, .forget = sim_forget, .work = sim_work};

struct loop_sim *loop_sim_create(uint64_t seed) {
  struct loop_sim *w = calloc(1, sizeof *w);
  if (w == NULL) return NULL;
  w->rng = seed;
  w->loops_tail = &w->loops;
  w->works_tail = &w->works;
  clock_sim_init(&w->clock, (tfdc_mono){TFDC_US_PER_S}, (tfdc_wall){INT64_C(1767225600) * TFDC_US_PER_S});
  return w;
}

struct port_loop *loop_sim_add(struct loop_sim *w) {
  struct sim_loop *l = calloc(1, sizeof *l);
  if (l == NULL) return NULL;
  l->base = (struct port_loop){.ops = &sim_ops, .clock = &w->clock.base};
  l->world = w;
  *w->loops_tail = l;
  w->loops_tail = &l->next;
  return &l->base;
}

static void drop_channels(struct sim_loop *l) {
  while (l->channels != NULL) {
    struct channel *c = l->channels;
    l->channels = c->next;
    free(c);
  }
}

void loop_sim_destroy(struct loop_sim *w) {
  if (w == NULL) return;
  while (w->timers != NULL) {
    struct sim_timer *t = w->timers;
    w->timers = t->next;
    free(t);
  }
  while (w->works != NULL) {
    struct sim_work *work = w->works;
    w->works = work->next;
    free(work);
  }
  while (w->loops != NULL) {
    struct sim_loop *l = w->loops;
    w->loops = l->next;
    drop_channels(l);
    free(l);
  }
  free(w);
}

static uint64_t count_ready(const struct loop_sim *w) {
  uint64_t n = 0;
  for (const struct sim_loop *l = w->loops; l != NULL; l = l->next)
    for (const struct channel *c = l->channels; c != NULL; c = c->next) n += c->head != NULL;
  for (const struct sim_timer *t = w->timers; t != NULL && t->timer->deadline.us <= w->clock.now.us; t = t->next) n++;
  for (const struct sim_work *k = w->works; k != NULL; k = k->next) n++;
  return n;
}

bool loop_sim_ready(const struct loop_sim *w) { return count_ready(w) > 0; }

static void run_task(struct loop_sim *w, const struct sim_loop *l, struct port_task *t) {
  w->current = l;
  t->fn(t);
  w->current = NULL;
}

void loop_sim_run_on(struct loop_sim *w, struct port_loop *loop, void (*fn)(void *arg), void *arg) {
  TFDC_ASSERT(w->current == NULL);
  w->current = (const struct sim_loop *)loop;
  fn(arg);
  w->current = NULL;
}

static bool run_task_number(struct loop_sim *w, uint64_t *number) {
  for (struct sim_loop *l = w->loops; l != NULL; l = l->next)
    for (struct channel *c = l->channels; c != NULL; c = c->next) {
      if (c->head == NULL || (*number)-- > 0) continue;
      run_task(w, l, take_task(c));
      return true;
    }
  return false;
}

static bool run_timer_number(struct loop_sim *w, uint64_t *number) {
  for (struct sim_timer *t = w->timers; t != NULL && t->timer->deadline.us <= w->clock.now.us; t = t->next) {
    if ((*number)-- > 0) continue;
    struct sim_loop *l = t->loop;
    struct port_timer *timer = t->timer;
    sim_forget(&l->base, timer);
    w->current = l;
    timer->fn(timer);
    w->current = NULL;
    return true;
  }
  return false;
}

static void remove_work(struct loop_sim *w, struct sim_work **at) {
  struct sim_work *node = *at;
  *at = node->next;
  if (*at == NULL) w->works_tail = at;
  free(node);
}

static void run_work_number(struct loop_sim *w, uint64_t number) {
  struct sim_work **at = &w->works;
  while (number-- > 0) at = &(*at)->next;
  struct sim_work *node = *at;
  if (!node->ran) { /* on a pool thread: no loop is the poster of what it might post */
    node->ran = true;
    node->work->run(node->work);
    return;
  }
  struct sim_loop *l = node->loop;
  struct port_work *work = node->work;
  work->impl = NULL;
  remove_work(w, at);
  w->current = l;
  work->done(work);
  w->current = NULL;
}

bool loop_sim_step(struct loop_sim *w) {
  TFDC_ASSERT(w->current == NULL);
  uint64_t ready = count_ready(w);
  if (ready == 0) {
    if (w->timers == NULL) return false;
    clock_sim_advance(&w->clock, tfdc_mono_sub(w->timers->timer->deadline, w->clock.now));
    ready = count_ready(w);
  }
  w->steps++;
  uint64_t number = loop_sim_random(w, ready);
  if (!run_task_number(w, &number) && !run_timer_number(w, &number)) run_work_number(w, number);
  clock_sim_advance(&w->clock, (tfdc_dur){1});
  return true;
}

bool loop_sim_run_until(struct loop_sim *w, bool (*cond)(void *user), void *user, uint64_t max_steps) {
  for (uint64_t i = 0; !cond(user); i++)
    if (i == max_steps || !loop_sim_step(w)) return cond(user);
  return true;
}

void loop_sim_run_for(struct loop_sim *w, tfdc_dur by) {
  tfdc_mono end = tfdc_mono_add(w->clock.now, by);
  while (loop_sim_ready(w) || (w->timers != NULL && w->timers->timer->deadline.us <= end.us)) (void)loop_sim_step(w);
  if (w->clock.now.us < end.us) clock_sim_advance(&w->clock, tfdc_mono_sub(end, w->clock.now));
}

static void drop_own(struct loop_sim *w) {
  for (struct sim_timer **at = &w->timers; *at != NULL;) {
    struct sim_timer *node = *at;
    if (!node->loop->dead) {
      at = &node->next;
      continue;
    }
    *at = node->next;
    node->timer->armed = false;
    free(node);
  }
  for (struct sim_work **at = &w->works; *at != NULL;) {
    if ((*at)->loop->dead)
      remove_work(w, at);
    else
      at = &(*at)->next;
  }
  for (struct sim_loop *l = w->loops; l != NULL; l = l->next)
    if (l->dead) drop_channels(l);
}

static void settle_channel(struct loop_sim *w, struct sim_loop *to, struct channel *c) {
  uint64_t queued = 0;
  for (const struct port_task *t = c->head; t != NULL; t = t->next) queued++;
  for (uint64_t carried_out = loop_sim_random(w, queued + 1); carried_out > 0; carried_out--)
    run_task(w, to, take_task(c));
  c->head = NULL;
  c->tail = &c->head;
}

void loop_sim_kill(struct loop_sim *w, struct port_loop *const *loops, size_t n) {
  TFDC_ASSERT(w->current == NULL);
  for (size_t i = 0; i < n; i++) ((struct sim_loop *)loops[i])->dead = true;
  drop_own(w);
  for (struct sim_loop *l = w->loops; l != NULL; l = l->next)
    for (struct channel *c = l->channels; c != NULL; c = c->next)
      if (c->from != NULL && c->from->dead && c->head != NULL) settle_channel(w, l, c);
}
