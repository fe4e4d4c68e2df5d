/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/sqlite/kv_sqlite.h"
#include "contract/kv_suite.h"
#include "contract/temp_dir.h"
#include "support/cmocka_all.h"

struct env {
  char dir[TEMP_DIR_MAX], file[TEMP_DIR_MAX + 16];
  struct kv_sqlite *kv;
};

static void *begin(void) {
  struct env *e = calloc(1, sizeof *e);
  temp_dir_make(e->dir);
  temp_dir_file(e->dir, "kv.db", e->file, sizeof e->file);
  return e;
}

static struct port *open_kv(void *env, struct world *w) {
  struct env *e = env;
  struct tfdc_error err = {0};
  if (kv_sqlite_open(e->file, w->server->clock, &e->kv, &err) != TFDC_OK) fail_msg("%s", err.msg);
  struct kv_sqlite *second = NULL;
  assert_int_equal(kv_sqlite_open(e->file, w->server->clock, &second, &err), TFDC_E_LOCKED);
  return kv_sqlite_port(e->kv);
}

static void destroy(void *env) { kv_sqlite_destroy(((struct env *)env)->kv); }

static void end(void *env) {
  temp_dir_remove(((struct env *)env)->dir);
  free(env);
}

int main(void) {
  const struct kv_suite_maker maker = {
      .name = "kv on SQLite", .durable = true, .begin = begin, .open = open_kv, .destroy = destroy, .end = end};
  return kv_suite_run(&maker);
}
