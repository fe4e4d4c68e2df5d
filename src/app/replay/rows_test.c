/* SPDX-License-Identifier: Apache-2.0
 * From a file to messages: source, plan, assemble. */
#include "app/replay/assemble.h"
#include "app/replay/text_file_test.h"
#include "model/codec.h"
#include "support/cmocka_all.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Writes down what it is told, times as seconds after the base. */
struct recorder {
  struct tfdc_buf log;
  uint64_t handles;
};

static double seconds(int64_t us) { return (double)(us - map_defaults.time.base_us) / 1e6; }

static tfdc_rc on_start(void *user, const struct model_context *c, uint64_t *ret_handle, struct tfdc_error *err) {
  struct recorder *r = user;
  assert_int_equal(model_context_validate(c, err), TFDC_OK);
  *ret_handle = ++r->handles;
  tfdc_put_fmt(&r->log, "%" PRIu64 " start %s:%s %s at %g", r->handles, c->key.tool, c->key.chamber, c->run_id,
               seconds(c->start_us));
  if (c->recipe_id != NULL) tfdc_put_fmt(&r->log, " recipe %s", c->recipe_id);
  if (c->substrate_id != NULL) tfdc_put_fmt(&r->log, " wafer %s", c->substrate_id);
  if (c->slot >= 0) tfdc_put_fmt(&r->log, " slot %d", (int)c->slot);
  for (size_t i = 0; i < c->n_tags; i++) tfdc_put_fmt(&r->log, " %s=%s", c->tags[i].name, c->tags[i].value);
  tfdc_put_fmt(&r->log, "\n");
  return TFDC_OK;
}

static tfdc_rc on_send(void *user, uint64_t handle, const struct model_hub_msg *msg, struct tfdc_error *err) {
  struct recorder *r = user;
  (void)err;
  tfdc_put_fmt(&r->log, "%" PRIu64, handle);
  if (msg->kind == MODEL_HUB_STEP) {
    bool ends = msg->step->end_us != MODEL_NO_TIME;
    tfdc_put_fmt(&r->log, " step %u%s %s %g\n", msg->step->number, msg->step->name, ends ? "ends" : "begins",
                 seconds(ends ? msg->step->end_us : msg->step->start_us));
    return TFDC_OK;
  }
  uint64_t points = 0;
  for (size_t i = 0; i < msg->block->n_columns; i++) {
    const struct model_column *c = &msg->block->columns[i];
    tfdc_put_fmt(&r->log, " %u%s", c->svid, c->name);
    for (size_t k = 0; k < c->n; k++) tfdc_put_fmt(&r->log, " %g=%g", seconds(c->t_us[k]), c->v[k]);
    points += c->n;
  }
  assert_int_equal(points, msg->block->points);
  tfdc_put_fmt(&r->log, "\n");
  model_block_unref(msg->block);
  return TFDC_OK;
}

static tfdc_rc on_end(void *user, uint64_t handle, const struct plan_run *run, struct tfdc_error *err) {
  struct recorder *r = user;
  (void)err;
  tfdc_put_fmt(&r->log, "%" PRIu64 " end %g%s\n", handle, seconds(run->end_us), run->good ? "" : " bad");
  return TFDC_OK;
}

static void note_bad(struct recorder *r, const struct source_row *row, const char *bad) {
  tfdc_put_fmt(&r->log, "line %lld: %s\n", (long long)row->line, bad);
}

static tfdc_rc read_once(struct source *s, struct plan *p, struct assemble *a, struct recorder *r,
                         struct tfdc_error *err) {
  for (bool more = true;;) {
    struct source_row row;
    struct plan_run *run;
    const char *bad = NULL;
    TFDC_TRY(source_next(s, &row, &more, err));
    if (!more) return TFDC_OK;
    if (row.kind == SOURCE_BAD && a == NULL) note_bad(r, &row, row.bad);
    if (row.kind == SOURCE_DROPPED && a == NULL) tfdc_put_fmt(&r->log, "dropped by %zu\n", row.rule);
    if (row.kind != SOURCE_ROW) continue;
    TFDC_TRY(a != NULL ? assemble_take(a, &row, &bad, err) : plan_take(p, &row, &run, &bad, err));
    if (bad != NULL) note_bad(r, &row, bad);
  }
}

static tfdc_rc both_readings(struct text_file *f, struct replay_map *m, struct recorder *r, struct tfdc_error *err) {
  const struct assemble_sink sink = {r, on_start, on_send, on_end};
  struct source *s;
  struct assemble *a;
  struct plan p;
  TFDC_TRY(source_open(text_file_read, f, m, &s, err));
  assert_int_equal(plan_init(&p, m, s, err), TFDC_OK);
  tfdc_rc rc = read_once(s, &p, NULL, r, err);
  source_close(s);
  if (rc == TFDC_OK) rc = plan_finish(&p, err);
  f->at = 0;
  assert_int_equal(source_open(text_file_read, f, m, &s, err), TFDC_OK);
  assert_int_equal(assemble_create(&p, &sink, &a, err), TFDC_OK);
  if (rc == TFDC_OK) rc = read_once(s, &p, a, r, err);
  if (rc == TFDC_OK) rc = assemble_finish(a, err);
  assemble_destroy(a);
  source_close(s);
  plan_deinit(&p);
  return rc;
}

static tfdc_rc replay(const char *yaml, const char *csv, struct recorder *r, struct tfdc_error *err) {
  struct tfdc_arena mem = {0};
  struct replay_map m;
  struct text_file f = text_file_of(csv, 7);
  if (map_from_yaml(yaml, strlen(yaml), &mem, &m, err) != TFDC_OK) fail_msg("%s", err->msg);
  if (m.separator == MAP_SEP_AUTO) m.separator = MAP_SEP_COMMA;
  if (m.decimal == MAP_DEC_AUTO) m.decimal = MAP_DEC_POINT;
  tfdc_rc rc = both_readings(&f, &m, r, err);
  tfdc_arena_deinit(&mem);
  return rc;
}

static void expect(const char *yaml, const char *csv, const char *wanted) {
  struct recorder r = {0};
  struct tfdc_error err = {0};
  if (replay(yaml, csv, &r, &err) != TFDC_OK) fail_msg("%s", err.msg);
  tfdc_put_u8(&r.log, 0);
  assert_string_equal((const char *)r.log.data, wanted);
  tfdc_buf_deinit(&r.log);
}

static void expect_error(const char *yaml, const char *csv, const char *wanted) {
  struct recorder r = {0};
  struct tfdc_error err = {0};
  assert_int_not_equal(replay(yaml, csv, &r, &err), TFDC_OK);
  if (strstr(err.msg, wanted) == NULL) fail_msg("\"%s\" is not in \"%s\"", wanted, err.msg);
  tfdc_buf_deinit(&r.log);
}

#define REL "run: w\nrun_gap_s: 10\ntime: {column: t, unit: s}\n"

static void runs_with_relative_times_are_laid_one_after_another(void **state) {
  (void)state;
  expect(
      REL "step: {number: s}\nrecipe: {column: x}\nwafer: {column: w}\n",
      "w,x,t,s,P\na,R,5,4,1\na,R,6,4,2\na,R,7,5,3\nb,Q,0.5,4,4\nb,Q,1.5,5,5\n",
      "1 start TOOL-1:A a at 0 recipe R wafer a\n1 step 4 begins 0\n1 step 5 begins 2\n1 1P 0=1 1=2 2=3\n1 end 2\n"
      "2 start TOOL-1:A b at 12 recipe Q wafer b\n2 step 4 begins 12\n2 step 5 begins 13\n2 1P 12=4 13=5\n2 end 13\n");
}

static void without_a_name_a_run_begins_where_time_falls_back(void **state) {
  (void)state;
  expect("run_gap_s: 10\ntime: {column: t, unit: s}\n", "t,P\n0,1\n1,2\n0,3\n2,4\n",
         "1 start TOOL-1:A 1 at 0\n1 1P 0=1 1=2\n1 end 1\n2 start TOOL-1:A 2 at 11\n2 1P 11=3 13=4\n2 end 13\n");
}

static void without_a_name_absolute_times_part_at_a_pause(void **state) {
  (void)state;
  expect("run_gap_s: 60\ntime: {column: t, unit: iso8601}\n",
         "t,P\n2000-01-01 00:00:01,1\n2000-01-01 00:01:01,2\n2000-01-01 00:02:02,3\n",
         "1 start TOOL-1:A 1 at 1\n1 1P 1=1 61=2\n1 end 61\n2 start TOOL-1:A 2 at 122\n2 1P 122=3\n2 end 122\n");
}

static void a_wafer_that_comes_again_is_another_run(void **state) {
  (void)state;
  expect("run: w\nrun_gap_s: 60\ntime: {column: t, unit: epoch_s}\n",
         "w,t,P\na,946684800,1\nb,946684900,2\na,946685000,3\na,946685001,4\n",
         "1 start TOOL-1:A a at 0\n1 1P 0=1\n1 end 0\n2 start TOOL-1:A b at 100\n2 1P 100=2\n2 end 100\n"
         "3 start TOOL-1:A a at 200\n3 1P 200=3 201=4\n3 end 201\n");
}

static void chambers_may_interleave_in_a_long_file(void **state) {
  (void)state;
  expect("layout: long\nlong: {svid: s, value: v}\nrun: r\ntool: {constant: T}\nchamber: {column: c}\n"
         "time: {column: t, unit: s}\nstep: {name: st}\n",
         "r,c,t,st,s,v\n1,PM 1,0,x,P,1\n1,B,0,x,P,10\n1,PM 1,0,x,Q,2\n1,PM 1,1,y,Q,3\n1,B,1,x,P,11\n1,PM 1,1,y,P,4\n",
         "1 start T:PM-1 1 at 0\n1 step 0x begins 0\n2 start T:B 1 at 0\n2 step 0x begins 0\n1 step 0y begins 1\n"
         "2 1P 0=10 1=11\n2 end 1\n1 1P 0=1 1=4 2Q 0=2 1=3\n1 end 1\n");
}

static void a_long_file_may_list_sensor_after_sensor(void **state) {
  (void)state;
  expect("layout: long\nlong: {svid: s, value: v}\nrun: r\ntime: {column: t, unit: s}\nstep: {number: st}\n",
         "r,t,st,s,v\n1,1,4,P,1\n1,2,5,P,2\n1,0.5,4,Q,3\n1,2.5,5,Q,4\n1,2.5,5,Q,5\n",
         "1 start TOOL-1:A 1 at 0\n1 step 4 begins 0.5\n1 step 5 begins 1.5\n"
         "1 1P 0.5=1 1.5=2 2Q 0=3 2=4\n1 end 2\nline 6: time of Q does not rise in its run\n");
}

static void listed_sensors_of_a_long_file_are_renamed_and_others_counted(void **state) {
  (void)state;
  expect("layout: long\nlong: {svid: s, value: v}\nrun: r\ntime: {column: t, unit: s}\n"
         "sensors: [{column: p, name: Press, resolution: 1, round: true}]\n",
         "r,t,s,v\n1,0,p,1.4\n1,0,q,2\n1,1,p,2.5\n",
         "dropped by 0\n1 start TOOL-1:A 1 at 0\n1 1Press 0=1 1=2\n1 end 1\n");
}

static void lines_that_cannot_be_used_are_named(void **state) {
  (void)state;
  expect(REL, "w,t,P\na,0,1\na,x,2\na,1,abc\n,2,3\na,2\na,3,4,5\na,4,6,,\n\"a\"b,5,7\na,4,8\na,5,9\n",
         "line 3: column t: \"x\" is no time\n"
         "line 4: column P: \"abc\" is no number\n"
         "line 5: column w, which names the run, is empty\n"
         "line 6: 2 fields, the header has 3\n"
         "line 7: 4 fields, the header has 3\n"
         "line 9: something stands behind a closing quote\n"
         "line 10: time does not rise: 4.000000 s after 4.000000 s in run a\n"
         "1 start TOOL-1:A a at 0\n1 1P 0=1 4=6 5=9\n1 end 5\n");
}

static void rows_are_dropped_by_rule_and_runs_called_good_by_rule(void **state) {
  (void)state;
  expect(REL "drop: [{column: d, equals: 1}, {column: w, equals: x}]\ngood: [{column: f, equals: normal}]\n"
             "tags: [{name: fault, column: f}]\nslot: {column: d}\n",
         "w,t,d,f,P\na,0,0,normal,1\na,1,1,normal,2\nb,0,0,RF,3\nx,0,0,normal,4\n",
         "dropped by 0\ndropped by 1\n1 start TOOL-1:A a at 0 slot 0 fault=normal\n1 1P 0=1\n1 end 0\n"
         "2 start TOOL-1:A b at 10 slot 0 fault=RF\n2 1P 10=3\n2 end 10 bad\n");
}

static void empty_cells_are_no_samples_or_missing_readings(void **state) {
  (void)state;
  expect(REL, "w,t,P,Q\na,0,1,5\na,1,,6\na,2,NaN,7\n",
         "1 start TOOL-1:A a at 0\n1 1P 0=1 2=nan 2Q 0=5 1=6 2=7\n1 end 2\n");
  expect(REL "empty: missing\nmissing: [\"-999\", none]\n", "w,t,P,Q\na,0,1,-999\na,1,,6\na,2,none,7\n",
         "1 start TOOL-1:A a at 0\n1 1P 0=1 1=nan 2=nan 2Q 0=nan 1=6 2=7\n1 end 2\n");
}

static void rows_between_steps_end_the_step(void **state) {
  (void)state;
  expect(REL "step: {number: s}\n", "w,t,s,P\na,0,,1\na,1,4,2\na,2,,3\na,3,4,4\n",
         "1 start TOOL-1:A a at 0\n1 step 4 begins 1\n1 step 4 ends 2\n1 step 4 begins 3\n1 1P 0=1 1=2 2=3 3=4\n1 end "
         "3\n");
}

static void a_file_without_a_header_has_its_names_in_the_map(void **state) {
  (void)state;
  expect("separator: semicolon\ndecimal: comma\nskip_lines: 1\ncolumns: [t, P]\ntime: {column: t, unit: ms}\n",
         "a log\n0;1,5\n500;-2\n", "1 start TOOL-1:A 1 at 0\n1 1P 0=1.5 0.5=-2\n1 end 0.5\n");
}

static void a_map_that_does_not_fit_the_file_is_refused(void **state) {
  (void)state;
  expect_error(REL, "wf,t,P\na,0,1\n", "the file has no column \"w\"; did you mean \"wf\"?");
  expect_error(REL, "w,t,t,P\na,0,1,1\n", "the header has the column \"t\" twice");
  expect_error(REL, "w,t\na,0\n", "no column is left for sensors");
  expect_error(REL, "", "the file is empty");
  expect_error(REL, "w,t,\xff\n", "save the file as UTF-8");
}

static void too_many_interleaved_runs_are_told(void **state) {
  (void)state;
  char text[8192] = "w,t,P\n";
  size_t n = strlen(text);
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < 40; i++) n += (size_t)snprintf(text + n, sizeof text - n, "run%d,%d,1\n", i, pass);
  expect_error(REL, text, "rows of more than 32 runs are interleaved");
}

static void a_long_run_is_cut_into_blocks_of_a_fixed_size(void **state) {
  (void)state;
  enum { ROWS = 20000 };
  char *text = malloc(ROWS * 16);
  struct recorder r = {0};
  struct tfdc_error err = {0};
  assert_non_null(text);
  size_t n = (size_t)snprintf(text, 32, "w,t,P\n"), blocks = 0;
  for (int i = 0; i < ROWS; i++) n += (size_t)snprintf(text + n, 16, "a,%d,1\n", i);
  assert_int_equal(replay(REL, text, &r, &err), TFDC_OK);
  tfdc_put_u8(&r.log, 0);
  for (const char *p = (const char *)r.log.data; (p = strstr(p, " 1P ")) != NULL; p++) blocks++;
  assert_int_equal(blocks, 2);
  tfdc_buf_deinit(&r.log);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_with_relative_times_are_laid_one_after_another),
      cmocka_unit_test(without_a_name_a_run_begins_where_time_falls_back),
      cmocka_unit_test(without_a_name_absolute_times_part_at_a_pause),
      cmocka_unit_test(a_wafer_that_comes_again_is_another_run),
      cmocka_unit_test(chambers_may_interleave_in_a_long_file),
      cmocka_unit_test(a_long_file_may_list_sensor_after_sensor),
      cmocka_unit_test(listed_sensors_of_a_long_file_are_renamed_and_others_counted),
      cmocka_unit_test(lines_that_cannot_be_used_are_named),
      cmocka_unit_test(rows_are_dropped_by_rule_and_runs_called_good_by_rule),
      cmocka_unit_test(empty_cells_are_no_samples_or_missing_readings),
      cmocka_unit_test(rows_between_steps_end_the_step),
      cmocka_unit_test(a_file_without_a_header_has_its_names_in_the_map),
      cmocka_unit_test(a_map_that_does_not_fit_the_file_is_refused),
      cmocka_unit_test(too_many_interleaved_runs_are_told),
      cmocka_unit_test(a_long_run_is_cut_into_blocks_of_a_fixed_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
