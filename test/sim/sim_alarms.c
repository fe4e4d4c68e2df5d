/* SPDX-License-Identifier: Apache-2.0
 * What the ledger knows of alarms: those that were published, and those that people see open at last. */
#include "sim/sim.h"

#include "spc/episode.h"

#include <stdlib.h>
#include <string.h>

static const char *name(const struct sim_run *r) { return r->plan.run_id; }

static bool same_episode(const struct model_alarm *a, const struct model_alarm *b) {
  return strcmp(a->strategy, b->strategy) == 0 && strcmp(a->partition, b->partition) == 0 &&
         store_key_cmp(a->key, b->key) == 0 && tfdc_id128_eq(a->first_context, b->first_context);
}

void sim_alarms_look(struct sim *s) {
  while (s->alarms_seen < alarm_mem_count(s->alarms)) {
    struct model_alarm *list = realloc(s->alarm_list, (s->alarms_seen + 1) * sizeof *list);
    TFDC_ASSERT(list != NULL);
    s->alarm_list = list;
    struct model_alarm *a = &list[s->alarms_seen];
    TFDC_ASSERT(alarm_mem_get(s->alarms, s->alarms_seen, &s->alarm_mem, a) == TFDC_OK);
    const struct sim_run *run = sim_run_of(s, a->last_context), *first = sim_run_of(s, a->first_context);
    sim_trace(s, run, "alarm of %s: %s %s update %u", name(first), model_alarm_state_name(a->state), a->reason,
              a->update);
    sim_trace(s, first, "by %s: %s %s update %u", name(run), model_alarm_state_name(a->state), a->reason, a->update);
    for (size_t i = 0; i < s->alarms_seen; i++) {
      bool repeat = tfdc_id128_eq(a->alarm_id, list[i].alarm_id) && a->update == list[i].update;
      bool by_hand = run->asked > 0 || sim_run_of(s, list[i].last_context)->asked > 0; /* a place may be taken twice */
      if (repeat && !by_hand && (a->state != list[i].state || !tfdc_id128_eq(a->last_context, list[i].last_context)))
        sim_break(s, SIM_ALARMED, "%s:%s %s: update %u of an alarm says two things", a->key.tool, a->key.chamber,
                  a->strategy, a->update);
      if (same_episode(a, &list[i]) != tfdc_id128_eq(a->alarm_id, list[i].alarm_id))
        sim_break(s, SIM_ALARMED, "%s:%s %s: one episode has two alarm ids, or two have one", a->key.tool,
                  a->key.chamber, a->strategy);
    }
    s->alarms_seen++;
  }
}

bool sim_alarms_raised(const struct sim *s, const struct sim_run *r, const struct sim_alarm_due *due) {
  for (size_t i = 0; i < s->alarms_seen; i++) {
    const struct model_alarm *a = &s->alarm_list[i];
    if (strcmp(a->strategy, sim_strategy_id(due->strategy)) == 0 && a->state == due->state &&
        tfdc_id128_eq(a->first_context, due->first) && tfdc_id128_eq(a->last_context, r->plan.id))
      return true;
  }
  return false;
}

static const struct model_u_record *newest_row(struct sim *s, const struct model_alarm *a) {
  const struct mem_table *t = &sim_store(s)->u;
  const struct model_u_record *best = NULL;
  for (size_t i = 0; i < t->n; i++) { /* in run order within a series */
    const struct model_u_record *u = &t->rows[i]->u;
    if (store_key_cmp(u->key, a->key) == 0 && strcmp(u->chart_set, a->strategy) == 0 &&
        strcmp(u->partition, a->partition) == 0)
      best = u;
  }
  return best;
}

/* The alarm that people see open is that of the episode that is open, and none else. A run that came late, or was
 * judged again, may have cleared it before the runs after it do; whoever judges a single run again by hand may leave
 * one open. */
void sim_alarms_check_last(struct sim *s) {
  const struct mem_table *t = &sim_store(s)->alarms;
  for (size_t i = 0; i < t->n; i++) {
    const struct model_alarm *a = &t->rows[i]->alarm;
    const struct model_u_record *u = newest_row(s, a);
    struct spc_episode e = {.open = false};
    struct tfdc_cursor at = tfdc_cursor_on(u != NULL ? u->episode : NULL, u != NULL ? u->episode_n : 0);
    if (u != NULL) TFDC_ASSERT(spc_episode_decode(&at, &e, NULL) == TFDC_OK);
    bool goes_on = e.open && tfdc_id128_eq(sim_id_of(e.first_id), a->first_context);
    const struct model_run_verdict *v = store_mem_verdict(sim_store(s), a->last_context);
    bool early = goes_on && v != NULL && (v->late || v->revision > 1), again = v != NULL && v->judgement > 1;
    if (goes_on == (a->state == MODEL_ALARM_OPEN) || early || again) continue;
    const struct sim_run *first = sim_run_of(s, a->first_context);
    sim_break(s, SIM_ALARMED, "%s:%s %s %s: the alarm of %s is %s by update %u", a->key.tool, a->key.chamber,
              a->strategy, a->partition, name(first), model_alarm_state_name(a->state), a->update);
  }
}
