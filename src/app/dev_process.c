/* SPDX-License-Identifier: Apache-2.0 */
#include "app/dev_process.h"

#include "app/dev.h"
#include "base/text.h"
#include "model/metric_list.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

size_t dev_cores(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (size_t)n : 1;
}

void dev_node_name(const struct app_config *config, char ret[65]) {
  char host[256] = "";
  const char *name = app_config_text(config, APP_CONFIG_NODE_NAME);
  if (name[0] == '\0' && gethostname(host, sizeof host - 1) == 0) name = host;
  size_t n = 0;
  for (; n < TFDC_ID_MAX && name[n] != '\0'; n++) ret[n] = tfdc_is_id(&name[n], 1) ? name[n] : '-';
  ret[n] = '\0';
  if (n == 0) (void)snprintf(ret, 65, "tfdc");
}

void dev_process_init(const struct app_config *config) {
  /* a stream is a descriptor; so is a file of the store */
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
  }
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  (void)sigaction(SIGPIPE, &ignore, NULL);
  (void)sigaction(SIGXFSZ, &ignore, NULL); /* a file limit is DISK_FULL, not the end */
  int64_t workers = app_config_int(config, APP_CONFIG_JUDGE_WORKERS);
  char text[24];
  (void)snprintf(text, sizeof text, "%lld", workers > 0 ? (long long)workers : (long long)dev_cores());
  (void)setenv("UV_THREADPOOL_SIZE", text, 1);
  (void)setenv("GRPC_VERBOSITY", "NONE", 0); /* its errors are in ours; standard error is for JSON lines */
}

bool dev_stop_signalled(void) {
  sigset_t wanted;
  (void)sigemptyset(&wanted);
  (void)sigaddset(&wanted, SIGTERM);
  (void)sigaddset(&wanted, SIGINT);
  return sigtimedwait(&wanted, NULL, &(struct timespec){0}) > 0;
}

void dev_put_start_metrics(struct port_metrics *m, tfdc_wall started) {
  metrics_set(m, MODEL_METRIC_BUILD, TFDC_VERSION, 1);
  metrics_set(m, MODEL_METRIC_DEFENDER_VERSION, TFDC_VERSION, 1);
  metrics_set(m, MODEL_METRIC_DEFENDER_STATE, "STABLE", 1);
  metrics_set(m, MODEL_METRIC_START_TIME, NULL, (double)started.us / 1e6);
}

static double resident_bytes(void) {
  FILE *f = fopen("/proc/self/statm", "r");
  long long size = 0, resident = 0;
  if (f == NULL) return 0;
  int n = fscanf(f, "%lld %lld", &size, &resident);
  (void)fclose(f);
  return n == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) : 0;
}

static double open_files(void) {
  DIR *dir = opendir("/proc/self/fd");
  double n = 0;
  if (dir == NULL) return 0;
  while (readdir(dir) != NULL) n++;
  (void)closedir(dir);
  return n - 3; /* ".", ".." and the folder itself */
}

void dev_put_process_metrics(struct port_metrics *m) {
  metrics_set(m, MODEL_METRIC_RSS, NULL, resident_bytes());
  metrics_set(m, MODEL_METRIC_OPEN_FDS, NULL, open_files());
}
