/* SPDX-License-Identifier: Apache-2.0 */
#include "app/alarm_watch.h"

#include "app/json_get.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char path[] = "/api/v1/alarms";

struct look {
  struct alarm_watch *w;
  json_t *open, *news;
  bool failed;
};

void alarm_watch_deinit(struct alarm_watch *w) {
  json_decref(w->seen);
  json_decref(w->open);
  w->seen = w->open = NULL;
}

static bool on_alarm(void *user, json_t *a) {
  struct look *l = user;
  const char *id = json_get_text(a, "alarm_id");
  int64_t update = json_get_int(a, "update", 0);
  const json_t *before = json_object_get(l->w->seen, id);
  if (strcmp(json_get_text(a, "state"), "OPEN") == 0) l->failed |= json_object_set(l->open, id, a) != 0;
  if (before != NULL && json_integer_value(before) >= update) return !l->failed;
  l->failed |= json_array_append(l->news, a) != 0 || json_object_set_new(l->w->seen, id, json_integer(update)) != 0;
  return !l->failed;
}

/* One that was open and is no more. */
static tfdc_rc look_at(struct look *l, const json_t *a, struct tfdc_error *err) {
  char from[24], to[24];
  int64_t opened_us = json_get_int(a, "opened_us", 0);
  (void)snprintf(from, sizeof from, "%" PRId64, opened_us);
  (void)snprintf(to, sizeof to, "%" PRId64, opened_us + 1);
  const char *const exact[] = {
      "tool", json_get_text(a, "tool"), "chamber", json_get_text(a, "chamber"), "from", from, "to", to, NULL};
  return client_list(l->w->client, path, exact, "alarms", 0, on_alarm, l, err);
}

static tfdc_rc look_at_ended(struct look *l, struct tfdc_error *err) {
  const char *id;
  json_t *a;
  json_object_foreach(l->w->open, id, a) {
    if (json_object_get(l->open, id) == NULL) TFDC_TRY(look_at(l, a, err));
  }
  return TFDC_OK;
}

static tfdc_rc look_at_all(struct look *l, struct tfdc_error *err) {
  struct filter_params open = *l->w->where;
  filter_add(&open, "open", "1");
  size_t most = l->w->looks % ALARM_WATCH_WHOLE == 0 ? 0 : ALARM_WATCH_NEWEST;
  TFDC_TRY(client_list(l->w->client, path, open.list, "alarms", 0, on_alarm, l, err));
  TFDC_TRY(client_list(l->w->client, path, l->w->where->list, "alarms", most, on_alarm, l, err));
  return look_at_ended(l, err);
}

/* By the order time of the change, then by when they opened. */
static int by_change(const void *a, const void *b) {
  static const char *const keys[] = {"updated_us", "opened_us"};
  for (size_t i = 0; i < TFDC_COUNT(keys); i++) {
    int64_t x = json_get_int(*(json_t *const *)a, keys[i], 0), y = json_get_int(*(json_t *const *)b, keys[i], 0);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

/* A sorted copy of the list. */
static json_t *sorted(const json_t *list) {
  size_t n = json_array_size(list);
  json_t **items = calloc(n + 1, sizeof *items), *ret = json_array();
  bool ok = items != NULL && ret != NULL;
  for (size_t i = 0; ok && i < n; i++) items[i] = json_array_get(list, i);
  if (ok) qsort(items, n, sizeof(json_t *), by_change);
  for (size_t i = 0; ok && i < n; i++) ok = json_array_append(ret, items[i]) == 0;
  free(items);
  if (ok) return ret;
  json_decref(ret);
  return NULL;
}

tfdc_rc alarm_watch_look(struct alarm_watch *w, json_t **ret_news, struct tfdc_error *err) {
  if (w->seen == NULL) w->seen = json_object();
  struct look l = {.w = w, .open = json_object(), .news = json_array()};
  tfdc_rc rc = TFDC_OK;
  if (w->seen == NULL || l.open == NULL || l.news == NULL) l.failed = true;
  if (!l.failed) rc = look_at_all(&l, err);
  *ret_news = sorted(l.news);
  if (l.failed || *ret_news == NULL) rc = tfdc_fail(err, TFDC_E_NOMEM, "alarms");
  if (rc == TFDC_OK) {
    json_decref(w->open);
    w->open = json_incref(l.open);
    w->looks++;
  }
  json_decref(l.open);
  json_decref(l.news);
  return rc;
}
