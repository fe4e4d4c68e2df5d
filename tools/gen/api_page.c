/* SPDX-License-Identifier: Apache-2.0 */
#include "api_page.h"

#include "run/api_call.h"

void api_page_print(FILE *out) {
  fprintf(
      out,
      "# The HTTP API\n\n<!-- Written by `make docs` from src/run/api_routes.c and tools/gen/api_page.c. -->\n\n"
      "[api/openapi.yaml](../api/openapi.yaml) describes every answer; a test holds the two together. The command\n"
      "line asks the same routes. A process listens at `http.listen`.\n\n"
      "- Times are microseconds since 1970, UTC. Patterns take `*` and `?`. Numbers that are not finite are null.\n"
      "- Lists take `limit` (100, at most 10000) and give a `cursor` where there is more: pass it on for the next\n"
      "  page.\n"
      "- A parameter that the route does not know is refused, with the nearest name; so is one that is given twice\n"
      "  unless a `*` stands behind it here.\n"
      "- What writes (POST) needs `Authorization: Bearer TOKEN` of `http.token`; where none is set, it is taken from\n"
      "  this host only.\n"
      "- An error is `{\"error\":{\"code\":\"NOT_FOUND\",\"text\":\"...\",\"hint\":\"...\"}}`; [errors.md](errors.md) "
      "lists\n"
      "  codes and statuses.\n"
      "- Jobs are asked for with `/api/v1/jobs/{id}` until `state` is `done` or `failed`.\n\n"
      "```sh\n"
      "curl -s 'localhost:8080/api/v1/runs?verdict=OOC&newest=1&limit=5'\n"
      "curl -s 'localhost:8080/api/v1/runs/RUN/trace?svid=Pressure&max=2000'\n"
      "curl -s 'localhost:8080/api/v1/definitions?newest=1&yaml=1' > definitions.yaml\n"
      "curl -s --data-binary @definitions.yaml 'localhost:8080/api/v1/definitions?dry_run=1'\n"
      "```\n\n"
      "| method | path | parameters | what |\n|---|---|---|---|\n");
  const struct api_route *r;
  for (size_t i = 0; (r = api_route_at(i)) != NULL; i++)
    fprintf(out, "| %s | `%s` | %s%s%s | %s |\n", r->method, r->path, r->params[0] != '\0' ? "`" : "", r->params,
            r->params[0] != '\0' ? "`" : "", r->help);
}
