/*
 * The handlers of /api/v1, one file per resource. Each runs on a connection's thread and does not
 * wait: it answers, or suspends the request (server/http/request.h).
 */
#ifndef HILDA_SERVER_API_API_H
#define HILDA_SERVER_API_API_H

#include "server/http/request.h"
#include "server/http/route.h"

/* artifacts.c */
void artifacts_announce(struct request *r);
void artifacts_get(struct request *r);

/* uploads.c */
void artifacts_put(struct request *r);
extern const struct route_flow artifacts_put_flow;
void uploads_get(struct request *r);
void uploads_patch(struct request *r);
extern const struct route_flow uploads_patch_flow;

/* jobs.c */
void jobs_submit(struct request *r);
void jobs_list(struct request *r);
void jobs_get(struct request *r);
void jobs_cancel(struct request *r);
void jobs_rerun(struct request *r);
void jobs_runs(struct request *r);

/* log.c */
void jobs_log(struct request *r);
void runs_log(struct request *r);

/* runs.c */
void runs_get(struct request *r);
void runs_samples(struct request *r);

/* trace.c */
void runs_trace(struct request *r);
void runs_trace_tile(struct request *r);
void runs_trace_selection(struct request *r);

/* trace_export.c */
void runs_trace_csv(struct request *r);
void runs_trace_ppk2(struct request *r);
void runs_trace_capture(struct request *r);

/* windows.c */
void runs_windows(struct request *r);

/* results.c */
void results_json(struct request *r);
void results_csv(struct request *r);

/* leaderboard.c */
void leaderboard_get(struct request *r);
void leaderboard_get_csv(struct request *r);
void leaderboard_get_md(struct request *r);

/* suites.c */
void suites_list(struct request *r);
void suites_create(struct request *r);
void suites_get(struct request *r);
void suites_put(struct request *r);
void suites_remove(struct request *r);
void suites_run(struct request *r);

/* suite_runs.c */
void suite_runs_list(struct request *r);
void suite_runs_get(struct request *r);
void suite_runs_csv(struct request *r);
void suite_runs_junit(struct request *r);
void suite_runs_markdown(struct request *r);
void suite_runs_retry(struct request *r);
void suite_runs_cancel(struct request *r);

/* schedules.c */
void schedules_list(struct request *r);
void schedules_create(struct request *r);
void schedules_get(struct request *r);
void schedules_patch(struct request *r);
void schedules_remove(struct request *r);
void schedules_run(struct request *r);

/* boards.c */
void boards_list(struct request *r);
void boards_get(struct request *r);
void boards_patch(struct request *r);
void boards_health(struct request *r);

/* tunnels.c */
void boards_console(struct request *r);
void boards_gdb(struct request *r);
void boards_gdb_ask(struct request *r);
void tunnels_down(struct request *r);
void tunnels_up(struct request *r);
void tunnels_remove(struct request *r);

/* fleet.c */
void agents_list(struct request *r);
void agents_get(struct request *r);

/* tokens.c */
void tokens_list(struct request *r);
void tokens_create(struct request *r);
void tokens_revoke(struct request *r);
void enrolments_create(struct request *r);
void audit_list(struct request *r);

/* session.c */
void session_get(struct request *r);
void session_begin(struct request *r);
void session_end(struct request *r);

/* events.c */
void events_get(struct request *r);

/* about.c */
void about_openapi(struct request *r);
void about_health(struct request *r);
void about_metrics(struct request *r);

#endif
