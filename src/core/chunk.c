/* SPDX-License-Identifier: Apache-2.0 */
#include "core/chunk.h"

#include "base/hash.h"
#include "mebo.h"

#include <stdlib.h>
#include <string.h>

/* ---- encoding ---- */

struct chunk_encoder {
  struct mebo_writer *writer;
};

tfdc_rc chunk_encoder_create(struct chunk_encoder **ret) {
  struct chunk_encoder *e = calloc(1, sizeof *e);
  if (e == NULL) return TFDC_E_NOMEM;
  struct mebo_options options = mebo_options_default();
  tfdc_rc rc = mebo_writer_create(&options, &e->writer, NULL);
  if (rc != TFDC_OK) {
    free(e);
    return rc;
  }
  *ret = e;
  return TFDC_OK;
}

void chunk_encoder_destroy(struct chunk_encoder *e) {
  if (e == NULL) return;
  mebo_writer_destroy(e->writer);
  free(e);
}

/* One SVID of the chunk: its columns in the order of the blocks. */
struct sensor {
  uint32_t svid;
  const char *name;
  const struct model_column **columns;
  size_t n_columns, points;
};
struct sensors {
  struct sensor *items;
  size_t n, cap;
  uint32_t *slots; /* hash of the svid -> index + 1 */
  size_t n_slots;
};

static struct sensor *find_sensor(struct sensors *s, uint32_t svid) {
  for (size_t at = (svid * UINT32_C(2654435761)) & (s->n_slots - 1);; at = (at + 1) & (s->n_slots - 1)) {
    if (s->slots[at] == 0) {
      s->slots[at] = (uint32_t)++s->n;
      s->items[s->n - 1] = (struct sensor){.svid = svid};
      return &s->items[s->n - 1];
    }
    if (s->items[s->slots[at] - 1].svid == svid) return &s->items[s->slots[at] - 1];
  }
}

static size_t count_columns(struct model_block *const *blocks, size_t n_blocks) {
  size_t columns = 0;
  for (size_t i = 0; i < n_blocks; i++) columns += blocks[i]->n_columns;
  return columns;
}

static tfdc_rc gather(struct model_block *const *blocks, size_t n_blocks, struct tfdc_arena *mem, struct sensors *ret) {
  size_t columns = count_columns(blocks, n_blocks), slots = 16;
  while (slots < columns * 2) slots *= 2;
  *ret = (struct sensors){.n_slots = slots, .cap = columns};
  ret->items = tfdc_arena_array(mem, columns, sizeof *ret->items);
  ret->slots = tfdc_arena_alloc(mem, slots * sizeof *ret->slots);
  const struct model_column **lists = tfdc_arena_array(mem, columns, sizeof *lists);
  if (ret->items == NULL || ret->slots == NULL || lists == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < n_blocks; i++)
    for (size_t k = 0; k < blocks[i]->n_columns; k++) find_sensor(ret, blocks[i]->columns[k].svid)->n_columns++;
  for (size_t i = 0; i < ret->n; i++) {
    ret->items[i].columns = lists;
    lists += ret->items[i].n_columns;
    ret->items[i].n_columns = 0;
  }
  for (size_t i = 0; i < n_blocks; i++) {
    for (size_t k = 0; k < blocks[i]->n_columns; k++) {
      const struct model_column *c = &blocks[i]->columns[k];
      struct sensor *s = find_sensor(ret, c->svid);
      s->name = c->name;
      s->columns[s->n_columns++] = c;
      s->points += c->n;
    }
  }
  return TFDC_OK;
}

static bool same_clock(const struct sensor *a, const struct sensor *b) {
  if (a == NULL || a->n_columns != b->n_columns || a->points != b->points) return false;
  for (size_t i = 0; i < a->n_columns; i++)
    if (a->columns[i]->t_us != b->columns[i]->t_us || a->columns[i]->n != b->columns[i]->n) return false;
  return true;
}

static void join_columns(const struct sensor *s, bool times_too, int64_t *times, double *values) {
  for (size_t i = 0; i < s->n_columns; i++) {
    const struct model_column *c = s->columns[i];
    if (times_too) memcpy(times, c->t_us, c->n * sizeof *times);
    memcpy(values, c->v, c->n * sizeof *values);
    times += c->n;
    values += c->n;
  }
}

static void span_of(const struct sensor *s, struct model_chunk *chunk) {
  for (size_t i = 0; i < s->n_columns; i++) {
    const struct model_column *c = s->columns[i];
    if (c->n == 0) continue;
    if (c->t_us[0] < chunk->first_us) chunk->first_us = c->t_us[0];
    if (c->t_us[c->n - 1] > chunk->last_us) chunk->last_us = c->t_us[c->n - 1];
  }
}

static tfdc_rc add_sensors(struct mebo_writer *writer, const struct sensors *all, struct tfdc_arena *scratch,
                           struct model_chunk *chunk, struct tfdc_error *err) {
  size_t most = 0;
  for (size_t i = 0; i < all->n; i++)
    if (all->items[i].points > most) most = all->items[i].points;
  int64_t *times = tfdc_arena_array(scratch, most, sizeof *times);
  double *values = tfdc_arena_array(scratch, most, sizeof *values);
  if (times == NULL || values == NULL) return tfdc_fail(err, TFDC_E_NOMEM, "chunk of %zu points", most);
  const struct sensor *before = NULL;
  for (size_t i = 0; i < all->n; i++) {
    const struct sensor *s = &all->items[i];
    if (s->points == 0) continue;
    bool shared = same_clock(before, s);
    const struct model_column *only = s->n_columns == 1 ? s->columns[0] : NULL;
    if (only == NULL) join_columns(s, !shared, times, values);
    const int64_t *t = only != NULL ? only->t_us : times;
    TFDC_TRY(mebo_writer_add(writer, s->name, s->points, shared ? NULL : t, only != NULL ? only->v : values, err));
    if (!shared) span_of(s, chunk);
    chunk->points += s->points;
    before = s;
  }
  return TFDC_OK;
}

tfdc_rc chunk_encode(struct chunk_encoder *encoder, struct model_block *const *blocks, size_t n_blocks,
                     struct tfdc_arena *scratch, struct tfdc_buf *out, struct model_chunk *ret,
                     struct tfdc_error *err) {
  struct sensors all;
  TFDC_TRY(gather(blocks, n_blocks, scratch, &all));
  struct model_chunk chunk = {.first_us = INT64_MAX, .last_us = INT64_MIN};
  int64_t start = all.n > 0 && all.items[0].points > 0 ? all.items[0].columns[0]->t_us[0] : 0;
  mebo_writer_reset(encoder->writer, start);
  TFDC_TRY(add_sensors(encoder->writer, &all, scratch, &chunk, err));
  size_t from = out->size;
  if (chunk.points > 0) TFDC_TRY(mebo_writer_finish(encoder->writer, out, err));
  ret->points = chunk.points;
  ret->first_us = chunk.points > 0 ? chunk.first_us : MODEL_NO_TIME;
  ret->last_us = chunk.points > 0 ? chunk.last_us : MODEL_NO_TIME;
  ret->blob = out->data + from;
  ret->blob_n = out->size - from;
  ret->checksum = tfdc_xxh3_64(ret->blob, ret->blob_n);
  return TFDC_OK;
}

/* ---- decoding ---- */

struct part {
  struct mebo_reader *reader;
  size_t index, points, clock; /* clock: equal within one reader = same time stamps */
};
struct series {
  const char *name;
  struct part *parts;
  size_t n_parts, points;
};
struct clock {
  const struct series *like; /* the first series that has it */
  int64_t *times;
  bool rises;
};
struct decoder {
  struct mebo_reader **readers;
  size_t n_readers;
  struct series *series;
  size_t n_series;
  struct clock *clocks;
  size_t n_clocks;
  size_t max_bytes, bytes;
  struct tfdc_arena *mem;
  struct tfdc_error *err;
};

static tfdc_rc budget(struct decoder *d, size_t bytes) {
  if (bytes > d->max_bytes - d->bytes)
    return tfdc_fail(d->err, TFDC_E_LIMIT, "the traces need more than %zu bytes", d->max_bytes);
  d->bytes += bytes;
  return TFDC_OK;
}

static tfdc_rc open_readers(struct decoder *d, const struct chunk_blob *chunks, size_t n_chunks) {
  d->readers = tfdc_arena_alloc(d->mem, n_chunks * sizeof *d->readers + 1);
  if (d->readers == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < n_chunks; i++) {
    if (tfdc_xxh3_64(chunks[i].data, chunks[i].n) != chunks[i].checksum)
      return tfdc_fail(d->err, TFDC_E_CORRUPT, "chunk %zu of %zu: checksum does not match", i + 1, n_chunks);
    if (chunks[i].n == 0) continue;
    tfdc_rc rc = mebo_reader_open(chunks[i].data, chunks[i].n, NULL, &d->readers[d->n_readers], d->err);
    if (rc == TFDC_E_NOMEM) return rc;
    if (rc != TFDC_OK) return tfdc_wrap(d->err, TFDC_E_CORRUPT, "chunk %zu of %zu", i + 1, n_chunks);
    d->n_readers++;
  }
  return TFDC_OK;
}

static tfdc_rc find_parts(struct decoder *d, const struct chunk_names *names) {
  d->series = tfdc_arena_array(d->mem, names->n, sizeof *d->series);
  d->clocks = tfdc_arena_array(d->mem, names->n, sizeof *d->clocks);
  if (d->series == NULL || d->clocks == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < names->n; i++) {
    struct series s = {.name = names->names[i]};
    s.parts = tfdc_arena_array(d->mem, d->n_readers, sizeof *s.parts);
    if (s.parts == NULL) return TFDC_E_NOMEM;
    for (size_t k = 0; k < d->n_readers; k++) {
      size_t index;
      if (!mebo_reader_find(d->readers[k], s.name, &index)) continue;
      struct mebo_metric m;
      mebo_reader_metric(d->readers[k], index, &m);
      s.parts[s.n_parts++] = (struct part){d->readers[k], index, m.points, m.ts_group};
      s.points += m.points;
    }
    if (s.points > 0) d->series[d->n_series++] = s;
  }
  return TFDC_OK;
}

static bool same_parts(const struct series *a, const struct series *b) {
  if (a->n_parts != b->n_parts || a->points != b->points) return false;
  for (size_t i = 0; i < a->n_parts; i++)
    if (a->parts[i].reader != b->parts[i].reader || a->parts[i].clock != b->parts[i].clock) return false;
  return true;
}

static tfdc_rc decode_times(struct decoder *d, const struct series *s, int64_t *times) {
  for (size_t i = 0; i < s->n_parts; i++) {
    tfdc_rc rc = mebo_reader_times(s->parts[i].reader, s->parts[i].index, times, d->err);
    if (rc != TFDC_OK) return tfdc_wrap(d->err, rc == TFDC_E_NOMEM ? rc : TFDC_E_CORRUPT, "times of %s", s->name);
    times += s->parts[i].points;
  }
  return TFDC_OK;
}

static tfdc_rc decode_values(struct decoder *d, const struct series *s, double *values) {
  for (size_t i = 0; i < s->n_parts; i++) {
    tfdc_rc rc = mebo_reader_values(s->parts[i].reader, s->parts[i].index, values, d->err);
    if (rc != TFDC_OK) return tfdc_wrap(d->err, rc == TFDC_E_NOMEM ? rc : TFDC_E_CORRUPT, "values of %s", s->name);
    values += s->parts[i].points;
  }
  return TFDC_OK;
}

static bool strictly_rises(const int64_t *t, size_t n) {
  bool rises = true;
  for (size_t i = 1; i < n; i++) rises &= t[i] > t[i - 1];
  return rises;
}

/* The clock of a series: decoded once for all series with the same time stamps. */
static tfdc_rc clock_of(struct decoder *d, const struct series *s, struct clock **ret) {
  for (size_t i = 0; i < d->n_clocks; i++) {
    if (!same_parts(d->clocks[i].like, s)) continue;
    *ret = &d->clocks[i];
    return TFDC_OK;
  }
  TFDC_TRY(budget(d, s->points * sizeof(int64_t)));
  int64_t *times = tfdc_arena_array(d->mem, s->points, sizeof *times);
  if (times == NULL) return TFDC_E_NOMEM;
  TFDC_TRY(decode_times(d, s, times));
  struct clock *c = &d->clocks[d->n_clocks++];
  *c = (struct clock){.like = s, .times = times, .rises = strictly_rises(times, s->points)};
  *ret = c;
  return TFDC_OK;
}

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

/* Index of the first time stamp >= t. */
static size_t lower_bound(const int64_t *times, size_t n, int64_t t) {
  size_t lo = 0;
  while (n > 0) {
    size_t half = n / 2;
    if (times[lo + half] < t) {
      lo += half + 1;
      n -= half + 1;
    } else {
      n = half;
    }
  }
  return lo;
}

/* Chunks overlap (two collectors stored the same blocks): what is there already with equal bits counts once. */
static tfdc_rc drop_repeats(struct decoder *d, const struct series *s, const int64_t *times, double *values,
                            struct eq_series *out) {
  TFDC_TRY(budget(d, s->points * sizeof(int64_t)));
  int64_t *kept = tfdc_arena_array(d->mem, s->points, sizeof *kept);
  if (kept == NULL) return TFDC_E_NOMEM;
  size_t n = 0;
  for (size_t i = 0; i < s->points; i++) {
    if (n == 0 || times[i] > kept[n - 1]) {
      kept[n] = times[i];
      values[n++] = values[i];
      continue;
    }
    size_t at = lower_bound(kept, n, times[i]);
    if (kept[at] != times[i] || !same_bits(values[at], values[i]))
      return tfdc_fail(d->err, TFDC_E_CONFLICT, "%s has two histories at %lld us", s->name, (long long)times[i]);
  }
  *out = (struct eq_series){.name = s->name, .n = n, .t_us = kept, .v = values};
  return TFDC_OK;
}

static tfdc_rc decode_series(struct decoder *d, const struct series *s, struct eq_series *out) {
  struct clock *clock;
  TFDC_TRY(clock_of(d, s, &clock));
  TFDC_TRY(budget(d, s->points * sizeof(double)));
  double *values = tfdc_arena_array(d->mem, s->points, sizeof *values);
  if (values == NULL) return TFDC_E_NOMEM;
  TFDC_TRY(decode_values(d, s, values));
  if (!clock->rises) return drop_repeats(d, s, clock->times, values, out);
  *out = (struct eq_series){.name = s->name, .n = s->points, .t_us = clock->times, .v = values};
  return TFDC_OK;
}

static tfdc_rc decode_all(struct decoder *d, const struct chunk_blob *chunks, size_t n_chunks,
                          const struct chunk_names *names, struct eq_series **ret) {
  TFDC_TRY(open_readers(d, chunks, n_chunks));
  TFDC_TRY(find_parts(d, names));
  struct eq_series *out = tfdc_arena_array(d->mem, d->n_series, sizeof *out);
  if (out == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < d->n_series; i++) TFDC_TRY(decode_series(d, &d->series[i], &out[i]));
  *ret = out;
  return TFDC_OK;
}

tfdc_rc chunk_decode(const struct chunk_blob *chunks, size_t n_chunks, const struct chunk_names *names,
                     size_t max_bytes, struct tfdc_arena *mem, struct eq_series **ret, size_t *ret_n,
                     struct tfdc_error *err) {
  struct decoder d = {.max_bytes = max_bytes, .mem = mem, .err = err};
  struct eq_series *series = NULL;
  tfdc_rc rc = decode_all(&d, chunks, n_chunks, names, &series);
  for (size_t i = 0; i < d.n_readers; i++) mebo_reader_destroy(d.readers[i]);
  if (rc != TFDC_OK) return rc == TFDC_E_NOMEM ? tfdc_fail(err, rc, "decoding %zu chunks", n_chunks) : rc;
  *ret = series;
  *ret_n = d.n_series;
  return TFDC_OK;
}

tfdc_rc chunk_eq_run(const struct model_context *c, const struct eq_series *series, size_t n_series,
                     struct tfdc_arena *mem, struct eq_run *ret) {
  struct eq_step *steps = tfdc_arena_array(mem, c->n_steps, sizeof *steps);
  struct eq_event *events = tfdc_arena_array(mem, c->n_events, sizeof *events);
  if (steps == NULL || events == NULL) return TFDC_E_NOMEM;
  for (size_t i = 0; i < c->n_steps; i++) {
    const struct model_step *s = &c->steps[i];
    steps[i] = (struct eq_step){s->name, s->number, s->occurrence, s->start_us, s->end_us};
  }
  for (size_t i = 0; i < c->n_events; i++) events[i] = (struct eq_event){c->events[i].name, c->events[i].time_us};
  *ret = (struct eq_run){.start_us = c->start_us,
                         .end_us = c->end_us,
                         .series = series,
                         .n_series = n_series,
                         .steps = steps,
                         .n_steps = c->n_steps,
                         .events = events,
                         .n_events = c->n_events};
  return TFDC_OK;
}
