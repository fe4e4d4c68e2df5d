/* SPDX-License-Identifier: Apache-2.0
 * Private to ingest_*.c: the text fields of a context, which have the same names in api/ingest.proto and
 * model/records.h. */
#ifndef ADAPTER_GRPC_INGEST_CONTEXT_H
#define ADAPTER_GRPC_INGEST_CONTEXT_H

#define INGEST_CONTEXT_TEXTS(X)                                                                                        \
  X(recipe_id)                                                                                                         \
  X(recipe_rev)                                                                                                        \
  X(recipe_body_hash)                                                                                                  \
  X(chamber_recipe)                                                                                                    \
  X(lot_id)                                                                                                            \
  X(carrier_id)                                                                                                        \
  X(port_id)                                                                                                           \
  X(substrate_id)                                                                                                      \
  X(product)                                                                                                           \
  X(technology)                                                                                                        \
  X(route)                                                                                                             \
  X(operation)                                                                                                         \
  X(layer)                                                                                                             \
  X(lot_type)                                                                                                          \
  X(ctrl_job_id)                                                                                                       \
  X(pr_job_id)                                                                                                         \
  X(fab)                                                                                                               \
  X(area)                                                                                                              \
  X(supplier)                                                                                                          \
  X(software_rev)                                                                                                      \
  X(ept_state)                                                                                                         \
  X(process_state)                                                                                                     \
  X(pm_id)

#endif
