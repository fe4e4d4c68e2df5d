/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"
#include "support/cmocka_all.h"

#include <string.h>

static void an_address_has_a_host_and_a_port(void **state) {
  (void)state;
  static const struct {
    const char *text, *host, *near;
    uint16_t port;
    const char *again;
  } good[] = {{"127.0.0.1:8080", "127.0.0.1", "127.0.0.1", 8080, "127.0.0.1:8080"},
              {"[::1]:0", "::1", "::1", 0, "[::1]:0"},
              {"[fe80::1%eth0]:65535", "fe80::1%eth0", "fe80::1%eth0", 65535, "[fe80::1%eth0]:65535"},
              {"fab-7.example:080", "fab-7.example", "fab-7.example", 80, "fab-7.example:80"},
              {":8080", "", "127.0.0.1", 8080, ":8080"},
              {"0.0.0.0:1", "0.0.0.0", "127.0.0.1", 1, "0.0.0.0:1"},
              {"[::]:2", "::", "::1", 2, "[::]:2"}};
  for (size_t i = 0; i < TFDC_COUNT(good); i++) {
    struct tfdc_address a;
    char again[TFDC_ADDRESS_BYTES];
    assert_int_equal(tfdc_address_parse(good[i].text, &a, NULL), TFDC_OK);
    assert_string_equal(a.host, good[i].host);
    assert_int_equal(a.port, good[i].port);
    assert_string_equal(tfdc_address_near(&a), good[i].near);
    assert_string_equal(tfdc_address_format(a.host, a.port, again), good[i].again);
  }
}

static void what_is_no_address_is_refused_and_named(void **state) {
  (void)state;
  static const char *const bad[] = {"",         "8080",   "host",      "host:",      "127.0.0.1:99999999",
                                    "a:65536",  "::1:80", "[::1:80",   "[]:80",      "a:b",
                                    "[::1]80",  "a:-1",   "a:+1",      "a: 1",       "a:1 ",
                                    "[::1]x:1", "a]:1",   "[[::1]]:1", "http://a:1", "a b:1",
                                    "[",        "[:1",    "]:1",       ":",          "[]"};
  for (size_t i = 0; i < TFDC_COUNT(bad); i++) {
    struct tfdc_address a = {"untouched", 7};
    struct tfdc_error err = {0};
    assert_int_equal(tfdc_address_parse(bad[i], &a, &err), TFDC_E_CONFIG_VALUE);
    assert_non_null(strstr(err.msg, bad[i]));
    assert_string_equal(a.host, "untouched");
    assert_int_equal(a.port, 7);
  }
}

static void a_host_has_its_greatest_length(void **state) {
  (void)state;
  char text[300];
  struct tfdc_address a;
  memset(text, 'h', sizeof text);
  memcpy(text + 255, ":1", 3);
  assert_int_equal(tfdc_address_parse(text, &a, NULL), TFDC_OK);
  assert_int_equal(strlen(a.host), 255);
  memcpy(text + 255, "h:1", 4);
  assert_int_equal(tfdc_address_parse(text, &a, NULL), TFDC_E_CONFIG_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(an_address_has_a_host_and_a_port),
                                     cmocka_unit_test(what_is_no_address_is_refused_and_named),
                                     cmocka_unit_test(a_host_has_its_greatest_length)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
