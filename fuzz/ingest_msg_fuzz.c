/* SPDX-License-Identifier: Apache-2.0
 * ingest_decode, ingest_decode_block, ingest_decode_reply. The first byte chooses: bit 0 = a hello and a run start have
 * come before; bit 1 = the rest is a reply. What was decoded is encoded and decoded again: the same must come out. */
#include "adapter/grpc/ingest_wire.h"

#include <math.h>
#include <string.h>

static const struct model_svid svids[] = {{.number = 11, .name = "press"}, {.number = 12, .name = "temp"}};
static const struct model_chamber chamber = {.key = {"T1", "C1"}, .svids = svids, .n_svids = 2};

static void check(bool ok) {
  if (!ok) __builtin_trap();
}

static void same_block(const struct model_block *a, const struct model_block *b) {
  check(a->seq == b->seq && a->n_columns == b->n_columns && a->points == b->points);
  for (size_t i = 0; i < a->n_columns; i++) {
    const struct model_column *x = &a->columns[i], *y = &b->columns[i];
    check(x->svid == y->svid && x->n == y->n && strcmp(x->name, y->name) == 0);
    check(x->n == 0 || (memcmp(x->t_us, y->t_us, x->n * 8) == 0 && memcmp(x->v, y->v, x->n * 8) == 0));
  }
}

static void again(const struct model_hub_msg *m, const struct ingest_limits *limits, struct ingest_dict *d) {
  struct tfdc_buf buf = {.limit = 0};
  struct tfdc_arena mem = {.limit = 1u << 24};
  struct model_hub_msg second;
  check(ingest_encode(m, &buf) == TFDC_OK);
  if (m->kind != MODEL_HUB_HELLO) {
    check(ingest_decode(buf.data, buf.size, limits, d, &mem, &second, NULL) == TFDC_OK);
    check(second.kind == m->kind && second.code == TFDC_OK && second.run == m->run && second.seq == m->seq);
    if (m->kind == MODEL_HUB_BLOCK) {
      same_block(m->block, second.block);
      model_block_unref(second.block);
    }
  }
  tfdc_buf_deinit(&buf);
  tfdc_arena_deinit(&mem);
}

static void one_message(const uint8_t *data, size_t n, struct ingest_dict *d) {
  const struct ingest_limits limits = {.max_block_points = 4096, .max_chambers = 4, .max_svids = 64, .max_runs = 8};
  struct tfdc_arena mem = {.limit = 1u << 24};
  struct tfdc_error err = {.code = TFDC_OK};
  struct model_hub_msg m;
  tfdc_rc rc = ingest_decode(data, n, &limits, d, &mem, &m, &err);
  if (rc != TFDC_OK) {
    check(err.msg[0] != '\0');
  } else if (m.code != TFDC_OK) {
    check(m.text != NULL && m.block == NULL);
  } else {
    again(&m, &limits, d);
    ingest_dict_taken(d, &m);
    if (m.kind == MODEL_HUB_BLOCK) model_block_unref(m.block);
  }
  tfdc_arena_deinit(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const struct ingest_limits limits = INGEST_LIMITS_DEFAULT;
  struct ingest_dict d = {.chambers = NULL};
  if ((data[0] & 2) != 0) {
    struct tfdc_arena mem = {.limit = 1u << 24};
    struct model_hub_reply r;
    (void)!ingest_decode_reply(data + 1, size - 1, &mem, &r);
    tfdc_arena_deinit(&mem);
    return 0;
  }
  if ((data[0] & 1) != 0) {
    const struct model_hub_msg hello = {.kind = MODEL_HUB_HELLO, .hub = "", .chambers = &chamber, .n_chambers = 1};
    check(ingest_dict_hello(&d, &limits, &hello, NULL) == TFDC_OK);
    check(ingest_dict_start(&d, &limits, 7, chamber.key, NULL) == TFDC_OK);
  }
  one_message(data + 1, size - 1, &d);
  ingest_dict_deinit(&d);
  return 0;
}
