/* SPDX-License-Identifier: Apache-2.0
 * The catalogue, runs and their T-charts. */
#include "contract/store_suite_rig.h"
#include "model/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_same_context(const struct model_context *a, const struct model_context *b) {
  struct tfdc_buf x = {0}, y = {0};
  assert_int_equal(model_context_to_json(a, &x), TFDC_OK);
  assert_int_equal(model_context_to_json(b, &y), TFDC_OK);
  tfdc_put_u8(&x, 0);
  tfdc_put_u8(&y, 0);
  assert_string_equal((const char *)x.data, (const char *)y.data);
  tfdc_buf_deinit(&x);
  tfdc_buf_deinit(&y);
}

static void get_context(struct rig *g, uint32_t n, struct store_req *r) {
  store_req_init(r, STORE_CONTEXT_GET);
  r->id = suite_id(n);
  rig_call(g, r, TFDC_OK);
  assert_int_equal(r->n, 1);
}

static void a_context_is_read_back_whole(void **state) {
  struct rig *g = *state;
  struct model_context c = suite_context(1);
  rig_put_context(g, &c);
  rig_put_context(g, &c);
  struct store_req r;
  get_context(g, 1, &r);
  assert_same_context(&c, &r.contexts[0]);
  rig_release(&r);
  store_req_init(&r, STORE_CONTEXT_GET);
  r.id = suite_id(2);
  rig_call(g, &r, TFDC_E_NOT_FOUND);
  assert_int_equal(r.n, 0);
  rig_release(&r);
}

static void put_version(struct rig *g, uint32_t revision, enum model_context_state st, const char *lot) {
  struct model_context c = suite_context(1);
  c.revision = revision;
  c.state = st;
  c.lot_id = lot;
  rig_put_context(g, &c);
}

static void expect_version(struct rig *g, uint32_t revision, enum model_context_state st, const char *lot) {
  struct store_req r;
  get_context(g, 1, &r);
  assert_int_equal(r.contexts[0].revision, revision);
  assert_int_equal(r.contexts[0].state, st);
  assert_string_equal(r.contexts[0].lot_id, lot);
  rig_release(&r);
}

static void a_context_row_of_a_lower_rank_changes_nothing(void **state) {
  struct rig *g = *state;
  put_version(g, 0, MODEL_CONTEXT_OPEN, "a");
  put_version(g, 0, MODEL_CONTEXT_OPEN, "b");
  expect_version(g, 0, MODEL_CONTEXT_OPEN, "b");
  put_version(g, 1, MODEL_CONTEXT_CLOSED, "c");
  put_version(g, 0, MODEL_CONTEXT_OPEN, "d");
  expect_version(g, 1, MODEL_CONTEXT_CLOSED, "c");
  put_version(g, 1, MODEL_CONTEXT_OPEN, "e"); /* re-opened */
  expect_version(g, 1, MODEL_CONTEXT_OPEN, "e");
  put_version(g, 1, MODEL_CONTEXT_CLOSED, "f");
  expect_version(g, 1, MODEL_CONTEXT_OPEN, "e");
  put_version(g, 2, MODEL_CONTEXT_CLOSED, "g");
  put_version(g, 2, MODEL_CONTEXT_CLOSED, "h");
  expect_version(g, 2, MODEL_CONTEXT_CLOSED, "h");
}

static void put_seen(struct rig *g, uint64_t seen_seq, const char *lot) {
  struct model_context c = suite_context(1);
  c.seen_seq = seen_seq;
  c.lot_id = lot;
  rig_put_context(g, &c);
}

static void a_context_row_that_saw_less_changes_nothing(void **state) {
  struct rig *g = *state;
  put_seen(g, 7, "a");
  put_seen(g, 6, "b");
  expect_version(g, 1, MODEL_CONTEXT_CLOSED, "a");
  put_seen(g, 7, "c");
  expect_version(g, 1, MODEL_CONTEXT_CLOSED, "c");
}

static void mark_published(struct rig *g, uint32_t n, uint32_t revision) {
  struct store_req r;
  store_req_init(&r, STORE_CONTEXT_MARK_PUBLISHED);
  r.id = suite_id(n);
  r.revision = revision;
  rig_call(g, &r, TFDC_OK);
  rig_release(&r);
}

static void expect_contexts(struct rig *g, struct store_filter f, const char *numbers) {
  struct store_req r;
  char text[256];
  store_req_init(&r, STORE_CONTEXT_LIST);
  r.filter = f;
  rig_call(g, &r, TFDC_OK);
  suite_numbers(&r, text, sizeof text);
  assert_string_equal(text, numbers);
  assert_null(r.ret_cursor);
  rig_release(&r);
}

static bool published(struct rig *g, uint32_t n) {
  struct store_req r;
  get_context(g, n, &r);
  bool ret = r.contexts[0].published;
  rig_release(&r);
  return ret;
}

static void published_is_marked_at_its_revision_only_and_stays(void **state) {
  struct rig *g = *state;
  struct store_filter f = STORE_FILTER_ALL;
  f.unpublished_only = true;
  struct model_context open = suite_context(1), c = suite_context(2);
  open.state = MODEL_CONTEXT_OPEN;
  open.revision = 0;
  rig_put_context(g, &open);
  rig_put_context(g, &c);
  expect_contexts(g, f, "2");
  mark_published(g, 2, 2);
  assert_false(published(g, 2));
  mark_published(g, 3, 1);
  mark_published(g, 2, 1);
  assert_true(published(g, 2));
  expect_contexts(g, f, "");
  rig_put_context(g, &c); /* says published = false of a revision whose completion was confirmed */
  assert_true(published(g, 2));
  c.revision = 2;
  rig_put_context(g, &c);
  assert_false(published(g, 2));
  expect_contexts(g, f, "2");
}

/* Runs 1..6; two share an order time, so that the id decides; one is open and stands at its start. */
static void fill_runs(struct rig *g) {
  static const char *const recipes[] = {"R1", "R2", "R1", "R[12]", "R1", "R2"};
  static const char *const tools[] = {"T1", "T1", "T2", "T1", "T2", "T1"};
  for (uint32_t n = 6; n >= 1; n--) {
    struct model_context c = suite_context(n);
    c.key.tool = tools[n - 1];
    c.recipe_id = recipes[n - 1];
    if (n == 4) c.order_us = suite_time(3);
    if (n == 5) {
      c.state = MODEL_CONTEXT_OPEN;
      c.revision = 0;
      c.order_us = MODEL_NO_TIME;
      c.lot_id = NULL;
      c.end_us = MODEL_NO_TIME;
    }
    if (n == 6) c.substrate_id = "W2", c.product = "P*";
    rig_put_context(g, &c);
  }
}

static void contexts_are_listed_in_run_order_through_filters(void **state) {
  struct rig *g = *state;
  fill_runs(g);
  bool three_first = tfdc_id128_cmp(suite_id(3), suite_id(4)) < 0;
  struct store_filter f = STORE_FILTER_ALL;
  expect_contexts(g, f, three_first ? "1 2 3 4 5 6" : "1 2 4 3 5 6");
  f.newest_first = true;
  expect_contexts(g, f, three_first ? "6 5 4 3 2 1" : "6 5 3 4 2 1");
  f = STORE_FILTER_ALL, f.tool = "T2";
  expect_contexts(g, f, "3 5");
  f.chamber = "A";
  expect_contexts(g, f, "3 5");
  f.newest_first = true;
  expect_contexts(g, f, "5 3");
  f.chamber = "B";
  expect_contexts(g, f, "");
  f = STORE_FILTER_ALL, f.tool = "?1", f.recipe = "R2";
  expect_contexts(g, f, "2 6");
  f = STORE_FILTER_ALL, f.recipe = "R[12]"; /* only * and ? are special */
  expect_contexts(g, f, "4");
  f = STORE_FILTER_ALL, f.wafer = "*2", f.product = "P?";
  expect_contexts(g, f, "6");
  f = STORE_FILTER_ALL, f.lot = "L*", f.recipe = "R1";
  expect_contexts(g, f, "1 3");
  f = STORE_FILTER_ALL, f.state = MODEL_CONTEXT_OPEN;
  expect_contexts(g, f, "5");
  f = STORE_FILTER_ALL, f.from_us = suite_time(2), f.to_us = suite_time(5);
  expect_contexts(g, f, three_first ? "2 3 4 5" : "2 4 3 5");
  f.to_us = suite_time(3);
  expect_contexts(g, f, "2");
}

static void contexts_are_found_by_their_current_verdict(void **state) {
  struct rig *g = *state;
  for (uint32_t n = 1; n <= 3; n++) {
    struct model_context c = suite_context(n);
    rig_put_context(g, &c);
  }
  struct model_run_verdict v = suite_verdict(1);
  v.verdict = MODEL_OOC;
  rig_put_verdict(g, &v);
  v.judgement = 2;
  v.verdict = MODEL_OK;
  rig_put_verdict(g, &v);
  v = suite_verdict(2);
  v.verdict = MODEL_OOC;
  rig_put_verdict(g, &v);
  struct store_filter f = STORE_FILTER_ALL;
  f.verdict = MODEL_OOC;
  expect_contexts(g, f, "2");
  f.verdict = MODEL_OK;
  expect_contexts(g, f, "1");
}

/* Walks pages of two rows and puts a run before and one behind the place after each page. */
static void pages_show_each_row_once_while_rows_are_inserted(void **state) {
  struct rig *g = *state;
  for (uint32_t n = 10; n <= 15; n++) {
    struct model_context c = suite_context(n);
    rig_put_context(g, &c);
  }
  char cursor[200] = "", seen[200] = "";
  for (uint32_t page = 0; page < 8; page++) {
    struct store_req r;
    char text[64];
    store_req_init(&r, STORE_CONTEXT_LIST);
    r.page.limit = 2;
    r.page.cursor = cursor[0] == '\0' ? NULL : cursor;
    rig_call(g, &r, TFDC_OK);
    assert_true(r.n <= 2);
    suite_numbers(&r, text, sizeof text);
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s;", text);
    bool more = r.ret_cursor != NULL;
    if (more) (void)snprintf(cursor, sizeof cursor, "%s", r.ret_cursor);
    rig_release(&r);
    if (!more) break;
    struct model_context before = suite_context(page + 1);
    rig_put_context(g, &before);
    if (page != 0) continue;
    struct model_context behind = suite_context(20);
    rig_put_context(g, &behind);
  }
  assert_string_equal(seen, "10 11;12 13;14 15;20;");
}

static void an_open_run_shows_its_changes_and_takes_its_place_when_it_closes(void **state) {
  struct rig *g = *state;
  struct model_context c = suite_context(1), other = suite_context(2);
  rig_put_context(g, &other);
  c.state = MODEL_CONTEXT_OPEN;
  c.revision = 0;
  rig_put_context(g, &c);
  expect_contexts(g, STORE_FILTER_ALL, "1 2");
  c.state = MODEL_CONTEXT_CLOSED;
  c.revision = 1;
  c.order_us = suite_time(3);
  rig_put_context(g, &c);
  expect_contexts(g, STORE_FILTER_ALL, "2 1");
  c.state = MODEL_CONTEXT_OPEN;
  rig_put_context(g, &c); /* re-opened: the order time is fixed */
  expect_contexts(g, STORE_FILTER_ALL, "2 1");
}

static void put_chamber(struct rig *g, const char *tool, const char *chamber, int64_t seen, size_t n_svids) {
  static const struct model_svid svids[] = {
      {.number = 7, .name = "Press \xc2\xb5", .unit = "mTorr", .rate_hz = 10, .resolution = 0.1},
      {.number = 8, .name = "Temp", .unit = NULL}};
  struct model_chamber c = {.key = {.tool = tool, .chamber = chamber},
                            .tool_type = "etch",
                            .svids = svids,
                            .n_svids = n_svids,
                            .seen_us = seen};
  struct store_req r;
  store_req_init(&r, STORE_CHAMBER_PUT);
  r.chamber = &c;
  rig_call(g, &r, TFDC_OK);
  rig_release(&r);
}

static void a_chamber_keeps_its_newest_dictionary(void **state) {
  struct rig *g = *state;
  const struct {
    int64_t seen, want_seen;
    size_t svids, want_svids;
  } steps[] = {{100, 100, 1, 1}, {200, 200, 2, 2}, {150, 200, 1, 2}, {300, 300, 0, 2}, {300, 300, 1, 1}};
  for (size_t i = 0; i < TFDC_COUNT(steps); i++) {
    put_chamber(g, "T1", "A", steps[i].seen, steps[i].svids);
    struct store_req r;
    store_req_init(&r, STORE_CHAMBER_GET);
    r.key = (struct model_key){.tool = "T1", .chamber = "A"};
    rig_call(g, &r, TFDC_OK);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.chambers[0].seen_us, steps[i].want_seen);
    assert_int_equal(r.chambers[0].n_svids, steps[i].want_svids);
    assert_string_equal(r.chambers[0].svids[0].name, "Press \xc2\xb5");
    assert_string_equal(r.chambers[0].tool_type, "etch");
    rig_release(&r);
  }
  struct store_req r;
  store_req_init(&r, STORE_CHAMBER_GET);
  r.key = (struct model_key){.tool = "T1", .chamber = "B"};
  rig_call(g, &r, TFDC_E_NOT_FOUND);
  rig_release(&r);
}

static void chambers_are_listed_by_key_in_pages(void **state) {
  struct rig *g = *state;
  put_chamber(g, "T2", "A", 1, 1);
  put_chamber(g, "T10", "B", 1, 1);
  put_chamber(g, "T10", "A", 1, 1);
  put_chamber(g, "X", "A", 1, 1);
  char cursor[200] = "", seen[200] = "";
  for (int page = 0; page < 4; page++) {
    struct store_req r;
    store_req_init(&r, STORE_CHAMBER_LIST);
    r.filter.tool = "T*";
    r.page.limit = 1;
    r.page.cursor = page == 0 ? NULL : cursor;
    rig_call(g, &r, TFDC_OK);
    assert_int_equal(r.n, 1);
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s:%s ", r.chambers[0].key.tool,
                   r.chambers[0].key.chamber);
    bool more = r.ret_cursor != NULL;
    if (more) (void)snprintf(cursor, sizeof cursor, "%s", r.ret_cursor);
    rig_release(&r);
    if (!more) break;
  }
  assert_string_equal(seen, "T10:A T10:B T2:A ");
}

static void list_chunks(struct rig *g, enum store_op op, uint32_t run, uint32_t revision, struct store_req *r) {
  store_req_init(r, op);
  r->id = suite_id(run);
  r->revision = revision;
  rig_call(g, r, TFDC_OK);
}

static void chunks_come_back_in_order_up_to_a_revision(void **state) {
  struct rig *g = *state;
  static const uint8_t one[] = {1, 2, 3}, other[] = {9, 0, 9, 9};
  struct model_chunk late = suite_chunk(1, 3, 9, other, sizeof other);
  late.revision = 2;
  struct model_chunk chunks[] = {suite_chunk(1, 5, 6, one, 2), suite_chunk(1, 1, 4, one, 3),
                                 suite_chunk(2, 1, 4, one, 1), suite_chunk(1, 1, 2, other, 4), late};
  for (size_t i = 0; i < TFDC_COUNT(chunks); i++) rig_put_chunk(g, &chunks[i]);
  rig_put_chunk(g, &chunks[1]);
  struct model_chunk same = chunks[1]; /* equal key: nothing to do */
  same.points = 99;
  rig_put_chunk(g, &same);

  struct store_req r;
  list_chunks(g, STORE_CHUNK_LIST, 1, 1, &r);
  assert_int_equal(r.n, 3);
  assert_int_equal(r.chunks[0].last_seq, 2);
  assert_int_equal(r.chunks[1].last_seq, 4);
  assert_int_equal(r.chunks[1].points, 10);
  assert_int_equal(r.chunks[1].blob_n, 3);
  assert_null(r.chunks[1].blob);
  assert_true(r.chunks[1].checksum == chunks[1].checksum);
  assert_true(tfdc_id128_eq(r.chunks[2].context_id, suite_id(1)));
  assert_int_equal(r.chunks[2].first_us, suite_time(1));
  assert_int_equal(r.chunks[2].last_us, suite_time(1) + 5);
  rig_release(&r);
  list_chunks(g, STORE_CHUNK_GET, 1, 2, &r);
  assert_int_equal(r.n, 4);
  assert_memory_equal(r.chunks[0].blob, other, 4);
  assert_memory_equal(r.chunks[1].blob, one, 3);
  assert_int_equal(r.chunks[2].revision, 2);
  assert_int_equal(r.chunks[3].first_seq, 5);
  rig_release(&r);
  list_chunks(g, STORE_CHUNK_LIST, 1, 0, &r);
  assert_int_equal(r.n, 0);
  rig_release(&r);
}

static void two_chunks_of_one_range_with_other_content_are_both_kept(void **state) {
  struct rig *g = *state;
  static const uint8_t a[] = {1}, b[] = {2};
  struct model_chunk x = suite_chunk(1, 1, 1, a, 1), y = suite_chunk(1, 1, 1, b, 1);
  rig_put_chunk(g, &x);
  rig_put_chunk(g, &y);
  struct store_req r;
  list_chunks(g, STORE_CHUNK_LIST, 1, 1, &r);
  assert_int_equal(r.n, 2);
  assert_true(r.chunks[0].checksum != r.chunks[1].checksum);
  rig_release(&r);
}

/* Blobs of 1000 bytes each; pages by rows or by bytes; one blob is given even when it is over max_bytes. */
static void walk_chunks(struct rig *g, uint32_t limit, size_t max_bytes, const char *want) {
  char cursor[200] = "", seen[200] = "";
  for (int page = 0; page < 8; page++) {
    struct store_req r;
    store_req_init(&r, STORE_CHUNK_GET);
    r.id = suite_id(1);
    r.revision = 1;
    r.page.limit = limit;
    r.max_bytes = max_bytes;
    r.page.cursor = page == 0 ? NULL : cursor;
    rig_call(g, &r, TFDC_OK);
    for (size_t i = 0; i < r.n; i++) {
      assert_int_equal(r.chunks[i].blob_n, 1000);
      assert_int_equal(r.chunks[i].blob[999], r.chunks[i].first_seq);
      size_t at = strlen(seen);
      (void)snprintf(seen + at, sizeof seen - at, "%d", (int)r.chunks[i].first_seq);
    }
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), ";");
    bool more = r.ret_cursor != NULL;
    if (more) (void)snprintf(cursor, sizeof cursor, "%s", r.ret_cursor);
    rig_release(&r);
    if (!more) break;
  }
  assert_string_equal(seen, want);
}

static void chunks_are_fetched_in_pieces_bounded_by_rows_and_bytes(void **state) {
  struct rig *g = *state;
  uint8_t blob[1000];
  for (uint8_t i = 1; i <= 5; i++) {
    memset(blob, i, sizeof blob);
    struct model_chunk c = suite_chunk(1, i, i, blob, sizeof blob);
    rig_put_chunk(g, &c);
  }
  walk_chunks(g, 0, 0, "12345;");
  walk_chunks(g, 2, 0, "12;34;5;");
  walk_chunks(g, 0, 3000, "123;45;");
  walk_chunks(g, 0, 2999, "12;34;5;");
  walk_chunks(g, 0, 1, "1;2;3;4;5;");
}

static void a_blob_of_many_megabytes_is_kept_whole(void **state) {
  struct rig *g = *state;
  size_t n = (size_t)5 << 20;
  uint8_t *blob = malloc(n);
  assert_non_null(blob);
  for (size_t i = 0; i < n; i++) blob[i] = (uint8_t)(i * 2654435761u >> 13);
  struct model_chunk c = suite_chunk(1, 1, 1, blob, n);
  rig_put_chunk(g, &c);
  struct store_req r;
  list_chunks(g, STORE_CHUNK_GET, 1, 1, &r);
  assert_int_equal(r.n, 1);
  assert_int_equal(r.chunks[0].blob_n, n);
  assert_memory_equal(r.chunks[0].blob, blob, n);
  rig_release(&r);
  free(blob);
}

const struct CMUnitTest store_suite_runs[] = {
    SUITE_TEST(a_context_is_read_back_whole),
    SUITE_TEST(a_context_row_of_a_lower_rank_changes_nothing),
    SUITE_TEST(a_context_row_that_saw_less_changes_nothing),
    SUITE_TEST(published_is_marked_at_its_revision_only_and_stays),
    SUITE_TEST(contexts_are_listed_in_run_order_through_filters),
    SUITE_TEST(contexts_are_found_by_their_current_verdict),
    SUITE_TEST(pages_show_each_row_once_while_rows_are_inserted),
    SUITE_TEST(an_open_run_shows_its_changes_and_takes_its_place_when_it_closes),
    SUITE_TEST(a_chamber_keeps_its_newest_dictionary),
    SUITE_TEST(chambers_are_listed_by_key_in_pages),
    SUITE_TEST(chunks_come_back_in_order_up_to_a_revision),
    SUITE_TEST(two_chunks_of_one_range_with_other_content_are_both_kept),
    SUITE_TEST(chunks_are_fetched_in_pieces_bounded_by_rows_and_bytes),
    SUITE_TEST(a_blob_of_many_megabytes_is_kept_whole),
};
const size_t store_suite_runs_n = TFDC_COUNT(store_suite_runs);
