/* SPDX-License-Identifier: Apache-2.0
 * The one list of errors. A row gives the enum, the text, the class, the page docs/errors.md and the codes that hubs,
 * HTTP clients and operators see. Numbers are part of the API: never reuse one, add at the end of a group.
 *
 * X(NAME, number, CLASS, "what happened", "what to do next") */
#ifndef BASE_ERR_LIST_H
#define BASE_ERR_LIST_H

/* Y(CLASS, what a message handler does, gRPC status, HTTP status, metric label) */
#define TFDC_CLASS_LIST(Y)                                                                                             \
  Y(OK, ACK, 0, 200, "ok")                                                                                             \
  Y(BUSY, RETRY, 8, 429, "busy")                                                                                       \
  Y(IO, RETRY, 14, 503, "io")                                                                                          \
  Y(CONTENT, TERMINATE, 3, 400, "content")                                                                             \
  Y(LIMIT, TERMINATE, 8, 413, "limit")                                                                                 \
  Y(CONFLICT, TERMINATE, 10, 409, "conflict")                                                                          \
  Y(NOT_FOUND, TERMINATE, 5, 404, "not_found")                                                                         \
  Y(USAGE, TERMINATE, 3, 400, "usage")                                                                                 \
  Y(AUTH, TERMINATE, 7, 403, "auth")                                                                                   \
  Y(CANCELLED, RETRY, 1, 499, "cancelled")                                                                             \
  Y(INTERNAL, RETRY, 13, 500, "internal")

#define TFDC_ERR_LIST(X)                                                                                               \
  X(OK, 0, OK, "ok", "")                                                                                               \
  /* the machine and the servers */                                                                                    \
  X(NOMEM, 1, BUSY, "out of memory", "give the process more memory or lower the memory limits")                        \
  X(BUSY, 2, BUSY, "too many requests in flight", "wait and send again")                                               \
  X(IO, 3, IO, "input or output failed", "look at the system error in the message")                                    \
  X(TIMEOUT, 4, IO, "no answer in time", "check that the peer is up and reachable")                                    \
  X(UNAVAILABLE, 5, IO, "the peer is unavailable", "check that the peer is up and reachable")                          \
  X(CANCELLED, 6, CANCELLED, "cancelled", "nothing: the caller gave up or the program stops")                          \
  X(CLOSED, 7, CANCELLED, "closed", "nothing: the program stops")                                                      \
  X(DISK_FULL, 8, IO, "the disk is full", "free space; what was acked is safe and ingest goes on by itself")           \
  X(DISK_FLOOR, 9, BUSY, "free disk space is below the floor", "free space or lower store.free_floor_mb")              \
  X(INTERNAL, 10, INTERNAL, "internal error", "please report it with the log lines around it")                         \
  /* how a thing was asked for */                                                                                      \
  X(USAGE, 20, USAGE, "wrong use", "see --help")                                                                       \
  X(CONFIG_KEY, 21, USAGE, "unknown configuration key", "run `tfdc config` for the list of keys")                      \
  X(CONFIG_VALUE, 22, USAGE, "bad configuration value", "see docs/configuration.md for the range of the key")          \
  X(NOT_FOUND, 23, NOT_FOUND, "not found", "check the name or id; `tfdc runs` and `tfdc charts` list what there is")   \
  X(EXISTS, 24, CONFLICT, "exists already", "choose another name or update the existing one")                          \
  X(REVISION, 25, CONFLICT, "somebody else changed it first", "read it again and repeat the change")                   \
  X(LOCKED, 26, CONFLICT, "in use by another process", "stop the other process or use its HTTP API (--server)")        \
  X(SCHEMA, 27, CONFLICT, "written by a newer release", "use that release or a newer one")                             \
  X(AUTH, 28, AUTH, "not allowed", "check the certificate or the token")                                               \
  X(UNSUPPORTED, 29, CONTENT, "not supported", "see the documentation of the format")                                  \
  X(CONFLICT, 30, CONFLICT, "contradicts what is there", "see the message for both sides")                             \
  /* bytes from outside */                                                                                             \
  X(TRUNCATED, 40, CONTENT, "ends too early", "send it whole")                                                         \
  X(MALFORMED, 41, CONTENT, "malformed", "check the sender against the format's description")                          \
  X(CORRUPT, 42, CONTENT, "checksum or digest does not match",                                                         \
    "check the disk; the run is marked NOT_JUDGED(CORRUPT)")                                                           \
  X(RANGE, 43, CONTENT, "value out of range", "see the limits of the field")                                           \
  X(LIMIT, 44, LIMIT, "over a limit", "see docs/configuration.md for the limit")                                       \
  X(BAD_ID, 45, CONTENT, "bad identifier", "ids match [A-Za-z0-9_-]{1,64}")                                            \
  X(BAD_TEXT, 46, CONTENT, "bad text", "text is UTF-8 of at most 256 bytes without control characters")                \
  /* answers to hubs (the codes of reject) */                                                                          \
  X(NO_HELLO, 60, USAGE, "the stream did not begin with a hello", "send hello first")                                  \
  X(BLOCK_TOO_LARGE, 61, LIMIT, "block too large", "send smaller blocks (ingest.max_block_points)")                    \
  X(UNKNOWN_SVID, 62, CONTENT, "SVID is not in the dictionary", "add it to the hello's dictionary")                    \
  X(TIME_BACKWARDS, 63, CONTENT, "time does not rise", "time stamps of an SVID rise strictly within a run")            \
  X(TOO_LATE, 64, CONTENT, "samples after the grace period", "send samples within ingest.grace_s of the run's end")    \
  X(RUN_UNKNOWN, 65, NOT_FOUND, "no such run", "send run start first")                                                 \
  X(RUN_CONFLICT, 66, CONFLICT, "the run exists with other content", "use a new run id for a new run")                 \
  X(RUN_CLOSED, 67, CONFLICT, "the run is closed", "send an amendment, or samples within the grace period")            \
  X(TOO_MANY_SVIDS, 68, LIMIT, "too many SVIDs", "split the run or raise ingest.max_svids")                            \
  X(TOO_MANY_POINTS, 69, LIMIT, "too many points in the run", "split the run or raise ingest.max_run_points")          \
  X(TOO_MANY_RUNS, 70, LIMIT, "too many open runs of this hub", "end runs or raise ingest.max_open_runs")              \
  X(TOO_MANY_STREAMS, 71, BUSY, "too many streams", "use one stream per hub")                                          \
  X(MEMORY_BUDGET, 72, BUSY, "the memory for open runs is used up", "wait; the stream is read again by itself")        \
  X(DRAINING, 73, IO, "the collector is stopping", "connect again; resend what was not acked")                         \
  X(SEQ, 74, CONTENT, "bad sequence number", "sequence numbers of a run begin at 1 and rise")                          \
  X(TOO_MANY_STEPS, 75, LIMIT, "too many steps or events in the run", "send fewer (ingest.max_steps)")                 \
  X(NOT_DURABLE, 76, IO, "could not be stored", "resend; the collector waits for its store")                           \
  /* equations and definitions */                                                                                      \
  X(EQ_SYNTAX, 90, USAGE, "equation: syntax", "see docs/eq-functions.md")                                              \
  X(EQ_NAME, 91, USAGE, "equation: unknown name", "see the nearest name in the message")                               \
  X(EQ_TYPE, 92, USAGE, "equation: type", "see docs/eq-functions.md for what the function takes")                      \
  X(EQ_UNIT, 93, USAGE, "equation: unit", "bring both sides to the same dimension")                                    \
  X(EQ_COST, 94, USAGE, "equation: too costly", "simplify the equation or narrow its windows")                         \
  X(YAML, 95, USAGE, "YAML: syntax", "see the line and column in the message")                                         \
  X(DEFINITION, 96, USAGE, "bad definition", "see the line and column in the message")                                 \
  X(CSV, 97, CONTENT, "CSV: bad line", "see the line number in the message")                                           \
  X(LEARN, 98, USAGE, "cannot learn", "give more good runs of the same recipe")

#endif
