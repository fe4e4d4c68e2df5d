/* SPDX-License-Identifier: Apache-2.0
 * The table of routes. */
#include "run/api_handlers.h"
#include "run/api_learn.h"

static const struct api_route routes[] = {
    {"GET", "/metrics", api_get_metrics, "", false, "metrics as Prometheus reads them"},
    {"GET", "/health/live", api_get_live, "", false, "the process runs"},
    {"GET", "/health/ready", api_get_ready, "", false, "the process does its work; 503 and the reason otherwise"},
    {"GET", "/healthz", api_get_live, "", false, "= /health/live"},
    {"GET", "/ready", api_get_ready, "", false, "= /health/ready"},
    {"GET", "/api/v1/status", api_get_status, "", false, "what there is, and how the process does"},
    {"GET", "/api/v1/chambers", api_get_chambers, "tool chamber " API_PAGE_PARAMS, false, "chambers and dictionaries"},
    {"GET", "/api/v1/runs", api_get_runs, API_FILTER_PARAMS " " API_PAGE_PARAMS, false, "runs and their verdicts"},
    {"GET", "/api/v1/runs/{id}", api_get_run, "", false, "all that is known of a run"},
    {"GET", "/api/v1/runs/{id}/trace", api_get_trace, "svid* max", false, "the samples of a run"},
    {"GET", "/api/v1/charts", api_get_charts, "strategy tool chamber partition chart* from to " API_PAGE_PARAMS, false,
     "points of U-charts, in run order"},
    {"GET", "/api/v1/alarms", api_get_alarms, "tool chamber from to open " API_PAGE_PARAMS, false, "newest first"},
    {"GET", "/api/v1/definitions", api_get_definitions, "kind id version newest bodies yaml " API_PAGE_PARAMS, false,
     "strategies and limit sets"},
    {"POST", "/api/v1/definitions", api_post_definitions, "dry_run author comment effective_us", true,
     "new versions of strategies and limit sets, from YAML"},
    {"POST", "/api/v1/runs/{id}/rejudge", api_post_run_rejudge, "", true, "one run is judged again"},
    {"POST", "/api/v1/rejudge", api_post_rejudge, "tool chamber recipe lot wafer product verdict from to", true,
     "runs are judged again in order, as a job"},
    {"POST", "/api/v1/learn", api_post_learn, API_LEARN_PARAMS, true, "charts and limits from good runs, as a job"},
    {"GET", "/api/v1/jobs/{id}", api_get_job, "", false, "how far a job is, and its result"},
};

const struct api_route *api_route_at(size_t index) { return index < TFDC_COUNT(routes) ? &routes[index] : NULL; }
