/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/faulty/faulty.h"

#include "port/alarm.h"
#include "port/election.h"
#include "port/kv.h"
#include "port/queue.h"
#include "port/store_util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OP(prefix, name) [prefix##_##name] = #name
static const char *const publish_ops[] = {OP(PUBLISH, SEND)};
static const char *const workqueue_ops[] = {
    OP(WORKQUEUE, CREATE),   OP(WORKQUEUE, SHRINK),     OP(WORKQUEUE, DELETE), OP(WORKQUEUE, PULL),
    OP(WORKQUEUE, ACK),      OP(WORKQUEUE, PROGRESS),   OP(WORKQUEUE, NAK),    OP(WORKQUEUE, DEAD_LETTER),
    OP(WORKQUEUE, DLQ_LIST), OP(WORKQUEUE, DLQ_REMOVE), OP(WORKQUEUE, INFO)};
static const char *const kv_ops[] = {OP(KV, GET),        OP(KV, CREATE),     OP(KV, UPDATE),
                                     OP(KV, PUT),        OP(KV, DELETE),     OP(KV, LIST),
                                     OP(KV, WATCH_OPEN), OP(KV, WATCH_NEXT), OP(KV, WATCH_CLOSE)};
static const char *const alarm_ops[] = {OP(ALARM, PUBLISH)};
static const char *const election_ops[] = {OP(ELECTION, CAMPAIGN), OP(ELECTION, EXTEND), OP(ELECTION, RESIGN),
                                           OP(ELECTION, LEADER)};
#undef OP

#define PORT(kind, name, ops) [kind] = {name, ops, TFDC_COUNT(ops)}
static const struct {
  const char *name;
  const char *const *ops;
  size_t n;
} ports[] = {[PORT_STORE] = {"store", store_op_names, STORE_OPS},
             PORT(PORT_PUBLISH, "publish", publish_ops),
             PORT(PORT_WORKQUEUE, "workqueue", workqueue_ops),
             PORT(PORT_KV, "kv", kv_ops),
             PORT(PORT_ALARM, "alarm", alarm_ops),
             PORT(PORT_ELECTION, "election", election_ops)};
#undef PORT

enum value { NO_VALUE, A_CODE, A_TIME };
static const struct {
  const char *name;
  enum value value;
} actions[] = {[FAULTY_FAIL] = {"fail", A_CODE},
               [FAULTY_FAIL_AFTER] = {"fail-after", A_CODE},
               [FAULTY_DROP] = {"drop", A_TIME},
               [FAULTY_DELAY] = {"delay", A_TIME},
               [FAULTY_REPEAT] = {"repeat", NO_VALUE},
               [FAULTY_KILL_BEFORE] = {"kill-before", NO_VALUE},
               [FAULTY_KILL_AFTER] = {"kill-after", NO_VALUE}};

/* Cuts the text at the first `at`; the rest, or NULL. */
static char *cut(char *text, char at) {
  char *rest = strchr(text, at);
  if (rest != NULL) *rest++ = '\0';
  return rest;
}

static bool read_u64(const char *text, uint64_t *ret) {
  if (text == NULL || text[0] < '0' || text[0] > '9') return false;
  char *end = NULL;
  errno = 0;
  unsigned long long v = strtoull(text, &end, 10);
  if (errno != 0 || *end != '\0') return false;
  *ret = v;
  return true;
}

static tfdc_rc read_target(char *text, struct faulty_rule *r, struct tfdc_error *err) {
  const char *op = cut(text, '.');
  size_t p = 0;
  while (p < TFDC_COUNT(ports) && strcmp(ports[p].name, text) != 0) p++;
  if (p == TFDC_COUNT(ports)) return tfdc_fail(err, TFDC_E_USAGE, "unknown port \"%s\"", text);
  if (op == NULL) return tfdc_fail(err, TFDC_E_USAGE, "no operation behind \"%s\"", text);
  r->port = (enum port_kind)p;
  r->op = FAULTY_ANY_OP;
  if (strcmp(op, "*") == 0) return TFDC_OK;
  for (size_t i = 0; i < ports[p].n; i++)
    if (strcmp(ports[p].ops[i], op) == 0) r->op = (int)i;
  return r->op != FAULTY_ANY_OP ? TFDC_OK : tfdc_fail(err, TFDC_E_USAGE, "port %s has no operation \"%s\"", text, op);
}

static tfdc_rc read_code(const char *text, struct faulty_rule *r, struct tfdc_error *err) {
  if (tfdc_rc_parse(text, &r->rc)) return TFDC_OK;
  return tfdc_fail(err, TFDC_E_USAGE, "unknown error code \"%s\"", text != NULL ? text : "");
}

static tfdc_rc read_action(char *text, struct faulty_rule *r, struct tfdc_error *err) {
  const char *value = cut(text, '=');
  size_t a = 0;
  while (a < TFDC_COUNT(actions) && strcmp(actions[a].name, text) != 0) a++;
  if (a == TFDC_COUNT(actions)) return tfdc_fail(err, TFDC_E_USAGE, "unknown action \"%s\"", text);
  r->action = (enum faulty_action)a;
  if (actions[a].value == A_CODE) return read_code(value, r, err);
  uint64_t us = 0;
  if (actions[a].value == NO_VALUE)
    return value == NULL ? TFDC_OK : tfdc_fail(err, TFDC_E_USAGE, "action %s has no value", text);
  if (!read_u64(value, &us) || us > (uint64_t)(3600 * TFDC_US_PER_S))
    return tfdc_fail(err, TFDC_E_USAGE, "action %s needs microseconds, at most an hour", text);
  r->by = (tfdc_dur){(int64_t)us};
  return TFDC_OK;
}

static tfdc_rc read_option(char *text, struct faulty_rule *r, struct tfdc_error *err) {
  const char *value = cut(text, '=');
  if (strcmp(text, "seed") == 0 && read_u64(value, &r->seed)) return TFDC_OK;
  if (strcmp(text, "p") == 0 && value != NULL && value[0] != '\0') {
    char *end = NULL;
    double p = strtod(value, &end);
    if (*end == '\0' && p > 0 && p <= 1) {
      r->probability = p;
      return TFDC_OK;
    }
  }
  return tfdc_fail(err, TFDC_E_USAGE, "bad option \"%s\": p=0..1 or seed=N", text);
}

static tfdc_rc read_rule(char *text, struct faulty_rule *r, struct tfdc_error *err) {
  *r = (struct faulty_rule){.seed = 1};
  char *action = cut(text, ':');
  if (action == NULL) return tfdc_fail(err, TFDC_E_USAGE, "no action");
  char *rest = cut(action, ':');
  TFDC_TRY(read_target(text, r, err));
  TFDC_TRY(read_action(action, r, err));
  while (rest != NULL) {
    char *part = rest;
    rest = cut(part, ':');
    if (strchr(part, '=') == NULL) {
      if (!read_u64(part, &r->nth) || r->nth == 0)
        return tfdc_fail(err, TFDC_E_USAGE, "\"%s\" is not the number of a call", part);
      continue;
    }
    while (part != NULL) {
      char *option = part;
      part = cut(option, ',');
      TFDC_TRY(read_option(option, r, err));
    }
  }
  return TFDC_OK;
}

tfdc_rc faulty_parse(const char *text, struct faulty_rule rules[FAULTY_MAX_RULES], size_t *ret_n,
                     struct tfdc_error *err) {
  char copy[FAULTY_MAX_TEXT + 1];
  size_t n = 0, size = text != NULL ? strlen(text) : 0;
  if (size > FAULTY_MAX_TEXT) return tfdc_fail(err, TFDC_E_USAGE, "faults: more than %d bytes", FAULTY_MAX_TEXT);
  if (size > 0) memcpy(copy, text, size);
  copy[size] = '\0';
  for (char *rest = copy; rest != NULL && size > 0;) {
    char *rule = rest;
    rest = cut(rule, ';');
    rule += strspn(rule, " ");
    if (rule[0] == '\0') continue;
    if (n == FAULTY_MAX_RULES) return tfdc_fail(err, TFDC_E_USAGE, "faults: more than %d rules", FAULTY_MAX_RULES);
    tfdc_rc rc = read_rule(rule, &rules[n], err);
    if (rc != TFDC_OK) return tfdc_wrap(err, rc, "faults: rule %zu", n + 1);
    n++;
  }
  *ret_n = n;
  return TFDC_OK;
}
