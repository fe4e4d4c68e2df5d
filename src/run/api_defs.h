/* SPDX-License-Identifier: Apache-2.0
 * New versions of definitions. Who publishes some holds api.publish meanwhile, so that versions of one process count up
 * in one order. Internal to run/api*. */
#ifndef RUN_API_DEFS_H
#define RUN_API_DEFS_H

#include "run/api_call.h"

struct api_def_put {
  enum model_def_kind kind;
  const char *id, *author, *comment; /* author, comment: or NULL */
  const char *body;                  /* JSON as the model writes it */
  int64_t effective_us;
};
/* The newest version of a definition, copied into mem; version 0 when there is none. */
TFDC_MUST_USE tfdc_rc api_def_newest(const struct api *api, enum model_def_kind kind, const char *id,
                                     struct tfdc_arena *mem, struct model_def *ret, struct tfdc_error *err);
/* Is the newest version in force with this body, from this time on or earlier? */
bool api_def_says_the_same(const struct model_def *newest, const struct api_def_put *put);
/* Writes the body as the newest version, approved, unless the newest says the same; *ret_version is then that one. */
TFDC_MUST_USE tfdc_rc api_def_put(const struct api *api, const struct api_def_put *put, uint32_t *ret_version,
                                  struct tfdc_error *err);
/* Tells defenders that there are new definitions: generation + 1 in the KV bucket fdc-config. After the store. */
TFDC_MUST_USE tfdc_rc api_defs_announce(const struct api *api, struct tfdc_error *err);

#endif
