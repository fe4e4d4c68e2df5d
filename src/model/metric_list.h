/* SPDX-License-Identifier: Apache-2.0
 * The one table of metrics: a row gives the id in code, the name, type, labels and help in /metrics, and the line in
 * docs/metrics.md. Histograms are in seconds. Names are never reused for something else.
 *
 * X(ID, "prometheus_name", TYPE, "unit", "label names, up to 3, separated by a blank", "help") */
#ifndef MODEL_METRIC_LIST_H
#define MODEL_METRIC_LIST_H

#define MODEL_METRIC_LIST(X)                                                                                           \
  /* ingest, I1-I9 */                                                                                                  \
  X(INGEST_MESSAGES, "tfdc_ingest_messages_total", COUNTER, "messages", "kind", "messages of hubs, by kind")           \
  X(INGEST_BLOCKS, "tfdc_ingest_blocks_total", COUNTER, "blocks", "", "blocks taken in")                               \
  X(INGEST_POINTS, "tfdc_ingest_points_total", COUNTER, "points", "", "points taken in")                               \
  X(INGEST_BYTES, "tfdc_ingest_bytes_total", COUNTER, "bytes", "", "bytes of hub messages, after decompression")       \
  X(INGEST_MISSING_READINGS, "tfdc_ingest_missing_readings_total", COUNTER, "points", "", "NaN and Inf readings")      \
  X(INGEST_REJECTS, "tfdc_ingest_rejects_total", COUNTER, "messages", "code", "rejected messages, by error code")      \
  X(INGEST_DUPLICATES, "tfdc_ingest_duplicates_total", COUNTER, "messages", "",                                        \
    "messages that a hub sent again although they were known")                                                         \
  X(INGEST_RETRIES, "tfdc_ingest_retries_total", COUNTER, "requests", "class",                                         \
    "store and publish requests of the collector that are repeated, by error class")                                   \
  X(INGEST_ACKS, "tfdc_ingest_acks_total", COUNTER, "acks", "kind", "acks sent: start, block, end")                    \
  X(INGEST_ACK_LATENCY, "tfdc_ingest_ack_seconds", HISTOGRAM, "seconds", "",                                           \
    "receipt of the first block of a chunk to its ack")                                                                \
  X(INGEST_OPEN_RUNS, "tfdc_ingest_open_runs", GAUGE, "runs", "", "runs open now")                                     \
  X(INGEST_STREAMS, "tfdc_ingest_streams", GAUGE, "streams", "", "hub streams open now")                               \
  X(INGEST_STREAMS_ENDED, "tfdc_ingest_streams_ended_total", COUNTER, "streams", "reason", "ended streams, by reason") \
  X(INGEST_CONNECTIONS, "tfdc_ingest_connections", GAUGE, "connections", "", "connections that carry hub streams")     \
  X(INGEST_REFUSED, "tfdc_ingest_refused_total", COUNTER, "connections", "reason",                                     \
    "connections and streams refused, by limit")                                                                       \
  X(INGEST_MEMORY, "tfdc_ingest_memory_bytes", GAUGE, "bytes", "", "memory in use by open runs")                       \
  X(INGEST_PAUSED, "tfdc_ingest_paused", GAUGE, "", "reason",                                                          \
    "1 while streams are not read: memory, disk_floor, store")                                                         \
  X(INGEST_LISTENER_RESTARTS, "tfdc_ingest_listener_restarts_total", COUNTER, "restarts", "",                          \
    "times the watchdog replaced a dead listener")                                                                     \
  X(INGEST_TLS_RELOADS, "tfdc_ingest_tls_reloads_total", COUNTER, "reloads", "result", "certificate reloads")          \
  X(CHUNKS, "tfdc_chunks_stored_total", COUNTER, "chunks", "reason",                                                   \
    "T-chart chunks stored, by why they were cut: size, age, end, drain, memory")                                      \
  X(CHUNK_BYTES, "tfdc_chunk_bytes_total", COUNTER, "bytes", "", "encoded bytes of stored chunks")                     \
  X(CHUNK_POINTS, "tfdc_chunk_points_total", COUNTER, "points", "", "points in stored chunks")                         \
  X(CHUNK_ENCODE, "tfdc_chunk_encode_seconds", HISTOGRAM, "seconds", "", "time to encode one chunk")                   \
  X(RUNS_STARTED, "tfdc_runs_started_total", COUNTER, "runs", "", "runs begun")                                        \
  X(RUNS_CLOSED, "tfdc_runs_closed_total", COUNTER, "runs", "reason", "runs closed: complete, abort, unknown")         \
  X(RUNS_REOPENED, "tfdc_runs_reopened_total", COUNTER, "runs", "reason", "closed runs opened again: late, amended")   \
  X(RUNS_ADOPTED, "tfdc_runs_adopted_total", COUNTER, "runs", "", "open runs continued after a start")                 \
  X(COMPLETIONS, "tfdc_completions_published_total", COUNTER, "messages", "kind",                                      \
    "completions published: first, recovery, sweep")                                                                   \
  /* judging, J1-J8; the names that rollout gates and alerts of the field already use begin with defender_ */          \
  X(MESSAGES_RECEIVED, "defender_messages_received_total", COUNTER, "messages", "", "completions delivered")           \
  X(MESSAGES_PROCESSED, "defender_messages_processed_total", COUNTER, "messages", "status",                            \
    "completions acked: judged, duplicate (also of an older revision)")                                                \
  X(MESSAGES_FAILED, "defender_messages_failed_total", COUNTER, "messages", "class",                                   \
    "attempts that failed, by error class")                                                                            \
  X(PROCESS_TIME, "defender_process_time_seconds", HISTOGRAM, "seconds", "", "delivery of a completion to its ack")    \
  X(UCHART_TIME, "defender_uchart_calculation_duration_seconds", HISTOGRAM, "seconds", "", "all equations of one run") \
  X(DEFENDER_STATE, "defender_state", GAUGE, "", "state", "1 for the state that the defender is in")                   \
  X(DEFENDER_VERSION, "defender_version", GAUGE, "", "version", "1 for the running version")                           \
  X(DEFENDER_ASSIGNED, "defender_assigned_chambers", GAUGE, "chambers", "", "chambers that this defender judges")      \
  X(DEFENDER_SHUTDOWNS, "defender_shutdowns_total", COUNTER, "shutdowns", "", "orderly shutdowns begun")               \
  X(DEFENDER_SHUTDOWN_TIME, "defender_shutdown_duration_seconds", HISTOGRAM, "seconds", "", "length of a shutdown")    \
  X(DEFENDER_SHUTDOWN_INFLIGHT, "defender_inflight_messages_at_shutdown", GAUGE, "messages", "",                       \
    "completions in flight when the shutdown began")                                                                   \
  X(RUNS_JUDGED, "tfdc_runs_judged_total", COUNTER, "runs", "verdict", "runs judged, by verdict")                      \
  X(RUNS_NOT_JUDGED, "tfdc_runs_not_judged_total", COUNTER, "runs", "reason", "runs NOT_JUDGED, by reason")            \
  X(RUNS_LATE, "tfdc_runs_late_total", COUNTER, "runs", "", "runs judged after a later one of their chamber")          \
  X(POINTS_JUDGED, "tfdc_points_judged_total", COUNTER, "points", "verdict", "points of U-charts, by verdict")         \
  X(POINTS_NOT_JUDGED, "tfdc_points_not_judged_total", COUNTER, "points", "reason",                                    \
    "points of U-charts that are NOT_JUDGED, by reason")                                                               \
  X(JUDGE_LATENCY, "tfdc_judge_latency_seconds", HISTOGRAM, "seconds", "", "receipt of the run's end to its verdict")  \
  X(JUDGE_STAGE, "tfdc_judge_stage_seconds", HISTOGRAM, "seconds", "stage",                                            \
    "time of one stage: fetch, history, compute, store, alarm, verdict, ack")                                          \
  X(JUDGE_QUEUE, "tfdc_judge_queue_depth", GAUGE, "messages", "", "completions waiting to be judged")                  \
  X(JUDGE_IN_FLIGHT, "tfdc_judge_in_flight", GAUGE, "messages", "", "completions being judged")                        \
  X(CLOSED_UNJUDGED, "contexts_closed_unjudged", GAUGE, "runs", "",                                                    \
    "runs closed more than two minutes ago without a verdict")                                                         \
  X(SWEEP_REPUBLISHED, "tfdc_sweep_republished_total", COUNTER, "messages", "",                                        \
    "completions that the sweep sent again")                                                                           \
  X(DEAD_LETTERS, "tfdc_dead_letters_total", COUNTER, "messages", "code", "completions put aside, by error code")      \
  X(DEFINITIONS_UNREADABLE, "tfdc_definitions_unreadable", GAUGE, "definitions", "",                                   \
    "strategies and limit sets in the store that cannot be read: nothing is judged by them")                           \
  X(ALARMS, "tfdc_alarms_total", COUNTER, "alarms", "reason",                                                          \
    "alarm changes, by reason: OOC, ACTION, MISSING_STEP ...")                                                         \
  X(ALARMS_OPEN, "tfdc_alarms_open", GAUGE, "alarms", "", "alarms open now")                                           \
  /* `tfdc replay --metrics FILE` */                                                                                   \
  X(REPLAY_LINES, "tfdc_replay_lines_total", COUNTER, "lines", "result",                                               \
    "lines of a replayed file: used, dropped by the map, bad")                                                         \
  X(REPLAY_RUNS, "tfdc_replay_runs_total", COUNTER, "runs", "result",                                                  \
    "runs of a replayed file: sent, refused by the collector")                                                         \
  /* the store and the process */                                                                                      \
  X(STORE_LATENCY, "tfdc_store_seconds", HISTOGRAM, "seconds", "operation", "time of store requests, by operation")    \
  X(STORE_ERRORS, "tfdc_store_errors_total", COUNTER, "requests", "operation class",                                   \
    "failed store requests, by operation and error class")                                                             \
  X(STORE_IN_FLIGHT, "tfdc_store_in_flight", GAUGE, "requests", "", "store requests begun and not completed")          \
  X(STORE_BYTES, "tfdc_store_size_bytes", GAUGE, "bytes", "", "size of the store's files")                             \
  X(STORE_FREE, "tfdc_store_free_bytes", GAUGE, "bytes", "", "free bytes on the store's disk")                         \
  X(RETENTION_DELETED, "tfdc_retention_deleted_total", COUNTER, "rows", "table", "rows deleted for their age")         \
  X(QUEUE_MESSAGES, "tfdc_queue_messages", GAUGE, "messages", "stream", "messages in the embedded queue")              \
  X(HTTP_REQUESTS, "tfdc_http_requests_total", COUNTER, "requests", "route status", "HTTP requests")                   \
  X(HTTP_LATENCY, "tfdc_http_request_seconds", HISTOGRAM, "seconds", "route", "time of HTTP requests")                 \
  X(HTTP_CONNECTIONS, "tfdc_http_connections", GAUGE, "connections", "", "HTTP connections open")                      \
  X(HTTP_CLOSED, "tfdc_http_connections_closed_total", COUNTER, "connections", "reason",                               \
    "HTTP connections ended by the server: limit (too many are open), timeout (a slow client)")                        \
  X(INBOX_DEPTH, "tfdc_inbox_depth", GAUGE, "messages", "owner", "messages waiting in a thread's inbox")               \
  X(BUILD, "tfdc_build_info", GAUGE, "", "version", "1 for the running version")                                       \
  X(START_TIME, "process_start_time_seconds", GAUGE, "seconds", "", "start of the process since the Unix epoch")       \
  X(RSS, "process_resident_memory_bytes", GAUGE, "bytes", "", "resident memory")                                       \
  X(OPEN_FDS, "process_open_fds", GAUGE, "descriptors", "", "open file descriptors")                                   \
  X(METRICS_DROPPED, "tfdc_metrics_dropped_label_sets_total", COUNTER, "label sets", "metric",                         \
    "label sets over the limit of a metric, counted under \"other\"")

enum model_metric {
#define X(id, name, type, unit, labels, help) MODEL_METRIC_##id,
  MODEL_METRIC_LIST(X)
#undef X
      MODEL_METRIC_COUNT
};
enum model_metric_type { MODEL_METRIC_COUNTER, MODEL_METRIC_GAUGE, MODEL_METRIC_HISTOGRAM };

/* Upper bounds of the buckets of all histograms, in seconds; +Inf follows. */
#define MODEL_METRIC_BUCKETS(B)                                                                                        \
  B(0.0001)                                                                                                            \
  B(0.0002)                                                                                                            \
  B(0.0005) B(0.001) B(0.002) B(0.005) B(0.01) B(0.02) B(0.05) B(0.1) B(0.2) B(0.5) B(1) B(2) B(5) B(10) B(20) B(60)

#endif
