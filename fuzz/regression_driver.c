/* SPDX-License-Identifier: Apache-2.0
 * Runs every file of the named folders once through a fuzz target, so that a corpus is an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *dir, const char *name) {
  char path[4096];
  int len = snprintf(path, sizeof path, "%s/%s", dir, name);
  if (len < 0 || (size_t)len >= sizeof path) return -1;
  FILE *f = fopen(path, "rb");
  if (f == NULL) return -1;
  uint8_t *data = NULL;
  size_t size = 0, cap = 0, got = 0;
  do {
    if (size == cap) {
      cap = cap ? cap * 2 : 65536;
      uint8_t *bigger = realloc(data, cap);
      if (bigger == NULL) abort();
      data = bigger;
    }
    got = fread(data + size, 1, cap - size, f);
    size += got;
  } while (got > 0);
  (void)fclose(f);
  (void)LLVMFuzzerTestOneInput(data, size);
  free(data);
  return 0;
}

int main(int argc, char **argv) {
  size_t count = 0;
  for (int i = 1; i < argc; i++) {
    DIR *d = opendir(argv[i]);
    if (d == NULL) {
      fprintf(stderr, "no corpus folder %s\n", argv[i]);
      return 1;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
      if (e->d_name[0] == '.') continue;
      if (run_file(argv[i], e->d_name) != 0) {
        fprintf(stderr, "cannot read %s/%s\n", argv[i], e->d_name);
        return 1;
      }
      count++;
    }
    (void)closedir(d);
  }
  printf("%zu corpus files\n", count);
  return count > 0 ? 0 : 1;
}
