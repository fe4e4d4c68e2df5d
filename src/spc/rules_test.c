/* SPDX-License-Identifier: Apache-2.0 */
#include "spc/rules.h"
#include "spc/state.h"
#include "support/cmocka_all.h"
#include "support/random.h"

#include <string.h>

static struct spc_rules rules_of(const char *text) {
  struct spc_rules rules;
  struct tfdc_error err = {0};
  if (spc_rules_parse(text, strlen(text), &rules, &err) != TFDC_OK) fail_msg("%s: %s", text, err.msg);
  return rules;
}

/* Feeds the values; bit i of the result: the i-th point completed rule 0. */
static uint64_t flags_of(const char *rule, const double *z, size_t n) {
  struct spc_rules rules = rules_of(rule);
  struct spc_state state;
  spc_state_init(&state);
  uint64_t flags = 0;
  for (size_t i = 0; i < n; i++) {
    struct spc_hits hits;
    spc_state_step(&state, z[i], &rules, &state, &hits);
    if (hits.fired & 1) flags |= UINT64_C(1) << i;
  }
  return flags;
}
#define FLAGS(rule, ...)                                                                                               \
  flags_of(rule, (const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

/* Nelson 1984, test 1: one point beyond 3 sigma. Equality is inside. */
static void a_point_on_the_limit_is_inside(void **state) {
  (void)state;
  assert_int_equal(FLAGS("beyond(3)", 3, 3.0000001, -3, -3.5), 0xa);
}

/* Nelson test 5 / Western Electric rule 2: 2 of 3 beyond 2 sigma, same side, the newest point one of them. */
static void two_of_three_wants_one_side_and_the_newest_point(void **state) {
  (void)state;
  assert_int_equal(FLAGS("beyond(2, 2 of 3)", 2.1, 2.2), 0x2);
  assert_int_equal(FLAGS("beyond(2, 2 of 3)", 2.1, 0, 2.2), 0x4);
  assert_int_equal(FLAGS("beyond(2, 2 of 3)", 2.1, -2.2, 0), 0);
  assert_int_equal(FLAGS("beyond(2, 2 of 3)", 2.1, 2.2, 0), 0x2);
  assert_int_equal(FLAGS("beyond(2, 2 of 3)", 2.1, 0, 0, 2.2), 0);
  assert_int_equal(FLAGS("beyond(2, 2 of 3)", -2.1, 9, -2.2), 0x4);
}

/* Nelson test 6 / Western Electric rule 3: 4 of 5 beyond 1 sigma, same side, the newest point one of them. */
static void four_of_five_counts_over_a_good_point(void **state) {
  (void)state;
  assert_int_equal(FLAGS("beyond(1, 4 of 5)", 1.1, 1.1, 0, 1.1, 1.1), 0x10);
  assert_int_equal(FLAGS("beyond(1, 4 of 5)", 1.1, 1.1, 1.1, 1.1, 0), 0x8);
}

/* Nelson test 2: 9 in a row on one side of the centre line; a point on the line breaks it. */
static void nine_on_one_side_are_broken_by_the_centre(void **state) {
  (void)state;
  assert_int_equal(FLAGS("side(9)", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), 0x300);
  assert_int_equal(FLAGS("side(9)", 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1), 0);
  assert_int_equal(FLAGS("side(2)", -1, -1, 1, -1, -1), 0x12);
}

/* Nelson test 3: 6 points strictly increasing or strictly decreasing; equal neighbours break it. */
static void six_rising_points_are_a_trend(void **state) {
  (void)state;
  assert_int_equal(FLAGS("trend(6)", 1, 2, 3, 4, 5, 6, 7), 0x60);
  assert_int_equal(FLAGS("trend(6)", 7, 6, 5, 4, 3, 2), 0x20);
  assert_int_equal(FLAGS("trend(6)", 1, 2, 3, 3, 4, 5, 6), 0);
}

/* Nelson test 4: 14 points alternating up and down; equal neighbours break it. */
static void fourteen_points_up_and_down_alternate(void **state) {
  (void)state;
  assert_int_equal(FLAGS("alternate(14)", 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0), 0x6000);
  assert_int_equal(FLAGS("alternate(4)", 0, 1, 1, 0, 1), 0);
  assert_int_equal(FLAGS("alternate(4)", 0, 1, 2, 0, 1, 0), 0x30);
}

/* Nelson test 7: 15 in a row within 1 sigma, either side. Test 8: 8 in a row beyond 1 sigma, both sides allowed. */
static void inside_and_outside_want_every_point(void **state) {
  (void)state;
  assert_int_equal(FLAGS("inside(1, 3)", 0.5, -1, 1, 1.1, 0, 0, 0), 0x44);
  assert_int_equal(FLAGS("outside_both(1, 3)", 1.5, -1.5, 1.5, 1, 2, -2, 2), 0x44);
}

/* The definitions again, by looking at the whole history. */
static bool brute(const struct spc_rule *r, const double *z, size_t i) {
  size_t n = r->n;
  if (r->kind == SPC_BEYOND) {
    unsigned up = 0, down = 0;
    for (size_t j = i + 1 >= n ? i + 1 - n : 0; j <= i; j++) up += z[j] > r->z0, down += z[j] < -r->z0;
    return (z[i] > r->z0 && up >= r->k) || (z[i] < -r->z0 && down >= r->k);
  }
  if (i + 1 < n) return false;
  bool up = true, down = true, in = true, out = true, zig = true;
  for (size_t j = i + 1 - n; j <= i; j++) {
    bool step = j > i + 1 - n;
    if (r->kind == SPC_SIDE) up = up && z[j] > 0, down = down && z[j] < 0;
    if (r->kind == SPC_TREND && step) up = up && z[j] > z[j - 1], down = down && z[j] < z[j - 1];
    if (step) zig = zig && z[j] != z[j - 1];
    if (step && j > i + 2 - n) zig = zig && (z[j] > z[j - 1]) != (z[j - 1] > z[j - 2]);
    in = in && fabs(z[j]) <= r->z0;
    out = out && fabs(z[j]) > r->z0;
  }
  switch (r->kind) {
  case SPC_INSIDE: return in;
  case SPC_OUTSIDE_BOTH: return out;
  case SPC_ALTERNATE: return zig;
  default: return up || down;
  }
}

static void every_rule_agrees_with_its_definition_on_a_million_points(void **state) {
  (void)state;
  enum { N = 1000000 };
  struct spc_rules rules = rules_of("beyond(2); beyond(1.5, 2 of 3); beyond(0.5, 4 of 5); side(9); trend(6); "
                                    "alternate(7); inside(1, 15); outside_both(0.5, 8); beyond(0.5, 11 of 15)");
  struct random_source random = {20261125};
  double *z = calloc(N, sizeof *z);
  assert_non_null(z);
  struct spc_state s;
  spc_state_init(&s);
  for (size_t i = 0; i < N; i++) {
    z[i] = floor(random_normal(&random) * 4 + 0.5) / 4; /* on a grid, so that ties and points on the lines occur */
    struct spc_hits hits;
    spc_state_step(&s, z[i], &rules, &s, &hits);
    for (uint32_t k = 0; k < rules.count; k++)
      if (brute(&rules.rule[k], z, i) != ((hits.fired >> k & 1) != 0)) fail_msg("rule %u at point %zu", k, i);
  }
  free(z);
}

/* Share of in-control points that complete each of Nelson's patterns when the chart runs on without reset; exact, with
 * Q(z) the normal tail: 2 Q(3); 2/2^9; 2/6!; 2 E_14/14! (E the zigzag numbers); with p = Q(2): 2 p (2p - p^2); with
 * q = Q(1): 2 q (4 q^3 (1 - q) + q^4), (1 - 2q)^15, (2q)^8. */
static void nelson_rules_signal_at_their_known_rates(void **state) {
  (void)state;
  static const struct {
    const char *rule;
    double rate;
  } known[] = {
      {"beyond(3)", 0.0026998},         {"side(9)", 0.0039062},
      {"trend(6)", 0.0027778},          {"alternate(14)", 0.0045736},
      {"beyond(2, 2 of 3)", 0.0020467}, {"beyond(1, 4 of 5)", 0.0044657},
      {"inside(1, 15)", 0.0032610},     {"outside_both(1, 8)", 0.0001028},
  };
  enum { N = 4000000 };
  struct spc_rules rules;
  assert_int_equal(spc_rules_init_preset(&rules, "nelson", NULL), TFDC_OK);
  assert_int_equal(rules.count, TFDC_COUNT(known));
  assert_int_equal(rules.depth, 15);
  struct random_source random = {1984};
  struct spc_state s;
  spc_state_init(&s);
  unsigned count[TFDC_COUNT(known)] = {0};
  for (size_t i = 0; i < N; i++) {
    struct spc_hits hits;
    spc_state_step(&s, random_normal(&random), &rules, &s, &hits);
    for (uint32_t k = 0; k < rules.count; k++) count[k] += hits.fired >> k & 1;
  }
  for (size_t j = 0; j < TFDC_COUNT(known); j++) {
    struct spc_rule rule;
    assert_int_equal(spc_rule_parse(known[j].rule, strlen(known[j].rule), &rule, NULL), TFDC_OK);
    for (uint32_t k = 0; k < rules.count; k++) {
      if (rules.rule[k].kind != rule.kind || rules.rule[k].n != rule.n) continue;
      double rate = (double)count[k] / N;
      /* Completions come in clusters of about two to four. */
      double tolerance = 4 * sqrt(3 * known[j].rate / N);
      if (fabs(rate - known[j].rate) > tolerance) fail_msg("%s: rate %.5f", known[j].rule, rate);
    }
  }
}

/* In-control average run length of Western Electric's rules, Champ and Woodall 1987: 91.75. */
static void western_electric_has_its_known_run_length(void **state) {
  (void)state;
  enum { RUNS = 25000 };
  struct spc_rules rules;
  assert_int_equal(spc_rules_init_preset(&rules, "we", NULL), TFDC_OK);
  struct random_source random = {1956};
  uint64_t total = 0;
  for (int run = 0; run < RUNS; run++) {
    struct spc_state s;
    struct spc_hits hits;
    spc_state_init(&s);
    do {
      spc_state_step(&s, random_normal(&random), &rules, &s, &hits);
      total++;
    } while (hits.fired == 0);
  }
  double arl = (double)total / RUNS;
  if (fabs(arl - 91.75) > 0.02 * 91.75) fail_msg("run length %.2f", arl);
}

static void not_judged_points_are_skipped_until_the_gap_is_too_long(void **state) {
  (void)state;
  const double nan_ = (double)NAN;
  assert_int_equal(FLAGS("beyond(2, 2 of 3)", 2.1, nan_, nan_, 2.2), 0x8);
  assert_int_equal(FLAGS("side(3)", 1, nan_, 1, nan_, 1), 0x10);
  double z[2 + SPC_STATE_GAP_MAX + 1];
  for (size_t i = 0; i < TFDC_COUNT(z); i++) z[i] = nan_;
  z[0] = z[TFDC_COUNT(z) - 1] = 2.1;
  assert_int_equal(flags_of("beyond(2, 2 of 3)", z, TFDC_COUNT(z)), 0);
  z[1] = 0; /* one less in the gap, but the first point leaves the window of no pattern: still 2 of 3 */
  assert_int_equal(flags_of("beyond(2, 2 of 3)", z, TFDC_COUNT(z)), UINT64_C(1) << (TFDC_COUNT(z) - 1));
}

static void a_state_resumed_at_every_point_equals_one_straight_run(void **state) {
  (void)state;
  struct spc_rules rules;
  assert_int_equal(spc_rules_init_preset(&rules, "nelson", NULL), TFDC_OK);
  struct random_source random = {7};
  struct spc_state straight;
  spc_state_init(&straight);
  struct tfdc_buf row = {0};
  spc_state_encode(&straight, &row);
  for (int i = 0; i < 5000; i++) {
    double z = random_unit(&random) < 0.1 ? (double)NAN : random_normal(&random);
    struct spc_hits a, b;
    spc_state_step(&straight, z, &rules, &straight, &a);
    struct spc_state resumed;
    struct tfdc_cursor in = tfdc_cursor_on(row.data, row.size);
    assert_int_equal(spc_state_decode(&in, &resumed, NULL), TFDC_OK);
    assert_int_equal(tfdc_cursor_left(&in), 0);
    spc_state_step(&resumed, z, &rules, &resumed, &b);
    assert_int_equal(a.fired, b.fired);
    assert_int_equal(a.verdict, b.verdict);
    assert_memory_equal(&straight, &resumed, sizeof straight);
    row.size = 0;
    spc_state_encode(&resumed, &row);
    assert_int_equal(tfdc_buf_status(&row), TFDC_OK);
    assert_in_range(row.size, 1, SPC_STATE_BYTES_MAX);
  }
  tfdc_buf_deinit(&row);
}

static void the_state_keeps_no_more_points_than_the_rules_need(void **state) {
  (void)state;
  struct spc_rules rules;
  spc_rules_init_default(&rules, 0.9);
  struct spc_state s;
  spc_state_init(&s);
  for (int i = 0; i < 100; i++) {
    struct spc_hits hits;
    spc_state_step(&s, i, &rules, &s, &hits);
  }
  assert_int_equal(s.n_ring, 3);
  assert_true(s.ring[2] == 99 && s.ring[0] == 97);
}

static void hostile_state_bytes_are_refused(void **state) {
  (void)state;
  static const struct {
    uint8_t bytes[24];
    size_t n;
    tfdc_rc rc;
  } bad[] = {{{0}, 0, TFDC_E_TRUNCATED},
             {{0, 0, 0, 0, 0, 0, 0}, 7, TFDC_E_MALFORMED},
             {{2, 0, 0, 0, 0, 0, 0}, 7, TFDC_E_SCHEMA},
             {{1, 16, 0, 0, 0, 0, 0}, 7, TFDC_E_MALFORMED},
             {{1, 1, 0, 0}, 4, TFDC_E_TRUNCATED},
             {{1, 1, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 1, 0, 0, 0, 0}, 15, TFDC_E_MALFORMED}, /* NaN in the ring */
             {{1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 15, TFDC_E_MALFORMED},       /* a side of no points */
             {{1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0}, 12, TFDC_E_MALFORMED}};
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    struct tfdc_cursor in = tfdc_cursor_on(bad[i].bytes, bad[i].n);
    struct spc_state s;
    struct tfdc_error err = {0};
    memset(&s, 0x55, sizeof s);
    struct spc_state before = s;
    assert_int_equal(spc_state_decode(&in, &s, &err), bad[i].rc);
    assert_int_equal(in.pos, 0);
    assert_memory_equal(&s, &before, sizeof s);
    assert_int_not_equal(err.msg[0], '\0');
  }
}

static void rule_texts_come_back_as_they_were_written(void **state) {
  (void)state;
  static const struct {
    const char *in, *out;
  } texts[] = {{"beyond(1.0, 2 of 3)", "beyond(1.0, 2 of 3)"},
               {" beyond ( 0.85 ) ", "beyond(0.85, 1 of 1)"},
               {"side(9)", "side(9)"},
               {"trend(6)", "trend(6)"},
               {"alternate(14)", "alternate(14)"},
               {"inside(1, 15)", "inside(1.0, 15)"},
               {"outside_both(1.000001,8)", "outside_both(1.000001, 8)"}};
  for (size_t i = 0; i < TFDC_COUNT(texts); i++) {
    struct spc_rule rule, again;
    char buf[SPC_RULE_TEXT_MAX];
    assert_int_equal(spc_rule_parse(texts[i].in, strlen(texts[i].in), &rule, NULL), TFDC_OK);
    assert_string_equal(spc_rule_format(&rule, buf), texts[i].out);
    assert_int_equal(spc_rule_parse(buf, strlen(buf), &again, NULL), TFDC_OK);
    assert_true(rule.kind == again.kind && rule.z0 == again.z0 && rule.k == again.k && rule.n == again.n);
  }
}

static void a_bad_rule_text_is_refused_at_its_column(void **state) {
  (void)state;
  static const struct {
    const char *text, *part;
  } bad[] = {{"", "column 1: expected beyond"},
             {"byond(1)", "column 1: expected beyond"},
             {"beyond 1", "column 8: expected \"(\""},
             {"beyond(x)", "column 8: expected a number"},
             {"beyond(1.)", "column 10: expected 1 to 6 decimals"},
             {"beyond(1, 2 in 3)", "column 13: expected \"of\""},
             {"beyond(1, 2 of 3", "column 17: expected \")\", the text ends"},
             {"beyond(1, 4 of 3)", "column 1: beyond: k 4"},
             {"beyond(1, 1 of 16)", "n 16 is not in 1..15"},
             {"beyond(0)", "z0 0 is not in"},
             {"side(1)", "n 1 is not in 2..1000"},
             {"side(9) x", "column 9: expected the end"},
             {"side(99999999)", "column 6: expected a whole number"},
             {"inside(1)", "column 9: expected \",\""}};
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    struct spc_rule rule;
    struct tfdc_error err = {0};
    assert_int_equal(spc_rule_parse(bad[i].text, strlen(bad[i].text), &rule, &err), TFDC_E_DEFINITION);
    if (!strstr(err.msg, bad[i].part)) fail_msg("%s: %s", bad[i].text, err.msg);
  }
}

static void a_set_of_rules_carries_severities(void **state) {
  (void)state;
  struct spc_rules rules = rules_of("warn beyond(0.9); ooc beyond(1)\n\n action beyond(1.5);side(8);");
  assert_int_equal(rules.count, 4);
  assert_int_equal(rules.rule[0].verdict, SPC_WARN);
  assert_int_equal(rules.rule[2].verdict, SPC_ACTION);
  assert_int_equal(rules.rule[3].verdict, SPC_OOC);
  char many[SPC_RULES_MAX * 8 + 9] = "";
  for (int i = 0; i <= SPC_RULES_MAX; i++) memcpy(many + 8 * i, "side(9);", 8);
  struct tfdc_error err = {0};
  assert_int_equal(spc_rules_parse(many, sizeof many - 1, &rules, &err), TFDC_E_LIMIT);
  assert_int_equal(spc_rules_parse("warn", 4, &rules, &err), TFDC_E_DEFINITION);
  assert_int_equal(spc_rules_parse("side(9) side(9)", 15, &rules, &err), TFDC_E_DEFINITION);
  assert_int_equal(spc_rules_init_preset(&rules, "nelsen", &err), TFDC_E_NOT_FOUND);
}

static void the_default_policy_warns_alarms_and_acts(void **state) {
  (void)state;
  struct spc_rules rules;
  spc_rules_init_default(&rules, 0.85);
  struct spc_state s;
  spc_state_init(&s);
  static const double z[] = {0.8, 0.9, 0.1, 0.9, -0.9, 1.01, -1.6, 0};
  static const enum spc_verdict want[] = {SPC_OK, SPC_WARN, SPC_OK, SPC_OOC, SPC_WARN, SPC_OOC, SPC_ACTION, SPC_OK};
  for (size_t i = 0; i < TFDC_COUNT(z); i++) {
    struct spc_hits hits;
    spc_state_step(&s, z[i], &rules, &s, &hits);
    assert_int_equal(hits.verdict, want[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_point_on_the_limit_is_inside),
      cmocka_unit_test(two_of_three_wants_one_side_and_the_newest_point),
      cmocka_unit_test(four_of_five_counts_over_a_good_point),
      cmocka_unit_test(nine_on_one_side_are_broken_by_the_centre),
      cmocka_unit_test(six_rising_points_are_a_trend),
      cmocka_unit_test(fourteen_points_up_and_down_alternate),
      cmocka_unit_test(inside_and_outside_want_every_point),
      cmocka_unit_test(every_rule_agrees_with_its_definition_on_a_million_points),
      cmocka_unit_test(nelson_rules_signal_at_their_known_rates),
      cmocka_unit_test(western_electric_has_its_known_run_length),
      cmocka_unit_test(not_judged_points_are_skipped_until_the_gap_is_too_long),
      cmocka_unit_test(a_state_resumed_at_every_point_equals_one_straight_run),
      cmocka_unit_test(the_state_keeps_no_more_points_than_the_rules_need),
      cmocka_unit_test(hostile_state_bytes_are_refused),
      cmocka_unit_test(rule_texts_come_back_as_they_were_written),
      cmocka_unit_test(a_bad_rule_text_is_refused_at_its_column),
      cmocka_unit_test(a_set_of_rules_carries_severities),
      cmocka_unit_test(the_default_policy_warns_alarms_and_acts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
