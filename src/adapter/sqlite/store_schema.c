/* SPDX-License-Identifier: Apache-2.0
 * Tables of the store. Rows are the records of api/records.md; a change needs a new version and a step in
 * store_db_migrate.
 */
#include "adapter/sqlite/store_schema.h"

/* Rows with large cells are rowid tables with an index on the key: inserts append, and the index stays small. */
#define TABLES                                                                                                         \
  "CREATE TABLE chambers(tool TEXT NOT NULL, chamber TEXT NOT NULL, seen_us INTEGER NOT NULL, row TEXT NOT NULL,"      \
  " PRIMARY KEY(tool, chamber)) WITHOUT ROWID;"                                                                        \
  "CREATE TABLE contexts(n INTEGER PRIMARY KEY, context_id BLOB NOT NULL UNIQUE, tool TEXT NOT NULL,"                  \
  " chamber TEXT NOT NULL, time_us INTEGER NOT NULL, revision INTEGER NOT NULL, open INTEGER NOT NULL,"                \
  " published INTEGER NOT NULL, unjudged INTEGER NOT NULL, stored_us INTEGER NOT NULL, recipe TEXT, lot TEXT,"         \
  " wafer TEXT, product TEXT, row TEXT NOT NULL);"                                                                     \
  "CREATE TABLE chunks(n INTEGER PRIMARY KEY, context_id BLOB NOT NULL, first_seq INTEGER NOT NULL,"                   \
  " last_seq INTEGER NOT NULL, checksum INTEGER NOT NULL, revision INTEGER NOT NULL, points INTEGER NOT NULL,"         \
  " first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, stored_us INTEGER NOT NULL, blob_n INTEGER NOT NULL,"         \
  " blob BLOB NOT NULL);"                                                                                              \
  "CREATE TABLE u_records(n INTEGER PRIMARY KEY, tool TEXT NOT NULL, chamber TEXT NOT NULL, chart_set TEXT NOT NULL,"  \
  " partition TEXT NOT NULL, order_us INTEGER NOT NULL, context_id BLOB NOT NULL, revision INTEGER NOT NULL,"          \
  " judgement INTEGER NOT NULL, stored_us INTEGER NOT NULL, cell BLOB NOT NULL);"                                      \
  "CREATE TABLE verdicts(context_id BLOB NOT NULL, revision INTEGER NOT NULL, judgement INTEGER NOT NULL,"             \
  " tool TEXT NOT NULL, chamber TEXT NOT NULL, order_us INTEGER NOT NULL, current INTEGER NOT NULL,"                   \
  " verdict INTEGER NOT NULL, judged_us INTEGER NOT NULL, recipe TEXT, lot TEXT, wafer TEXT, row TEXT NOT NULL,"       \
  " PRIMARY KEY(context_id, revision, judgement)) WITHOUT ROWID;"                                                      \
  "CREATE TABLE defs(kind INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, row TEXT NOT NULL,"            \
  " PRIMARY KEY(kind, id, version)) WITHOUT ROWID;"                                                                    \
  "CREATE TABLE alarms(alarm_id BLOB PRIMARY KEY NOT NULL, opened_us INTEGER NOT NULL, open INTEGER NOT NULL,"         \
  " update_n INTEGER NOT NULL, published_us INTEGER NOT NULL, tool TEXT NOT NULL, chamber TEXT NOT NULL, recipe TEXT," \
  " lot TEXT, wafer TEXT, row TEXT NOT NULL) WITHOUT ROWID;"                                                           \
  "CREATE TABLE counters(contexts INTEGER, open_contexts INTEGER, unjudged INTEGER, chunks INTEGER,"                   \
  " chunk_bytes INTEGER, points INTEGER, u_records INTEGER, verdicts INTEGER, alarms_open INTEGER);"                   \
  "INSERT INTO counters VALUES(0,0,0,0,0,0,0,0,0);"

#define INDEXES                                                                                                        \
  "CREATE INDEX contexts_time ON contexts(time_us, context_id);"                                                       \
  "CREATE INDEX contexts_chamber ON contexts(tool, chamber, time_us, context_id);"                                     \
  "CREATE INDEX contexts_open ON contexts(time_us, context_id) WHERE open = 1;"                                        \
  "CREATE INDEX contexts_unpublished ON contexts(time_us, context_id) WHERE open = 0 AND published = 0;"               \
  "CREATE INDEX contexts_unjudged ON contexts(stored_us, context_id) WHERE unjudged = 1;"                              \
  "CREATE INDEX contexts_stored ON contexts(stored_us) WHERE open = 0;"                                                \
  "CREATE UNIQUE INDEX chunks_key ON chunks(context_id, first_seq, last_seq, checksum);"                               \
  "CREATE INDEX chunks_stored ON chunks(stored_us);"                                                                   \
  "CREATE UNIQUE INDEX u_key ON u_records(tool, chamber, chart_set, partition, order_us, context_id, revision,"        \
  " judgement);"                                                                                                       \
  "CREATE INDEX u_run ON u_records(context_id, chart_set, revision, judgement);"                                       \
  "CREATE INDEX u_stored ON u_records(stored_us);"                                                                     \
  "CREATE INDEX verdicts_time ON verdicts(order_us, context_id) WHERE current = 1;"                                    \
  "CREATE INDEX verdicts_chamber ON verdicts(tool, chamber, order_us, context_id) WHERE current = 1;"                  \
  "CREATE INDEX verdicts_judged ON verdicts(judged_us);"                                                               \
  "CREATE INDEX alarms_time ON alarms(opened_us, alarm_id);"                                                           \
  "CREATE INDEX alarms_open ON alarms(opened_us, alarm_id) WHERE open = 1;"

/* Statistics cost one row to read however large the tables are. */
#define TRIGGERS                                                                                                       \
  "CREATE TRIGGER contexts_in AFTER INSERT ON contexts BEGIN UPDATE counters SET contexts = contexts + 1,"             \
  " open_contexts = open_contexts + NEW.open, unjudged = unjudged + NEW.unjudged; END;"                                \
  "CREATE TRIGGER contexts_up AFTER UPDATE ON contexts WHEN OLD.open <> NEW.open OR OLD.unjudged <> NEW.unjudged"      \
  " BEGIN UPDATE counters SET open_contexts = open_contexts - OLD.open + NEW.open,"                                    \
  " unjudged = unjudged - OLD.unjudged + NEW.unjudged; END;"                                                           \
  "CREATE TRIGGER contexts_out AFTER DELETE ON contexts BEGIN UPDATE counters SET contexts = contexts - 1,"            \
  " open_contexts = open_contexts - OLD.open, unjudged = unjudged - OLD.unjudged; END;"                                \
  "CREATE TRIGGER chunks_in AFTER INSERT ON chunks BEGIN UPDATE counters SET chunks = chunks + 1,"                     \
  " chunk_bytes = chunk_bytes + NEW.blob_n, points = points + NEW.points; END;"                                        \
  "CREATE TRIGGER chunks_out AFTER DELETE ON chunks BEGIN UPDATE counters SET chunks = chunks - 1,"                    \
  " chunk_bytes = chunk_bytes - OLD.blob_n, points = points - OLD.points; END;"                                        \
  "CREATE TRIGGER u_in AFTER INSERT ON u_records BEGIN UPDATE counters SET u_records = u_records + 1; END;"            \
  "CREATE TRIGGER u_out AFTER DELETE ON u_records BEGIN UPDATE counters SET u_records = u_records - 1; END;"           \
  "CREATE TRIGGER verdicts_in AFTER INSERT ON verdicts BEGIN UPDATE counters SET verdicts = verdicts + 1; END;"        \
  "CREATE TRIGGER verdicts_out AFTER DELETE ON verdicts BEGIN UPDATE counters SET verdicts = verdicts - 1; END;"       \
  "CREATE TRIGGER alarms_in AFTER INSERT ON alarms WHEN NEW.open = 1"                                                  \
  " BEGIN UPDATE counters SET alarms_open = alarms_open + 1; END;"                                                     \
  "CREATE TRIGGER alarms_up AFTER UPDATE ON alarms WHEN OLD.open <> NEW.open"                                          \
  " BEGIN UPDATE counters SET alarms_open = alarms_open - OLD.open + NEW.open; END;"                                   \
  "CREATE TRIGGER alarms_out AFTER DELETE ON alarms WHEN OLD.open = 1"                                                 \
  " BEGIN UPDATE counters SET alarms_open = alarms_open - 1; END;"

const char store_schema_v1[] = TABLES INDEXES TRIGGERS "PRAGMA user_version = 1;";
