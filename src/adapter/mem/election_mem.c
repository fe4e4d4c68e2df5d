/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/election_mem.h"

#include "adapter/mem/mem_port.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ELECTIONS = 1000 };

struct election {
  struct election *next;
  char name[TFDC_TEXT_MAX + 1], leader[TFDC_TEXT_MAX + 1];
  uint64_t epoch;
  tfdc_mono until; /* the leader's term; over when <= now */
};
struct election_mem {
  struct mem_port port;
  struct port_loop *loop;
  pthread_mutex_t mu;
  /* mu */
  struct election *first; /* owned */
  unsigned n;
};

static struct election *find(struct election_mem *m, const char *name) {
  struct election *e = m->first;
  while (e != NULL && strcmp(e->name, name) != 0) e = e->next;
  return e;
}

static tfdc_rc find_or_add(struct election_mem *m, struct election_req *r, struct election **ret) {
  struct election *e = find(m, r->election);
  if (e == NULL) {
    if (m->n == MAX_ELECTIONS) return tfdc_fail(&r->base.err, TFDC_E_LIMIT, "more than %d elections", MAX_ELECTIONS);
    e = calloc(1, sizeof *e);
    if (e == NULL) return TFDC_E_NOMEM;
    memcpy(e->name, r->election, strlen(r->election) + 1);
    e->next = m->first;
    m->first = e;
    m->n++;
  }
  *ret = e;
  return TFDC_OK;
}

static bool has_leader(const struct election *e, tfdc_mono now) { return e != NULL && e->until.us > now.us; }

static tfdc_rc answer_leader(struct election_req *r, const struct election *e, tfdc_mono now) {
  const char *leader = NULL;
  if (has_leader(e, now) && (leader = tfdc_arena_strdup(&r->base.mem, e->leader)) == NULL) return TFDC_E_NOMEM;
  r->leader = leader;
  r->epoch = e != NULL ? e->epoch : 0;
  return TFDC_OK;
}

/* A candidate who leads already keeps his epoch and starts his term anew. */
static tfdc_rc campaign(struct election_mem *m, struct election_req *r, tfdc_mono now) {
  struct election *e = NULL;
  TFDC_TRY(find_or_add(m, r, &e));
  bool led = has_leader(e, now), won = !led || strcmp(e->leader, r->candidate) == 0;
  if (won) {
    if (!led) e->epoch++;
    memcpy(e->leader, r->candidate, strlen(r->candidate) + 1);
    e->until = tfdc_mono_add(now, (tfdc_dur){r->term_us});
  }
  TFDC_TRY(answer_leader(r, e, now));
  r->won = won;
  return TFDC_OK;
}

static tfdc_rc find_own(struct election_mem *m, struct election_req *r, tfdc_mono now, struct election **ret) {
  struct election *e = find(m, r->election);
  if (!has_leader(e, now) || strcmp(e->leader, r->candidate) != 0 || e->epoch != r->epoch)
    return tfdc_fail(&r->base.err, TFDC_E_CONFLICT, "%s does not lead %s in epoch %llu", r->candidate, r->election,
                     (unsigned long long)r->epoch);
  *ret = e;
  return TFDC_OK;
}

static bool is_name(const char *s) { return s != NULL && s[0] != '\0' && tfdc_is_text(s, strlen(s)); }

static tfdc_rc check(struct election_req *r) {
  bool has_candidate = r->base.op != ELECTION_LEADER, has_term = r->base.op <= ELECTION_EXTEND;
  if (!is_name(r->election)) return tfdc_fail(&r->base.err, TFDC_E_USAGE, "bad name of an election");
  if (has_candidate && !is_name(r->candidate)) return tfdc_fail(&r->base.err, TFDC_E_USAGE, "bad name of a candidate");
  if (has_term && r->term_us <= 0) return tfdc_fail(&r->base.err, TFDC_E_USAGE, "a term must be above 0");
  return TFDC_OK;
}

static tfdc_rc carry_out(struct election_mem *m, struct election_req *r, tfdc_mono now) {
  struct election *e = NULL;
  TFDC_TRY(check(r));
  switch ((enum election_op)r->base.op) {
  case ELECTION_CAMPAIGN: return campaign(m, r, now);
  case ELECTION_LEADER: return answer_leader(r, find(m, r->election), now);
  case ELECTION_EXTEND:
    TFDC_TRY(find_own(m, r, now, &e));
    e->until = tfdc_mono_add(now, (tfdc_dur){r->term_us});
    return TFDC_OK;
  case ELECTION_RESIGN:
    TFDC_TRY(find_own(m, r, now, &e));
    e->until = now;
    return TFDC_OK;
  default: return tfdc_fail(&r->base.err, TFDC_E_USAGE, "no such operation: %d", r->base.op);
  }
}

static void execute(void *owner, struct port_req *r) {
  struct election_mem *m = owner;
  mem_port_complete(&m->port, r, carry_out(m, (struct election_req *)r, port_mono(m->loop->clock)));
}

static const struct mem_port_ops ops = {.execute = execute};

struct election_mem *election_mem_create(struct port_loop *loop) {
  struct election_mem *m = calloc(1, sizeof *m);
  if (m == NULL) return NULL;
  m->loop = loop;
  TFDC_ASSERT(pthread_mutex_init(&m->mu, NULL) == 0);
  mem_port_init(&m->port, PORT_ELECTION, &ops, m, loop, &m->mu);
  return m;
}

void election_mem_destroy(struct election_mem *m) {
  if (m == NULL) return;
  mem_port_deinit(&m->port);
  while (m->first != NULL) {
    struct election *next = m->first->next;
    free(m->first);
    m->first = next;
  }
  (void)pthread_mutex_destroy(&m->mu);
  free(m);
}

struct port *election_mem_port(struct election_mem *m) {
  return &m->port.port;
}
