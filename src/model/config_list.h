/* SPDX-License-Identifier: Apache-2.0
 * The one table of configuration keys: a row gives the key in YAML and on the command line, its environment variable,
 * its range, and its line in docs/configuration.md.
 *
 * X(ID, "yaml.path", TYPE, "default", min, max, "TFDC_ENVIRONMENT", "other environment names", "help")
 * TYPE: BOOL; INT, FLOAT in [min, max]; DUR and SIZE: a number in the unit that ends the key (_s, _ms, _days, _mb,
 * _bytes) or with its own (300s, 5m, 2h, 7d, 250ms; 64KiB, 4MiB, 1GiB), the range in the key's unit; TEXT, PATH,
 * SECRET: length in [min, max] bytes. A SECRET may also be given as <key>_file or <ENVIRONMENT>_FILE. */
#ifndef MODEL_CONFIG_LIST_H
#define MODEL_CONFIG_LIST_H

#define MODEL_CONFIG_LIST(X)                                                                                           \
  /* the process */                                                                                                    \
  X(DATA, "data", PATH, "tfdc.db", 1, 4096, "TFDC_DATA", "", "the SQLite file: store, queue and key-value data")       \
  X(NODE_NAME, "node.name", TEXT, "", 0, 64, "TFDC_NODE_NAME", "POD_NAME",                                             \
    "name of this process in logs and verdicts; empty: host name")                                                     \
  X(LOG_LEVEL, "log.level", TEXT, "info", 1, 8, "TFDC_LOG_LEVEL", "", "debug, info, warn or error")                    \
  X(DRAIN_S, "shutdown.drain_s", DUR, "20", 0, 600, "TFDC_SHUTDOWN_DRAIN_S", "",                                       \
    "after SIGTERM: at most so long to finish what is in flight")                                                      \
  /* ingest: where hubs connect */                                                                                     \
  X(INGEST_LISTEN, "ingest.listen", TEXT, "127.0.0.1:50051", 1, 256, "TFDC_INGEST_LISTEN", "",                         \
    "address for hubs (gRPC); port 0: any free one")                                                                   \
  X(INGEST_TLS_CERT, "ingest.tls.cert", PATH, "", 0, 4096, "TFDC_INGEST_TLS_CERT", "",                                 \
    "PEM certificate chain; with it hubs must use TLS")                                                                \
  X(INGEST_TLS_KEY, "ingest.tls.key", PATH, "", 0, 4096, "TFDC_INGEST_TLS_KEY", "", "PEM private key")                 \
  X(INGEST_TLS_CA, "ingest.tls.ca", PATH, "", 0, 4096, "TFDC_INGEST_TLS_CA", "",                                       \
    "PEM roots that sign the hubs' certificates; with it hubs must show one")                                          \
  X(INGEST_SHARDS, "ingest.shards", INT, "0", 0, 64, "TFDC_INGEST_SHARDS", "",                                         \
    "loop threads that own the chambers; 0: by the number of cores")                                                   \
  X(INGEST_MAX_MESSAGE, "ingest.max_message_bytes", SIZE, "4MiB", 4096, 67108864, "TFDC_INGEST_MAX_MESSAGE_BYTES", "", \
    "largest message of a hub; a larger block is rejected, one 4 times as large ends the stream")                      \
  X(INGEST_MAX_BLOCK_POINTS, "ingest.max_block_points", INT, "65536", 1, 4194304, "TFDC_INGEST_MAX_BLOCK_POINTS", "",  \
    "points in one block")                                                                                             \
  X(INGEST_MAX_SVIDS, "ingest.max_svids", INT, "2000", 1, 65536, "TFDC_INGEST_MAX_SVIDS", "",                          \
    "SVIDs in a dictionary and in a run")                                                                              \
  X(INGEST_MAX_RUN_POINTS, "ingest.max_run_points", INT, "20000000", 1, 2000000000, "TFDC_INGEST_MAX_RUN_POINTS", "",  \
    "points in one run")                                                                                               \
  X(INGEST_MAX_OPEN_RUNS, "ingest.max_open_runs", INT, "64", 1, 4096, "TFDC_INGEST_MAX_OPEN_RUNS", "",                 \
    "runs that one hub may have open")                                                                                 \
  X(INGEST_MAX_STEPS, "ingest.max_steps", INT, "10000", 1, 1000000, "TFDC_INGEST_MAX_STEPS", "",                       \
    "steps and events in one run")                                                                                     \
  X(INGEST_MAX_STREAMS, "ingest.max_streams", INT, "4096", 1, 65536, "TFDC_INGEST_MAX_STREAMS", "",                    \
    "streams open at once")                                                                                            \
  X(INGEST_MAX_CONNECTIONS, "ingest.max_connections", INT, "4096", 1, 65536, "TFDC_INGEST_MAX_CONNECTIONS", "",        \
    "connections that carry hub streams at once; others end after 5 idle minutes")                                     \
  X(INGEST_MEMORY, "ingest.memory_mb", SIZE, "512", 16, 1048576, "TFDC_INGEST_MEMORY_MB", "",                          \
    "memory for all open runs; while it is used up no stream is read")                                                 \
  X(INGEST_CHUNK_BYTES, "ingest.chunk_bytes", SIZE, "65536", 4096, 16777216, "TFDC_INGEST_CHUNK_BYTES", "",            \
    "a chunk is stored at this encoded size")                                                                          \
  X(INGEST_CHUNK_AGE_S, "ingest.chunk_age_s", DUR, "30", 1, 3600, "TFDC_INGEST_CHUNK_AGE_S", "", "or at this age")     \
  X(INGEST_IDLE_CLOSE_S, "ingest.idle_close_s", DUR, "300", 1, 86400, "TFDC_INGEST_IDLE_CLOSE_S", "",                  \
    "a run without an end is closed after so long without samples, counted while its hub could send")                  \
  X(INGEST_GRACE_S, "ingest.grace_s", DUR, "600", 0, 86400, "TFDC_INGEST_GRACE_S", "",                                 \
    "late samples are taken so long after a run's end")                                                                \
  X(INGEST_KEEP_S, "ingest.keep_s", DUR, "120", 1, 86400, "TFDC_INGEST_KEEP_S", "",                                    \
    "hubs are told to keep what is not acked at least so long")                                                        \
  X(INGEST_KEEP_MB, "ingest.keep_mb", SIZE, "64", 1, 65536, "TFDC_INGEST_KEEP_MB", "", "and at least so much of it")   \
  /* the HTTP API and the pages for people */                                                                          \
  X(HTTP_LISTEN, "http.listen", TEXT, "127.0.0.1:8080", 1, 256, "TFDC_HTTP_LISTEN", "",                                \
    "address of the HTTP API; port 0: any free one")                                                                   \
  X(HTTP_TOKEN, "http.token", SECRET, "", 0, 4096, "TFDC_HTTP_TOKEN", "",                                              \
    "bearer token that writes must carry; empty: writes from this host only")                                          \
  X(HTTP_MAX_CONNECTIONS, "http.max_connections", INT, "256", 1, 65536, "TFDC_HTTP_MAX_CONNECTIONS", "",               \
    "HTTP connections open at once")                                                                                   \
  X(HTTP_MAX_BODY, "http.max_body_bytes", SIZE, "4MiB", 1024, 67108864, "TFDC_HTTP_MAX_BODY_BYTES", "",                \
    "largest request body")                                                                                            \
  /* the store */                                                                                                      \
  X(STORE_FREE_FLOOR, "store.free_floor_mb", SIZE, "256", 0, 1048576, "TFDC_STORE_FREE_FLOOR_MB", "",                  \
    "below so much free disk ingest waits and says so, until there is an eighth more")                                 \
  X(STORE_RETENTION_TCHART, "store.retention_tchart_days", DUR, "3", 1, 3650, "TFDC_STORE_RETENTION_TCHART_DAYS", "",  \
    "T-charts are kept so long after they were stored")                                                                \
  X(STORE_RETENTION_UCHART, "store.retention_uchart_days", DUR, "365", 1, 36500, "TFDC_STORE_RETENTION_UCHART_DAYS",   \
    "", "U-charts, verdicts and alarms are kept so long")                                                              \
  X(STORE_READERS, "store.readers", INT, "2", 1, 64, "TFDC_STORE_READERS", "", "threads that read the store")          \
  /* judging */                                                                                                        \
  X(JUDGE_WORKERS, "judge.workers", INT, "0", 0, 256, "TFDC_JUDGE_WORKERS", "",                                        \
    "threads that compute; 0: by the number of cores")                                                                 \
  X(JUDGE_MEMORY, "judge.memory_mb", SIZE, "256", 8, 65536, "TFDC_JUDGE_MEMORY_MB", "",                                \
    "memory of one job; a larger run is NOT_JUDGED(TOO_LARGE)")                                                        \
  X(JUDGE_CACHE, "judge.cache_mb", SIZE, "100", 0, 65536, "TFDC_JUDGE_CACHE_MB", "CACHE_SIZE_MB",                      \
    "memory of the history cache")                                                                                     \
  X(JUDGE_TIMEOUT_S, "judge.timeout_s", DUR, "5", 1, 600, "TFDC_JUDGE_TIMEOUT_S", "PROCESS_TIMEOUT_SECONDS",           \
    "a completion that takes longer is reported in progress to the queue")                                             \
  X(JUDGE_MAX_IN_FLIGHT, "judge.max_in_flight", INT, "10", 1, 4096, "TFDC_JUDGE_MAX_IN_FLIGHT",                        \
    "MAX_CONCURRENT_MESSAGES", "completions taken from the queue and not yet acked, at most")                          \
  X(JUDGE_SWEEP_S, "judge.sweep_s", DUR, "60", 1, 86400, "TFDC_JUDGE_SWEEP_S", "",                                     \
    "how often the store is searched for closed runs without a verdict")                                               \
  /* the cluster roles; `tfdc dev` checks and shows them and needs none of them */                                     \
  X(NATS_SERVERS, "nats.servers", TEXT, "", 0, 1024, "TFDC_NATS_SERVERS", "NATS_SERVERS",                              \
    "servers, separated by commas")                                                                                    \
  X(NATS_STREAM, "nats.stream", TEXT, "dc-notifications", 1, 64, "TFDC_NATS_STREAM", "NATS_STREAM_NAME",               \
    "stream of completions")                                                                                           \
  X(NATS_KV_ASSIGNMENTS, "nats.kv_assignments", TEXT, "defender-assignments", 1, 64, "TFDC_NATS_KV_ASSIGNMENTS",       \
    "NATS_KV_ASSIGNMENTS", "bucket of the assignment map")                                                             \
  X(NATS_KV_HEARTBEATS, "nats.kv_heartbeats", TEXT, "defender-heartbeats", 1, 64, "TFDC_NATS_KV_HEARTBEATS",           \
    "NATS_KV_HEARTBEATS", "bucket of heartbeats")                                                                      \
  X(NATS_KV_STABLE_IDS, "nats.kv_stable_ids", TEXT, "stable-ids", 1, 64, "TFDC_NATS_KV_STABLE_IDS",                    \
    "NATS_KV_STABLE_IDS", "bucket of claimed ids")                                                                     \
  X(CASSANDRA_HOSTS, "cassandra.hosts", TEXT, "", 0, 1024, "TFDC_CASSANDRA_HOSTS", "CASSANDRA_HOSTS",                  \
    "contact points, separated by commas")                                                                             \
  X(CASSANDRA_KEYSPACE, "cassandra.keyspace", TEXT, "defense_system", 1, 48, "TFDC_CASSANDRA_KEYSPACE",                \
    "CASSANDRA_KEYSPACE", "keyspace")                                                                                  \
  X(CASSANDRA_CONSISTENCY, "cassandra.consistency", TEXT, "LOCAL_QUORUM", 1, 32, "TFDC_CASSANDRA_CONSISTENCY",         \
    "CASSANDRA_CONSISTENCY", "consistency of U-charts and contexts")                                                   \
  X(ELECTION_AGENT, "election.agent", TEXT, "", 0, 256, "TFDC_ELECTION_AGENT", "ELECTION_AGENT_ADDR",                  \
    "address of the election agent")                                                                                   \
  X(ELECTION_TTL_S, "election.ttl_s", DUR, "10", 1, 600, "TFDC_ELECTION_TTL_S", "ELECTION_TTL_SECONDS",                \
    "how long a leader holds without renewal")                                                                         \
  X(MAX_DEFENDERS, "defender.max", INT, "200", 1, 10000, "TFDC_DEFENDER_MAX", "MAX_DEFENDERS",                         \
    "stable ids in the pool")                                                                                          \
  X(HEARTBEAT_S, "defender.heartbeat_s", DUR, "2", 1, 60, "TFDC_DEFENDER_HEARTBEAT_S", "HEARTBEAT_INTERVAL_SECONDS",   \
    "interval of heartbeats")                                                                                          \
  X(POD_UID, "node.uid", TEXT, "", 0, 64, "TFDC_NODE_UID", "POD_UID", "instance id in claims")                         \
  X(POD_NAMESPACE, "node.namespace", TEXT, "", 0, 64, "TFDC_NODE_NAMESPACE", "POD_NAMESPACE", "namespace in logs")     \
  X(ASSIGNMENT_ENABLED, "assignment.enabled", BOOL, "true", 0, 1, "TFDC_ASSIGNMENT_ENABLED",                           \
    "ASSIGNMENT_CONTROLLER_ENABLED", "the elected defender assigns chambers")                                          \
  X(ASSIGNMENT_WINDOW_S, "assignment.stabilization_window_s", DUR, "30", 0, 600,                                       \
    "TFDC_ASSIGNMENT_STABILIZATION_WINDOW_S", "ASSIGNMENT_STABILIZATION_WINDOW_SECONDS COLD_START_WINDOW_SECONDS",     \
    "window of a cold start")                                                                                          \
  X(ASSIGNMENT_SCALE_WINDOW_S, "assignment.scale_window_s", DUR, "10", 0, 600, "TFDC_ASSIGNMENT_SCALE_WINDOW_S",       \
    "SCALE_WINDOW_SECONDS", "window of a planned change")                                                              \
  X(ASSIGNMENT_CRASH_IMMEDIATE, "assignment.crash_immediate", BOOL, "true", 0, 1, "TFDC_ASSIGNMENT_CRASH_IMMEDIATE",   \
    "CRASH_IMMEDIATE", "chambers of a crashed defender move at once")                                                  \
  X(ASSIGNMENT_VNODES, "assignment.vnodes", INT, "200", 1, 10000, "TFDC_ASSIGNMENT_VNODES", "ASSIGNMENT_VNODE_COUNT",  \
    "points of a defender on the hash ring")                                                                           \
  X(WEIGHT_ENABLED, "assignment.weight.enabled", BOOL, "true", 0, 1, "TFDC_ASSIGNMENT_WEIGHT_ENABLED",                 \
    "WEIGHT_REBALANCE_ENABLED", "even out the load of defenders")                                                      \
  X(WEIGHT_THRESHOLD, "assignment.weight.threshold", FLOAT, "0.20", 0.01, 1, "TFDC_ASSIGNMENT_WEIGHT_THRESHOLD",       \
    "WEIGHT_REBALANCE_THRESHOLD", "allowed distance from the mean load")                                               \
  X(WEIGHT_ITERATIONS, "assignment.weight.max_iterations", INT, "5", 1, 100, "TFDC_ASSIGNMENT_WEIGHT_MAX_ITERATIONS",  \
    "WEIGHT_REBALANCE_MAX_ITERATIONS", "rounds of evening out")                                                        \
  X(WEIGHT_CACHE_TTL_S, "assignment.weight.cache_ttl_s", DUR, "3600", 1, 604800, "TFDC_ASSIGNMENT_WEIGHT_CACHE_TTL_S", \
    "WEIGHT_CACHE_TTL_SECONDS", "age at which weights are read again")                                                 \
  X(WEIGHT_UPDATE_S, "assignment.weight.update_s", DUR, "86400", 60, 604800, "TFDC_ASSIGNMENT_WEIGHT_UPDATE_S",        \
    "WEIGHT_UPDATE_INTERVAL_SECONDS", "how often weights are computed")                                                \
  X(SUBSCRIPTION_TIMEOUT_S, "subscription.timeout_s", DUR, "30", 1, 600, "TFDC_SUBSCRIPTION_TIMEOUT_S",                \
    "SUBSCRIPTION_UPDATE_TIMEOUT_SECONDS", "time for one change of subscriptions")                                     \
  X(SUBSCRIPTION_RETRIES, "subscription.retries", INT, "3", 0, 100, "TFDC_SUBSCRIPTION_RETRIES",                       \
    "SUBSCRIPTION_UPDATE_RETRY_ATTEMPTS", "tries before it is reported")                                               \
  X(SUBSCRIPTION_BACKOFF_S, "subscription.backoff_s", DUR, "2", 0, 600, "TFDC_SUBSCRIPTION_BACKOFF_S",                 \
    "SUBSCRIPTION_UPDATE_BACKOFF_SECONDS", "pause between tries")

#endif
