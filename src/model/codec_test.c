/* SPDX-License-Identifier: Apache-2.0 */
#include "model/codec.h"
#include "model/fields.h"
#include "model/golden_test.h"
#include "model/json_out.h"
#include "model/samples_test.h"
#include "support/cmocka_all.h"

#include <stdio.h>

/* The tables stand for the typed functions, which are one line each; those are called below. */
struct sample {
  const char *file;
  const struct model_table *table;
  const void *record;
  size_t required; /* fields: a field once optional stays so, and new ones are */
};
static const struct sample samples[] = {
    {"context.json", &model_context_table, &sample_context, 6},
    {"context_least.json", &model_context_table, &sample_context_least, 6},
    {"chamber.json", &model_chamber_table, &sample_chamber, 2},
    {"chamber_least.json", &model_chamber_table, &sample_chamber_least, 2},
    {"completion.json", &model_completion_table, &sample_completion, 5},
    {"completion_least.json", &model_completion_table, &sample_completion_least, 5},
    {"run_verdict.json", &model_run_verdict_table, &sample_verdict, 6},
    {"run_verdict_least.json", &model_run_verdict_table, &sample_verdict_least, 6},
    {"alarm.json", &model_alarm_table, &sample_alarm, 9},
    {"alarm_least.json", &model_alarm_table, &sample_alarm_least, 9},
    {"def.json", &model_def_table, &sample_def, 4},
    {"def_least.json", &model_def_table, &sample_def_least, 4},
    {"u_record.json", &model_u_record_table, &sample_u, 6},
    {"u_record_least.json", &model_u_record_table, &sample_u_least, 6},
};
union any {
  struct model_context context;
  struct model_chamber chamber;
  struct model_completion completion;
  struct model_run_verdict verdict;
  struct model_alarm alarm;
  struct model_def def;
  struct model_u_record u;
};

static void golden_json_is_written_and_read(void **state) {
  (void)state;
  for (size_t i = 0; i < TFDC_COUNT(samples); i++) {
    const struct sample *s = &samples[i];
    struct tfdc_buf out = {0}, again = {0};
    struct tfdc_arena mem = {0}, copies = {0};
    struct tfdc_error err = {0};
    union any back, copy;
    assert_int_equal(model_fields_to_json(s->table, s->record, SIZE_MAX, &out), TFDC_OK);
    golden_is(s->file, &out);
    assert_int_equal(model_fields_check(s->table, s->record, &err), TFDC_OK);
    tfdc_rc rc = model_fields_from_json(s->table, (char *)out.data, out.size, SIZE_MAX, &mem, &back, &err);
    if (rc != TFDC_OK) fail_msg("%s: %s", s->file, err.msg);
    /* a copy outlives what it was made from */
    assert_int_equal(model_fields_copy(s->table, &back, &copies, &copy), TFDC_OK);
    for (size_t k = 0; k < s->table->n; k++) {
      const struct model_field *f = &s->table->fields[k];
      const char *text = model_field_is_text(f) ? model_field_text(f, &back) : NULL;
      if (text != NULL) assert_ptr_not_equal(text, model_field_text(f, &copy));
    }
    tfdc_arena_deinit(&mem);
    assert_int_equal(model_fields_to_json(s->table, &copy, SIZE_MAX, &again), TFDC_OK);
    assert_int_equal(again.size, out.size);
    assert_memory_equal(again.data, out.data, out.size);
    tfdc_arena_deinit(&copies);
    tfdc_buf_deinit(&out);
    tfdc_buf_deinit(&again);
  }
}

/* Every prefix of a record fails with an error, and none leaves anything in the output. */
static void a_cut_record_is_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < TFDC_COUNT(samples); i++) {
    struct tfdc_buf out = {0};
    struct tfdc_arena mem = {0};
    union any back;
    assert_int_equal(model_fields_to_json(samples[i].table, samples[i].record, SIZE_MAX, &out), TFDC_OK);
    for (size_t n = 0; n < out.size; n++) {
      struct tfdc_error err = {0};
      assert_int_not_equal(model_fields_from_json(samples[i].table, (char *)out.data, n, SIZE_MAX, &mem, &back, &err),
                           TFDC_OK);
      assert_true(err.msg[0] != '\0');
      tfdc_arena_reset(&mem);
    }
    tfdc_arena_deinit(&mem);
    tfdc_buf_deinit(&out);
  }
}

static void each_field_can_be_absent_unless_it_is_required(void **state) {
  (void)state;
  for (size_t i = 0; i < TFDC_COUNT(samples); i++) {
    const struct model_table *t = samples[i].table;
    struct tfdc_buf out = {0};
    assert_int_equal(model_fields_to_json(t, samples[i].record, SIZE_MAX, &out), TFDC_OK);
    json_t *tree = json_loadb((char *)out.data, out.size, 0, NULL);
    assert_non_null(tree);
    size_t n_required = 0;
    for (size_t k = 0; k < t->n; k++) {
      json_t *less = json_copy(tree);
      json_object_del(less, t->fields[k].name);
      char *text = json_dumps(less, JSON_COMPACT);
      struct tfdc_arena mem = {0};
      struct tfdc_error err = {0};
      union any back;
      tfdc_rc rc = model_fields_from_json(t, text, strlen(text), SIZE_MAX, &mem, &back, &err);
      bool required = (t->fields[k].flags & MODEL_F_REQUIRED) != 0;
      assert_int_equal(rc, required ? TFDC_E_MALFORMED : TFDC_OK);
      if (required) assert_non_null(strstr(err.msg, t->fields[k].name));
      n_required += required;
      tfdc_arena_deinit(&mem);
      free(text);
      json_decref(less);
    }
    assert_int_equal(n_required, samples[i].required);
    json_decref(tree);
    tfdc_buf_deinit(&out);
  }
}

static void a_wrong_type_names_its_field(void **state) {
  (void)state;
  for (size_t i = 0; i < TFDC_COUNT(samples); i += 2) {
    const struct model_table *t = samples[i].table;
    struct tfdc_buf out = {0};
    assert_int_equal(model_fields_to_json(t, samples[i].record, SIZE_MAX, &out), TFDC_OK);
    json_t *tree = json_loadb((char *)out.data, out.size, 0, NULL);
    for (size_t k = 0; k < t->n; k++) {
      if (t->fields[k].flags & MODEL_F_WRITE_ONLY) continue;
      json_t *other = json_copy(tree);
      json_object_set_new(other, t->fields[k].name, json_pack("{s:i}", "x", 1));
      char *text = json_dumps(other, JSON_COMPACT);
      struct tfdc_arena mem = {0};
      struct tfdc_error err = {0};
      union any back;
      assert_int_equal(model_fields_from_json(t, text, strlen(text), SIZE_MAX, &mem, &back, &err), TFDC_E_MALFORMED);
      assert_non_null(strstr(err.msg, t->fields[k].name));
      tfdc_arena_deinit(&mem);
      free(text);
      json_decref(other);
    }
    json_decref(tree);
    tfdc_buf_deinit(&out);
  }
}

static void the_values_come_back(void **state) {
  (void)state;
  struct tfdc_buf out = {0};
  struct tfdc_arena mem = {0};
  struct model_context c;
  assert_int_equal(model_context_to_json(&sample_context, &out), TFDC_OK);
  assert_int_equal(model_context_from_json((char *)out.data, out.size, &mem, &c, NULL), TFDC_OK);
  assert_true(tfdc_id128_eq(c.context_id, sample_id));
  assert_string_equal(c.key.chamber, "A");
  assert_true(c.points == INT64_MAX && c.chunk_digest == UINT64_C(0xffeeddccbbaa9988) && c.order_us == -1);
  assert_true(c.slot == 7 && c.runs_since_pm == 12 && c.rf_hours == 0.1 && c.first_wafer_of_lot);
  assert_int_equal(c.end_reason, MODEL_END_ABORT);
  assert_int_equal(c.n_steps, 2);
  assert_string_equal(c.steps[0].name, "ME");
  assert_true(c.steps[1].occurrence == 2 && c.steps[1].end_us == MODEL_NO_TIME);
  assert_true(c.n_events == 1 && c.events[0].time_us == 1700000001500000);
  assert_string_equal(c.tags[1].value, "");
  struct model_chamber ch;
  out.size = 0;
  assert_int_equal(model_chamber_to_json(&sample_chamber, &out), TFDC_OK);
  assert_int_equal(model_chamber_from_json((char *)out.data, out.size, &mem, &ch, NULL), TFDC_OK);
  assert_true(ch.svids[1].resolution == DBL_MIN && ch.svids[1].unit == NULL && ch.svids[1].number == UINT32_MAX);
  assert_string_equal(ch.svids[1].name, sample_svids[1].name);
  struct model_def d;
  out.size = 0;
  assert_int_equal(model_def_to_json(&sample_def, &out), TFDC_OK);
  assert_int_equal(model_def_from_json((char *)out.data, out.size, &mem, &d, NULL), TFDC_OK);
  assert_string_equal(d.body, sample_def.body);
  assert_string_equal(d.comment, sample_def.comment);
  assert_int_equal(d.kind, MODEL_DEF_LIMITS);
  tfdc_arena_deinit(&mem);
  tfdc_buf_deinit(&out);
}

static tfdc_rc read_completion(const char *text, struct tfdc_error *err) {
  struct tfdc_arena mem = {0};
  struct model_completion m;
  *err = (struct tfdc_error){0};
  tfdc_rc rc = model_completion_from_json(text, strlen(text), &mem, &m, err);
  if (rc == TFDC_OK) assert_int_equal(m.order_us, m.timestamp_us);
  tfdc_arena_deinit(&mem);
  return rc;
}

#define HEAD "{\"v\":1,\"chamberId\":\"c\",\"contextId\":\"0123456789abcdef0123456789abcdef\",\"timestamp\":5,"
static void each_error_has_its_code_and_its_field(void **state) {
  (void)state;
  static const struct {
    const char *text;
    tfdc_rc rc;
    const char *says;
  } rows[] = {
      {HEAD "\"toolId\":\"t\",\"revision\":1}", TFDC_OK, ""},
      {HEAD "\"toolId\":\"t\",\"revision\":1,\"later\":[{}]}", TFDC_OK, ""},
      {HEAD "\"toolId\":\"t.t\",\"revision\":1}", TFDC_E_BAD_ID, "toolId"},
      {HEAD "\"toolId\":\"t\",\"revision\":1,\"recipe\":\"a\\u0007\"}", TFDC_E_BAD_TEXT, "recipe"},
      {HEAD "\"toolId\":\"t\",\"revision\":4294967296}", TFDC_E_RANGE, "revision"},
      {HEAD "\"toolId\":\"t\",\"revision\":-1}", TFDC_E_RANGE, "revision"},
      {HEAD "\"toolId\":\"t\",\"revision\":1.5}", TFDC_E_MALFORMED, "revision"},
      {HEAD "\"toolId\":\"t\",\"revision\":1,\"endReason\":\"abrot\"}", TFDC_E_MALFORMED, "did you mean \"abort\""},
      {HEAD "\"toolId\":\"t\",\"toolId\":\"t\",\"revision\":1}", TFDC_E_MALFORMED, "duplicate"},
      {HEAD "\"toolId\":\"t\",\"revision\":1} x", TFDC_E_MALFORMED, "JSON line 1"},
      {HEAD "\"toolId\":\"t\",\"revision\":1,\"recipe\":\"\\u0000\"}", TFDC_E_MALFORMED, "JSON"},
      {"{\"v\":2}", TFDC_E_SCHEMA, "v"},
      {"{\"v\":0}", TFDC_E_MALFORMED, "v"},
      {"{\"v\":\"1\"}", TFDC_E_MALFORMED, "v"},
      {"{}", TFDC_E_MALFORMED, "v: missing"},
      {"[1]", TFDC_E_MALFORMED, "object"},
      {"", TFDC_E_MALFORMED, "JSON"},
      {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", TFDC_E_LIMIT, "deep"},
  };
  for (size_t i = 0; i < TFDC_COUNT(rows); i++) {
    struct tfdc_error err;
    tfdc_rc rc = read_completion(rows[i].text, &err);
    if (rc != rows[i].rc || strstr(err.msg, rows[i].says) == NULL)
      fail_msg("%s gave %s: %s", rows[i].text, tfdc_rc_name(rc), err.msg);
  }
}

static void sizes_are_bounded_on_both_sides(void **state) {
  (void)state;
  struct tfdc_arena mem = {0};
  struct tfdc_buf out = {0};
  struct tfdc_error err;
  size_t n = MODEL_MESSAGE_MAX + 1;
  char *blank = tfdc_arena_array(&mem, 1, n);
  memset(blank, ' ', n);
  struct model_completion m;
  assert_int_equal(model_completion_from_json(blank, n, &mem, &m, &err), TFDC_E_LIMIT);
  size_t many = 2 * (size_t)(MODEL_JSON_VALUES_MAX + 2);
  char *commas = tfdc_arena_array(&mem, 1, many);
  for (size_t i = 0; i < many; i++) commas[i] = i == 0 ? '[' : i % 2 ? '1' : ',';
  struct model_context c = sample_context_least;
  assert_int_equal(model_context_from_json(commas, many, &mem, &c, &err), TFDC_E_LIMIT);
  struct model_step *steps = tfdc_arena_array(&mem, MODEL_STEPS_MAX + 1, sizeof *steps);
  for (size_t i = 0; i <= MODEL_STEPS_MAX; i++) steps[i] = sample_steps[0];
  c.steps = steps;
  c.n_steps = MODEL_STEPS_MAX + 1;
  assert_int_equal(model_context_to_json(&c, &out), TFDC_E_LIMIT);
  assert_int_equal(out.size, 0);
  assert_int_equal(model_context_validate(&c, &err), TFDC_E_LIMIT);
  c.n_steps = MODEL_STEPS_MAX;
  assert_int_equal(model_context_validate(&c, &err), TFDC_OK);
  assert_int_equal(model_context_to_json(&c, &out), TFDC_OK);
  struct model_context back;
  assert_int_equal(model_context_from_json((char *)out.data, out.size, &mem, &back, &err), TFDC_OK);
  assert_int_equal(back.n_steps, MODEL_STEPS_MAX);
  c.points = UINT64_MAX;
  assert_int_equal(model_context_to_json(&c, &out), TFDC_E_LIMIT);
  tfdc_arena_deinit(&mem);
  tfdc_buf_deinit(&out);
}

static void doubles_come_back_bit_for_bit(void **state) {
  (void)state;
  uint64_t bits = 1;
  struct tfdc_arena mem = {0};
  struct tfdc_buf out = {0};
  struct model_context c = sample_context_least, back;
  for (int i = 0; i < 20000; i++) {
    bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t used = i < 4 ? (uint64_t[]){0, UINT64_C(1) << 63, 1, UINT64_C(0x7fefffffffffffff)}[i] : bits;
    memcpy(&c.rf_hours, &used, sizeof used);
    if (i % 2) c.rf_hours = (double)(int64_t)(bits >> 40) / 1000;
    if (!isfinite(c.rf_hours)) continue;
    out.size = 0;
    assert_int_equal(model_context_to_json(&c, &out), TFDC_OK);
    assert_int_equal(model_context_from_json((char *)out.data, out.size, &mem, &back, NULL), TFDC_OK);
    assert_memory_equal(&back.rf_hours, &c.rf_hours, sizeof c.rf_hours);
    tfdc_arena_reset(&mem);
  }
  tfdc_arena_deinit(&mem);
  tfdc_buf_deinit(&out);
}

static void bad_bytes_are_written_as_the_replacement_character(void **state) {
  (void)state;
  struct tfdc_arena mem = {0};
  struct tfdc_buf out = {0};
  struct model_run_verdict v = sample_verdict_least, back;
  v.text = "cut \xe2\x82";
  assert_int_equal(model_run_verdict_to_json(&v, &out), TFDC_OK);
  assert_int_equal(model_run_verdict_from_json((char *)out.data, out.size, &mem, &back, NULL), TFDC_OK);
  assert_string_equal(back.text, "cut \xef\xbf\xbd\xef\xbf\xbd");
  tfdc_arena_deinit(&mem);
  tfdc_buf_deinit(&out);
}

static void a_context_is_validated(void **state) {
  (void)state;
  struct tfdc_error err = {0};
  assert_int_equal(model_context_validate(&sample_context, &err), TFDC_OK);
  assert_int_equal(model_context_validate(&sample_context_least, &err), TFDC_OK);
  struct model_context c = sample_context;
  c.key.tool = "no dots.";
  assert_int_equal(model_context_validate(&c, &err), TFDC_E_BAD_ID);
  assert_non_null(strstr(err.msg, "tool"));
  c = sample_context;
  c.lot_id = "\x01";
  assert_int_equal(model_context_validate(&c, &err), TFDC_E_BAD_TEXT);
  assert_non_null(strstr(err.msg, "lot_id"));
  c = sample_context;
  c.run_id = NULL;
  assert_int_equal(model_context_validate(&c, &err), TFDC_E_MALFORMED);
  c = sample_context;
  c.end_us = c.start_us - 1;
  assert_int_equal(model_context_validate(&c, &err), TFDC_E_RANGE);
  c = sample_context;
  struct model_step backwards[] = {sample_steps[1], sample_steps[0]};
  c.steps = backwards;
  assert_int_equal(model_context_validate(&c, &err), TFDC_E_RANGE);
  assert_non_null(strstr(err.msg, "steps[1]"));
}

static void an_amendment_replaces_what_it_knows(void **state) {
  (void)state;
  struct tfdc_arena mem = {0};
  struct model_context nothing = sample_context_least, c = sample_context, none = sample_context_least;
  assert_int_equal(model_context_amend(&c, &nothing, &mem), TFDC_OK);
  assert_memory_equal(&c, &sample_context, sizeof c);
  assert_int_equal(model_context_amend(&none, &sample_context, &mem), TFDC_OK);
  assert_string_equal(none.lot_id, "L1");
  assert_ptr_not_equal(none.lot_id, sample_context.lot_id);
  assert_string_equal(none.pm_id, "pm1");
  assert_true(none.slot == 7 && none.rf_hours == 0.1 && none.first_wafer_of_lot && none.wafers_since_clean == 3);
  assert_true(none.revision == 0 && none.n_steps == 0 && none.start_us == 0 && none.tool_type == NULL);
  assert_true(none.chunk_count == 0 && !none.published && none.reject_code == NULL && none.n_tags == 2);
  assert_string_equal(none.key.tool, "t");
  char name[] = "empty", value[] = "full";
  const struct model_tag tags[] = {{name, value}, {"new", "1"}};
  nothing.tags = tags;
  nothing.n_tags = 2;
  assert_int_equal(model_context_amend(&c, &nothing, &mem), TFDC_OK);
  value[0] = 'x';
  assert_int_equal(c.n_tags, 3);
  assert_string_equal(c.tags[0].value, "B");
  assert_string_equal(c.tags[1].value, "full");
  assert_string_equal(c.tags[2].name, "new");
  struct model_context before = c;
  nothing = sample_context_least;
  nothing.layer = "\x01";
  assert_int_equal(model_context_amend(&c, &nothing, &mem), TFDC_E_BAD_TEXT);
  assert_memory_equal(&c, &before, sizeof c);
  struct model_tag many[MODEL_TAGS_MAX];
  char names[MODEL_TAGS_MAX][8];
  for (size_t i = 0; i < MODEL_TAGS_MAX; i++) {
    (void)snprintf(names[i], sizeof names[i], "t%zu", i);
    many[i] = (struct model_tag){names[i], ""};
  }
  nothing = sample_context_least;
  nothing.tags = many;
  nothing.n_tags = MODEL_TAGS_MAX;
  assert_int_equal(model_context_amend(&c, &nothing, &mem), TFDC_E_LIMIT);
  assert_int_equal(c.n_tags, 3);
  tfdc_arena_deinit(&mem);
}

/* Decoding and copying with an arena that ends ever later: NOMEM until it succeeds, nothing in the output before. */
static void little_memory_is_an_error(void **state) {
  (void)state;
  struct tfdc_buf out = {0};
  assert_int_equal(model_context_to_json(&sample_context, &out), TFDC_OK);
  tfdc_rc rc = TFDC_E_NOMEM, copied = TFDC_E_NOMEM;
  size_t failures = 0;
  for (size_t limit = 1; rc != TFDC_OK || copied != TFDC_OK; limit += 64) {
    struct tfdc_arena mem = {.limit = limit}, copies = {.limit = limit};
    struct model_context c = {.revision = 12345}, d = {.revision = 12345};
    rc = model_context_from_json((char *)out.data, out.size, &mem, &c, NULL);
    copied = model_context_copy(&sample_context, &copies, &d);
    if (rc != TFDC_OK) assert_true(rc == TFDC_E_NOMEM && c.revision == 12345);
    if (copied != TFDC_OK) assert_true(copied == TFDC_E_NOMEM && d.revision == 12345);
    failures += rc != TFDC_OK;
    tfdc_arena_deinit(&mem);
    tfdc_arena_deinit(&copies);
  }
  assert_true(failures > 5);
  tfdc_buf_deinit(&out);
}

static void expect_number(double v) {
  char want[48];
  for (int digits = 15; digits <= 17; digits++) {
    (void)snprintf(want, sizeof want, "%.*g", digits, v);
    if (strtod(want, NULL) == v) break;
  }
  size_t n = strlen(want);
  if (strpbrk(want, ".e") == NULL) memcpy(want + n, ".0", 3);
  struct tfdc_buf out = {0};
  model_json_put_f64(&out, v);
  tfdc_put_u8(&out, 0);
  assert_string_equal((const char *)out.data, want);
  tfdc_buf_deinit(&out);
}

static void numbers_have_the_fewest_digits_that_read_back(void **state) {
  (void)state;
  static const double some[] = {0.0,    -0.0,    1,       -1,        0.1,     -0.25,      99999999, 1e8,
                                1e-4,   9.99e-5, 0.00015, 0.1 + 0.2, 1.0 / 3, 123456.789, 0.000001, 12345678.123456,
                                5e-324, 1e300,   100,     -1024.5};
  for (size_t i = 0; i < TFDC_COUNT(some); i++) expect_number(some[i]);
  uint64_t seed = 7;
  for (int i = 0; i < 20000; i++) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    double scale = pow(10, (double)(seed >> 60) - 5); /* 1e-5 .. 1e10 */
    double whole = (double)(int64_t)(seed >> 24 & 0xffffffff) - 2147483648.0;
    expect_number(whole / scale);
    expect_number(nextafter(whole / scale, INFINITY));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_have_the_fewest_digits_that_read_back),
      cmocka_unit_test(golden_json_is_written_and_read),
      cmocka_unit_test(a_cut_record_is_refused),
      cmocka_unit_test(each_field_can_be_absent_unless_it_is_required),
      cmocka_unit_test(a_wrong_type_names_its_field),
      cmocka_unit_test(the_values_come_back),
      cmocka_unit_test(each_error_has_its_code_and_its_field),
      cmocka_unit_test(sizes_are_bounded_on_both_sides),
      cmocka_unit_test(doubles_come_back_bit_for_bit),
      cmocka_unit_test(bad_bytes_are_written_as_the_replacement_character),
      cmocka_unit_test(a_context_is_validated),
      cmocka_unit_test(an_amendment_replaces_what_it_knows),
      cmocka_unit_test(little_memory_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
