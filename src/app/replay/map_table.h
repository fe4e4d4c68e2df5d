/* SPDX-License-Identifier: Apache-2.0
 * What the reader and the writer of maps share. Internal to app/replay. */
#ifndef APP_REPLAY_MAP_TABLE_H
#define APP_REPLAY_MAP_TABLE_H

#include "app/replay/csv.h"
#include "model/fields.h"

#define MAP_BASE "2000-01-01T00:00:00Z"
/* The texts of a run, each from a column or a constant: members of struct replay_map and keys of the YAML. */
#define MAP_SOURCES(X) X(tool) X(chamber) X(tool_type) X(recipe) X(product) X(lot) X(lot_type) X(wafer) X(slot)

extern const struct model_table map_table;

#endif
