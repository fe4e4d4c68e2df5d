/* SPDX-License-Identifier: Apache-2.0
 * Rule texts, rule states and episodes from outside. The first byte chooses; what was read must write and read again to
 * the same, and a state that was read must bear a step. */
#include "spc/episode.h"
#include "spc/rules.h"
#include "spc/state.h"

static void fuzz_rules(const uint8_t *data, size_t size) {
  struct tfdc_error err;
  struct spc_rules rules;
  if (spc_rules_parse((const char *)data, size, &rules, &err) != TFDC_OK) return;
  struct spc_state s;
  spc_state_init(&s);
  for (uint32_t i = 0; i < rules.count; i++) {
    char buf[SPC_RULE_TEXT_MAX];
    struct spc_rule again;
    (void)spc_rule_format(&rules.rule[i], buf);
    TFDC_ASSERT(spc_rule_parse(buf, strlen(buf), &again, NULL) == TFDC_OK);
    TFDC_ASSERT(again.z0 == rules.rule[i].z0 && again.k == rules.rule[i].k && again.n == rules.rule[i].n);
    struct spc_hits hits;
    spc_state_step(&s, rules.rule[i].z0 * 1.01, &rules, &s, &hits);
  }
}

static void fuzz_state(const uint8_t *data, size_t size) {
  struct tfdc_cursor in = tfdc_cursor_on(data, size);
  struct spc_state s, again;
  if (spc_state_decode(&in, &s, NULL) != TFDC_OK) return;
  struct tfdc_buf out = {0};
  spc_state_encode(&s, &out);
  struct tfdc_cursor back = tfdc_cursor_on(out.data, out.size);
  TFDC_ASSERT(out.size <= SPC_STATE_BYTES_MAX && spc_state_decode(&back, &again, NULL) == TFDC_OK);
  TFDC_ASSERT(memcmp(&s, &again, sizeof s) == 0);
  tfdc_buf_deinit(&out);
  struct spc_rules rules;
  TFDC_ASSERT(spc_rules_init_preset(&rules, size % 2 ? "nelson" : "default", NULL) == TFDC_OK);
  struct spc_hits hits;
  for (int i = 0; i < 20; i++) spc_state_step(&s, i % 3 - 1.0, &rules, &s, &hits);
}

static void fuzz_episode(const uint8_t *data, size_t size) {
  struct tfdc_cursor in = tfdc_cursor_on(data, size);
  struct spc_episode e, again;
  if (spc_episode_decode(&in, &e, NULL) != TFDC_OK) return;
  struct tfdc_buf out = {0};
  spc_episode_encode(&e, &out);
  struct tfdc_cursor back = tfdc_cursor_on(out.data, out.size);
  TFDC_ASSERT(out.size <= SPC_EPISODE_BYTES_MAX && spc_episode_decode(&back, &again, NULL) == TFDC_OK);
  TFDC_ASSERT(again.serial == e.serial && again.open == e.open && again.runs == e.runs);
  tfdc_buf_deinit(&out);
  struct spc_episode_run run = {.verdict = (enum spc_verdict)(size % 5), .missing_step = size % 7 == 0};
  (void)spc_episode_step(&e, &run, 0, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  switch (data[0] % 3) {
  case 0: fuzz_rules(data + 1, size - 1); break;
  case 1: fuzz_state(data + 1, size - 1); break;
  default: fuzz_episode(data + 1, size - 1); break;
  }
  return 0;
}
