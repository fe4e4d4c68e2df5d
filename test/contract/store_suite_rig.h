/* SPDX-License-Identifier: Apache-2.0
 * Private to the store suite: the rig that each test gets as its state, and records to write. */
#ifndef TEST_CONTRACT_STORE_SUITE_RIG_H
#define TEST_CONTRACT_STORE_SUITE_RIG_H

#include "contract/store_suite.h"
#include "support/cmocka_all.h"

struct rig {
  const struct store_suite_maker *maker;
  void *world;
  struct test_loop loop;
  struct port *port;
};

int rig_setup(void **state);
int rig_teardown(void **state);
void rig_reopen(struct rig *g); /* closes, destroys, opens again */

/* Submits, waits, and fails the test with the request's error text when the result is not `want`. */
void rig_call(struct rig *g, struct store_req *r, tfdc_rc want);
void rig_release(struct store_req *r);

/* Writes that must succeed. */
void rig_put_context(struct rig *g, const struct model_context *c);
void rig_put_chunk(struct rig *g, const struct model_chunk *c);
void rig_put_u(struct rig *g, const struct model_u_record *u);
void rig_put_verdict(struct rig *g, const struct model_run_verdict *v);
void rig_put_alarm(struct rig *g, const struct model_alarm *a);
uint64_t rig_retain(struct rig *g, int64_t now_us, int64_t tchart_us, int64_t uchart_us, uint32_t limit);

/* Records with every part that matters filled in; `n` makes ids and times, which rise with it. */
struct tfdc_id128 suite_id(uint32_t n);
int64_t suite_time(uint32_t n);
struct model_context suite_context(uint32_t n); /* CLOSED, revision 1, chamber T1:A */
struct model_chunk suite_chunk(uint32_t run, uint64_t first_seq, uint64_t last_seq, const uint8_t *blob, size_t n);
struct model_u_record suite_u(uint32_t n); /* chart set S1, partition R1, revision 1, judgement 1 */
struct model_run_verdict suite_verdict(uint32_t n);
struct model_alarm suite_alarm(uint32_t n);

/* Runs of a page by the number that made their id, e.g. "3 1 2"; in a static-free buffer of the caller. */
void suite_numbers(const struct store_req *r, char *text, size_t n);

#define SUITE_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
extern const struct CMUnitTest store_suite_runs[], store_suite_judged[], store_suite_port[];
extern const size_t store_suite_runs_n, store_suite_judged_n, store_suite_port_n;

#endif
