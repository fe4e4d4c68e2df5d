/* SPDX-License-Identifier: Apache-2.0
 * A folder of one's own for a test that writes files. */
#ifndef TEST_CONTRACT_TEMP_DIR_H
#define TEST_CONTRACT_TEMP_DIR_H

#include "base/err.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEMP_DIR_MAX = 256 };

static inline void temp_dir_make(char dir[TEMP_DIR_MAX]) {
  const char *root = getenv("TMPDIR");
  (void)snprintf(dir, TEMP_DIR_MAX, "%s/tfdc-test-XXXXXX", root != NULL && root[0] != '\0' ? root : "/tmp");
  TFDC_ASSERT(mkdtemp(dir) != NULL);
}

static inline void temp_dir_file(const char *dir, const char *name, char *ret, size_t n) {
  TFDC_ASSERT((size_t)snprintf(ret, n, "%s/%s", dir, name) < n);
}

/* The files in it, then the folder. */
static inline void temp_dir_remove(const char *dir) {
  DIR *d = opendir(dir);
  if (d == NULL) return;
  for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
    char file[2 * TEMP_DIR_MAX + 16];
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    temp_dir_file(dir, e->d_name, file, sizeof file);
    (void)unlink(file);
  }
  (void)closedir(d);
  (void)rmdir(dir);
}

#endif
