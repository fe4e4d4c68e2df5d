/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config.h"
#include "support/cmocka_all.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *const no_env[] = {NULL};

struct fixture {
  struct app_config c;
  struct tfdc_error err;
  char path[64];
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  if (f == NULL || app_config_init(&f->c, NULL) != TFDC_OK) return -1;
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  if (f->path[0] != '\0') (void)unlink(f->path);
  app_config_deinit(&f->c);
  free(f);
  return 0;
}

static const char *write_file(struct fixture *f, const char *text) {
  if (f->path[0] != '\0') (void)unlink(f->path);
  (void)snprintf(f->path, sizeof f->path, "/tmp/tfdc-config-XXXXXX");
  int fd = mkstemp(f->path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  (void)close(fd);
  return f->path;
}

static tfdc_rc set(struct fixture *f, const char *key, const char *text) {
  return app_config_set(&f->c, key, text, APP_CONFIG_FLAG, "--set", &f->err);
}

static void defaults_have_their_units(void **state) {
  struct fixture *f = *state;
  assert_true(app_config_bytes(&f->c, APP_CONFIG_INGEST_MAX_MESSAGE) == 4 << 20);
  assert_true(app_config_bytes(&f->c, APP_CONFIG_INGEST_MEMORY) == INT64_C(512) << 20);
  assert_true(app_config_dur(&f->c, APP_CONFIG_STORE_RETENTION_TCHART).us == 3 * 86400 * TFDC_US_PER_S);
  assert_true(app_config_dur(&f->c, APP_CONFIG_INGEST_GRACE_S).us == 600 * TFDC_US_PER_S);
  assert_true(app_config_int(&f->c, APP_CONFIG_INGEST_MAX_RUN_POINTS) == 20000000);
  assert_true(app_config_bool(&f->c, APP_CONFIG_ASSIGNMENT_ENABLED));
  assert_true(app_config_float(&f->c, APP_CONFIG_WEIGHT_THRESHOLD) == 0.20);
  assert_string_equal(app_config_text(&f->c, APP_CONFIG_HTTP_LISTEN), "127.0.0.1:8080");
}

static void units_are_read(void **state) {
  struct fixture *f = *state;
  assert_int_equal(set(f, "ingest.idle_close_s", "5m"), TFDC_OK);
  assert_true(app_config_dur(&f->c, APP_CONFIG_INGEST_IDLE_CLOSE_S).us == 300 * TFDC_US_PER_S);
  assert_int_equal(set(f, "ingest.idle_close_s", "1500ms"), TFDC_OK);
  assert_true(app_config_dur(&f->c, APP_CONFIG_INGEST_IDLE_CLOSE_S).us == 1500 * TFDC_US_PER_MS);
  assert_int_equal(set(f, "ingest.chunk_bytes", "128KiB"), TFDC_OK);
  assert_true(app_config_bytes(&f->c, APP_CONFIG_INGEST_CHUNK_BYTES) == 131072);
  assert_int_equal(set(f, "judge.memory_mb", "1GiB"), TFDC_OK);
  assert_true(app_config_bytes(&f->c, APP_CONFIG_JUDGE_MEMORY) == 1 << 30);
  assert_int_equal(set(f, "assignment.enabled", "off"), TFDC_OK);
  assert_false(app_config_bool(&f->c, APP_CONFIG_ASSIGNMENT_ENABLED));
}

static void bad_values_are_refused_and_change_nothing(void **state) {
  struct fixture *f = *state;
  static const char *const bad[][2] = {
      {"ingest.max_svids", "0"},
      {"ingest.max_svids", "65537"},
      {"ingest.max_svids", "12x"},
      {"ingest.max_svids", "1.5"},
      {"ingest.max_svids", ""},
      {"ingest.max_svids", "0x10"},
      {"ingest.max_svids", " 7"},
      {"ingest.max_svids", "nan"},
      {"ingest.idle_close_s", "5 parsecs"},
      {"ingest.idle_close_s", "-1"},
      {"ingest.idle_close_s", "1e400"},
      {"ingest.idle_close_s", "2d"},
      {"ingest.chunk_bytes", "1TiB"},
      {"ingest.chunk_bytes", "1KiB"},
      {"assignment.enabled", "perhaps"},
      {"data", ""},
      {"data", "a\nb"},
      {"assignment.weight.threshold", "inf"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    if (set(f, bad[i][0], bad[i][1]) != TFDC_E_CONFIG_VALUE) fail_msg("%s=%s passed", bad[i][0], bad[i][1]);
    assert_non_null(strstr(f->err.msg, bad[i][0]));
  }
  assert_true(app_config_int(&f->c, APP_CONFIG_INGEST_MAX_SVIDS) == 2000);
}

static void an_unknown_key_names_the_nearest(void **state) {
  struct fixture *f = *state;
  assert_int_equal(set(f, "ingest.max_svid", "5"), TFDC_E_CONFIG_KEY);
  assert_string_equal(f->err.msg, "unknown key 'ingest.max_svid'; the nearest is 'ingest.max_svids'");
  assert_int_equal(set(f, "grace_s", "5"), TFDC_E_CONFIG_KEY);
  assert_non_null(strstr(f->err.msg, "'ingest.grace_s'"));
}

static void a_flag_beats_the_environment_beats_the_file(void **state) {
  struct fixture *f = *state;
  const char *path = write_file(f, "ingest:\n  max_svids: 11\n  max_steps: 12\n  max_streams: 13\nhttp.listen: a:1\n");
  char *const env[] = {"TFDC_INGEST_MAX_SVIDS=21", "TFDC_INGEST_MAX_STEPS=22", "HOME=x", NULL};
  char *argv[] = {"tfdc",       "dev",   "--config",        (char *)path, "--ingest.max_svids=31",
                  "--json",     "--set", "log.level=debug", "--",         "--data",
                  "left alone", NULL};
  int argc = 11;
  assert_int_equal(app_config_load(&f->c, &argc, argv, env, &f->err), TFDC_OK);
  assert_true(app_config_int(&f->c, APP_CONFIG_INGEST_MAX_SVIDS) == 31);
  assert_true(app_config_int(&f->c, APP_CONFIG_INGEST_MAX_STEPS) == 22);
  assert_true(app_config_int(&f->c, APP_CONFIG_INGEST_MAX_STREAMS) == 13);
  assert_string_equal(app_config_text(&f->c, APP_CONFIG_HTTP_LISTEN), "a:1");
  assert_string_equal(app_config_text(&f->c, APP_CONFIG_LOG_LEVEL), "debug");
  assert_int_equal(f->c.values[APP_CONFIG_INGEST_MAX_STREAMS].source, APP_CONFIG_FILE);
  assert_non_null(strstr(f->c.values[APP_CONFIG_INGEST_MAX_STREAMS].where, ":4:16"));
  assert_string_equal(f->c.values[APP_CONFIG_INGEST_MAX_STEPS].where, "TFDC_INGEST_MAX_STEPS");
  assert_int_equal(argc, 6);
  static const char *const left[] = {"tfdc", "dev", "--json", "--", "--data", "left alone"};
  for (int i = 0; i < 6; i++) assert_string_equal(argv[i], left[i]);
  assert_null(argv[6]);
}

static void bad_options_are_refused(void **state) {
  struct fixture *f = *state;
  static char *const bad[] = {"--set", "--set=novalue", "--data", "--ingest.listn=x", "--config"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    char *argv[] = {"tfdc", bad[i], NULL};
    int argc = 2;
    assert_int_not_equal(app_config_load(&f->c, &argc, argv, no_env, &f->err), TFDC_OK);
  }
}

static void older_environment_names_are_aliases(void **state) {
  struct fixture *f = *state;
  char *const env[] = {"CACHE_SIZE_MB=50",
                       "NATS_SERVERS=a:4222,b:4222",
                       "COLD_START_WINDOW_SECONDS=31",
                       "POD_NAME=alias",
                       "TFDC_NODE_NAME=own",
                       "ELECTION_TTL_SECONDS=",
                       NULL};
  assert_int_equal(app_config_load_env(&f->c, env, &f->err), TFDC_OK);
  assert_true(app_config_bytes(&f->c, APP_CONFIG_JUDGE_CACHE) == 50 << 20);
  assert_string_equal(app_config_text(&f->c, APP_CONFIG_NATS_SERVERS), "a:4222,b:4222");
  assert_true(app_config_dur(&f->c, APP_CONFIG_ASSIGNMENT_WINDOW_S).us == 31 * TFDC_US_PER_S);
  assert_string_equal(app_config_text(&f->c, APP_CONFIG_NODE_NAME), "own");
  assert_int_equal(f->c.values[APP_CONFIG_ELECTION_TTL_S].source, APP_CONFIG_DEFAULT);
  assert_string_equal(f->c.values[APP_CONFIG_JUDGE_CACHE].where, "CACHE_SIZE_MB");
}

static void a_slip_in_an_environment_name_is_told(void **state) {
  struct fixture *f = *state;
  char *const slip[] = {"TFDC_INGEST_LISTN=x", NULL};
  char *const other[] = {"TFDC_SOMETHING_ELSE_ALTOGETHER=x", NULL};
  assert_int_equal(app_config_load_env(&f->c, slip, &f->err), TFDC_E_CONFIG_KEY);
  assert_non_null(strstr(f->err.msg, "TFDC_INGEST_LISTEN"));
  assert_int_equal(app_config_load_env(&f->c, other, &f->err), TFDC_OK);
}

static void file_errors_have_line_and_column(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *text, *place;
    tfdc_rc rc;
  } bad[] = {
      {"ingest:\n  listn: x\n", ":2:10: unknown key", TFDC_E_CONFIG_KEY},
      {"ingest:\n  max_svids: many\n", ":2:14: ingest.max_svids", TFDC_E_CONFIG_VALUE},
      {"ingest:\n  max_svids: [1]\n", ":2:14: ", TFDC_E_CONFIG_VALUE},
      {"ingest: {max_svids: 1\n", ":2:1: ", TFDC_E_YAML},
      {"data: a\ndata: b\n", ":2:7: this key is there twice", TFDC_E_CONFIG_KEY},
      {"just words\n", ":1:1: ", TFDC_E_YAML},
      {"a: &x b\n", ":1:4: ", TFDC_E_CONFIG_KEY},
      {"data: x\n---\ndata: y\n", ":2:1: ", TFDC_E_YAML},
      {"a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}\n", ": nested too deep", TFDC_E_YAML},
      {"? {a: b}\n: c\n", ":1:3: ", TFDC_E_YAML},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    tfdc_rc rc = app_config_load_file(&f->c, write_file(f, bad[i].text), &f->err);
    if (rc != bad[i].rc || strstr(f->err.msg, bad[i].place) == NULL) fail_msg("%s -> %s", bad[i].text, f->err.msg);
  }
  assert_int_equal(app_config_load_file(&f->c, "/nonexistent/tfdc.yaml", &f->err), TFDC_E_IO);
  assert_int_equal(app_config_load_file(&f->c, write_file(f, "# nothing\n"), &f->err), TFDC_OK);
}

static void a_secret_comes_from_a_file_and_is_never_shown(void **state) {
  struct fixture *f = *state;
  const char *path = write_file(f, "hunter2\n");
  char entry[128];
  (void)snprintf(entry, sizeof entry, "TFDC_HTTP_TOKEN_FILE=%s", path);
  char *const env[] = {entry, NULL};
  assert_int_equal(app_config_load_env(&f->c, env, &f->err), TFDC_OK);
  assert_string_equal(app_config_text(&f->c, APP_CONFIG_HTTP_TOKEN), "hunter2");
  assert_int_equal(set(f, "http.token_file", path), TFDC_OK);
  assert_int_equal(set(f, "http.token_file", "/nonexistent/token"), TFDC_E_IO);
  assert_int_equal(set(f, "http.listen_file", path), TFDC_E_CONFIG_KEY);
  assert_int_equal(set(f, "http.token", "hunter3\x01"), TFDC_E_CONFIG_VALUE);
  assert_null(strstr(f->err.msg, "hunter3"));
  for (int json = 0; json < 2; json++) {
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    assert_int_equal(app_config_print(&f->c, out, json == 1, &f->err), TFDC_OK);
    (void)fclose(out);
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "***"));
    if (json == 1) {
      json_t *list = json_loads(text, 0, NULL);
      assert_int_equal(json_array_size(list), APP_CONFIG_COUNT);
      json_decref(list);
    }
    free(text);
  }
}

static void keys_and_names_are_unique(void **state) {
  (void)state;
  for (int i = 0; i < APP_CONFIG_COUNT; i++)
    for (int j = 0; j < i; j++) {
      assert_string_not_equal(app_config_row((enum app_config_id)i)->key, app_config_row((enum app_config_id)j)->key);
      assert_string_not_equal(app_config_row((enum app_config_id)i)->env, app_config_row((enum app_config_id)j)->env);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(defaults_have_their_units),
      T(units_are_read),
      T(bad_values_are_refused_and_change_nothing),
      T(an_unknown_key_names_the_nearest),
      T(a_flag_beats_the_environment_beats_the_file),
      T(bad_options_are_refused),
      T(older_environment_names_are_aliases),
      T(a_slip_in_an_environment_name_is_told),
      T(file_errors_have_line_and_column),
      T(a_secret_comes_from_a_file_and_is_never_shown),
      T(keys_and_names_are_unique),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
