/* SPDX-License-Identifier: Apache-2.0
 * Port: metrics. Rows are model/metric_list.h; cheap (no lock on the hot path where the adapter can), any thread. Label
 * values are copied on first use; each metric keeps at most 10,000 label sets, the rest go to the set "other". */
#ifndef PORT_METRICS_H
#define PORT_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct port_metrics;
struct port_metrics_ops {
  /* metric = row of model/metric_list.h; labels = as many values as the row names, NULL pointers = "" */
  void (*add)(struct port_metrics *m, int metric, const char *const labels[3], double by);
  void (*set)(struct port_metrics *m, int metric, const char *const labels[3], double value);
  void (*observe)(struct port_metrics *m, int metric, const char *const labels[3], double seconds);
};
struct port_metrics {
  const struct port_metrics_ops *ops;
};

static inline void metrics_add(struct port_metrics *m, int metric, const char *label, double by) {
  const char *const labels[3] = {label, NULL, NULL};
  if (m != NULL) m->ops->add(m, metric, labels, by);
}
static inline void metrics_set(struct port_metrics *m, int metric, const char *label, double value) {
  const char *const labels[3] = {label, NULL, NULL};
  if (m != NULL) m->ops->set(m, metric, labels, value);
}
static inline void metrics_observe(struct port_metrics *m, int metric, const char *label, double seconds) {
  const char *const labels[3] = {label, NULL, NULL};
  if (m != NULL) m->ops->observe(m, metric, labels, seconds);
}

#endif
