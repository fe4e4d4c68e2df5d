/* SPDX-License-Identifier: Apache-2.0 */
#include "app/listing.h"

struct printing {
  struct session *session;
  const struct listing *listing;
  bool json;
  struct text_table table;
  size_t n, limit; /* limit 0 = all */
  tfdc_rc rc;
  struct tfdc_error *err;
};

static bool on_item(void *user, json_t *item) {
  struct printing *p = user;
  if (p->listing->filter != NULL && !filter_takes(p->listing->filter, item)) return true;
  p->n++;
  if (p->json)
    p->rc = text_print_json(stdout, item, p->err);
  else
    p->listing->row(p->session, &p->table, item);
  return p->rc == TFDC_OK && !ferror(stdout) && p->n != p->limit;
}

tfdc_rc listing_print(struct session *s, const struct listing *l, const struct filter_params *params, size_t limit,
                      bool json) {
  struct printing p = {.session = s, .listing = l, .json = json, .limit = limit, .err = &s->err};
  text_table_begin(&p.table, l->columns, l->n_columns, stdout);
  tfdc_rc rc =
      client_list(s->client, l->path, params->list, l->member, l->filter == NULL ? limit : 0, on_item, &p, &s->err);
  if (rc == TFDC_OK) rc = p.rc;
  tfdc_rc ended = text_table_end(&p.table, rc == TFDC_OK ? &s->err : NULL);
  if (rc == TFDC_OK) rc = ended;
  if (rc == TFDC_OK && !json && p.n == 0) (void)fprintf(stderr, "no %s fits\n", l->noun);
  if (rc == TFDC_OK && !json && limit != 0 && p.n == limit)
    (void)fprintf(stderr, "the %s %zu; --limit 0 lists all\n", l->first, p.n);
  return rc;
}
