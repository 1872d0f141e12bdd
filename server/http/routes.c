/*
 * Every path of the server, one line each. server/auth/auth.c checks the scopes. protocols/rest/openapi.json says the same in full, and a
 * test compares the two.
 */
#include "server/agents/agents.h"
#include "server/api/api.h"
#include "server/artifacts/artifacts.h"
#include "server/captures/captures.h"
#include "server/http/route.h"
#include "server/logs/logs.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define ARTIFACT_MAX INT64_MAX /* a setting; checked when it is announced or begun */
#define JSON_MAX (64 * KIB)
#define TUNNEL_MAX (64 * KIB)
#define RESULT_MAX (4 * MIB)
#define REGISTER_MAX (256 * KIB) /* 256 boards */

#define API "/api/v1"
#define AGENT "/agent/v1"

/* clang-format off */
const struct route routes[] = {
	/* The paths that are asked for most often stand first. */
	{"GET",    API "/jobs/{id}",             SCOPE_READ,   BODY_NONE, 0,            jobs_get, NULL},
	{"POST",   API "/jobs",                  SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     jobs_submit, NULL},
	{"GET",    API "/jobs",                  SCOPE_READ,   BODY_NONE, 0,            jobs_list, NULL},
	{"DELETE", API "/jobs/{id}",             SCOPE_SUBMIT, BODY_NONE, 0,            jobs_cancel, NULL},
	{"POST",   API "/jobs/{id}/rerun",       SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     jobs_rerun, NULL},
	{"GET",    API "/jobs/{id}/log",         SCOPE_READ,   BODY_NONE, 0,            jobs_log, NULL},
	{"GET",    API "/jobs/{id}/runs",        SCOPE_READ,   BODY_NONE, 0,            jobs_runs, NULL},
	{"GET",    AGENT "/tunnels/{id}/up",     SCOPE_AGENT,  BODY_NONE, 0,            agent_tunnel_up, NULL},
	{"PUT",    AGENT "/tunnels/{id}/down",   SCOPE_AGENT,  BODY_RAW,  TUNNEL_MAX,   agent_tunnel_down, NULL},
	{"POST",   AGENT "/tunnels/{id}/end",    SCOPE_AGENT,  BODY_JSON, JSON_MAX,     agent_tunnel_end, NULL},
	{"POST",   AGENT "/acquire",             SCOPE_AGENT,  BODY_JSON, JSON_MAX,     agent_acquire, NULL},
	{"POST",   AGENT "/runs/{id}/start",     SCOPE_AGENT,  BODY_JSON, JSON_MAX,     agent_start, NULL},
	{"PUT",    AGENT "/runs/{id}/log",       SCOPE_AGENT,  BODY_RAW,  LOG_CHUNK_MAX_BYTES, agent_log, NULL, true},
	{"PUT",    AGENT "/runs/{id}/capture",   SCOPE_AGENT,  BODY_RAW,  CAPTURE_CHUNK_MAX_BYTES, agent_capture, NULL, true},
	{"PUT",    AGENT "/runs/{id}/result",    SCOPE_AGENT,  BODY_JSON, RESULT_MAX,   agent_result, NULL, true},
	{"POST",   AGENT "/heartbeat",           SCOPE_AGENT,  BODY_JSON, REGISTER_MAX, agent_heartbeat, NULL, true},
	{"POST",   AGENT "/register",            SCOPE_AGENT,  BODY_JSON, REGISTER_MAX, agent_register, NULL},
	{"POST",   AGENT "/enroll",              SCOPE_PUBLIC, BODY_JSON, JSON_MAX,     agent_enroll, NULL},
	{"GET",    AGENT "/artifacts/{sha256}",  SCOPE_AGENT,  BODY_NONE, 0,            artifacts_get, NULL},
	{"GET",    API "/runs/{id}",             SCOPE_READ,   BODY_NONE, 0,            runs_get, NULL},
	{"GET",    API "/runs/{id}/log",         SCOPE_READ,   BODY_NONE, 0,            runs_log, NULL},
	{"GET",    API "/runs/{id}/samples",     SCOPE_READ,   BODY_NONE, 0,            runs_samples, NULL},
	{"GET",    API "/runs/{id}/trace",       SCOPE_READ,   BODY_NONE, 0,            runs_trace, NULL},
	{"GET",    API "/runs/{id}/trace/tile",  SCOPE_READ,   BODY_NONE, 0,            runs_trace_tile, NULL},
	{"GET",    API "/runs/{id}/trace/selection", SCOPE_READ, BODY_NONE, 0,          runs_trace_selection, NULL},
	{"GET",    API "/runs/{id}/trace.csv",   SCOPE_READ,   BODY_NONE, 0,            runs_trace_csv, NULL},
	{"GET",    API "/runs/{id}/trace.ppk2",  SCOPE_READ,   BODY_NONE, 0,            runs_trace_ppk2, NULL},
	{"GET",    API "/runs/{id}/trace.capture", SCOPE_READ, BODY_NONE, 0,            runs_trace_capture, NULL},
	{"GET",    API "/runs/{id}/windows",     SCOPE_READ,   BODY_NONE, 0,            runs_windows, NULL},
	{"GET",    API "/results",               SCOPE_READ,   BODY_NONE, 0,            results_json, NULL},
	{"GET",    API "/results.json",          SCOPE_READ,   BODY_NONE, 0,            results_json, NULL},
	{"GET",    API "/results.csv",           SCOPE_READ,   BODY_NONE, 0,            results_csv, NULL},
	{"GET",    API "/leaderboard",           SCOPE_READ,   BODY_NONE, 0,            leaderboard_get, NULL},
	{"GET",    API "/leaderboard.json",      SCOPE_READ,   BODY_NONE, 0,            leaderboard_get, NULL},
	{"GET",    API "/leaderboard.csv",       SCOPE_READ,   BODY_NONE, 0,            leaderboard_get_csv, NULL},
	{"GET",    API "/leaderboard.md",        SCOPE_READ,   BODY_NONE, 0,            leaderboard_get_md, NULL},
	{"GET",    API "/suites",                SCOPE_READ,   BODY_NONE, 0,            suites_list, NULL},
	{"POST",   API "/suites",                SCOPE_SUBMIT, BODY_JSON, MIB,          suites_create, NULL},
	{"GET",    API "/suites/{name}",         SCOPE_READ,   BODY_NONE, 0,            suites_get, NULL},
	{"PUT",    API "/suites/{name}",         SCOPE_SUBMIT, BODY_JSON, MIB,          suites_put, NULL},
	{"DELETE", API "/suites/{name}",         SCOPE_SUBMIT, BODY_NONE, 0,            suites_remove, NULL},
	{"POST",   API "/suites/{name}/runs",    SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     suites_run, NULL},
	{"GET",    API "/suite-runs",            SCOPE_READ,   BODY_NONE, 0,            suite_runs_list, NULL},
	{"GET",    API "/suite-runs/{id}",       SCOPE_READ,   BODY_NONE, 0,            suite_runs_get, NULL},
	{"GET",    API "/suite-runs/{id}.json",  SCOPE_READ,   BODY_NONE, 0,            suite_runs_get, NULL},
	{"GET",    API "/suite-runs/{id}.csv",   SCOPE_READ,   BODY_NONE, 0,            suite_runs_csv, NULL},
	{"GET",    API "/suite-runs/{id}.xml",   SCOPE_READ,   BODY_NONE, 0,            suite_runs_junit, NULL},
	{"GET",    API "/suite-runs/{id}.md",    SCOPE_READ,   BODY_NONE, 0,            suite_runs_markdown, NULL},
	{"POST",   API "/suite-runs/{id}/retry", SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     suite_runs_retry, NULL},
	{"POST",   API "/suite-runs/{id}/cancel", SCOPE_SUBMIT, BODY_JSON, JSON_MAX,    suite_runs_cancel, NULL},
	{"GET",    API "/schedules",             SCOPE_READ,   BODY_NONE, 0,            schedules_list, NULL},
	{"POST",   API "/schedules",             SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     schedules_create, NULL},
	{"GET",    API "/schedules/{id}",        SCOPE_READ,   BODY_NONE, 0,            schedules_get, NULL},
	{"PATCH",  API "/schedules/{id}",        SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     schedules_patch, NULL},
	{"DELETE", API "/schedules/{id}",        SCOPE_SUBMIT, BODY_NONE, 0,            schedules_remove, NULL},
	{"POST",   API "/schedules/{id}/run",    SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     schedules_run, NULL},
	{"GET",    API "/boards",                SCOPE_READ,   BODY_NONE, 0,            boards_list, NULL},
	{"GET",    API "/boards/{name}",         SCOPE_READ,   BODY_NONE, 0,            boards_get, NULL},
	{"PATCH",  API "/boards/{name}",         SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     boards_patch, NULL},
	{"POST",   API "/boards/{name}/health",  SCOPE_ADMIN,  BODY_JSON, JSON_MAX,     boards_health, NULL},
	{"POST",   API "/boards/{name}/console", SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     boards_console, NULL},
	{"GET",    API "/boards/{name}/gdb",     SCOPE_SUBMIT, BODY_NONE, 0,            boards_gdb_ask, NULL},
	{"POST",   API "/boards/{name}/gdb",     SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     boards_gdb, NULL},
	{"GET",    API "/tunnels/{id}/down",     SCOPE_SUBMIT, BODY_NONE, 0,            tunnels_down, NULL},
	{"PUT",    API "/tunnels/{id}/up",       SCOPE_SUBMIT, BODY_RAW,  TUNNEL_MAX,   tunnels_up, NULL},
	{"DELETE", API "/tunnels/{id}",          SCOPE_SUBMIT, BODY_NONE, 0,            tunnels_remove, NULL},
	{"GET",    API "/agents",                SCOPE_READ,   BODY_NONE, 0,            agents_list, NULL},
	{"GET",    API "/agents/{id}",           SCOPE_READ,   BODY_NONE, 0,            agents_get, NULL},
	{"POST",   API "/artifacts",             SCOPE_SUBMIT, BODY_JSON, JSON_MAX,     artifacts_announce, NULL},
	{"GET",    API "/artifacts/{sha256}",    SCOPE_READ,   BODY_NONE, 0,            artifacts_get, NULL},
	{"PUT",    API "/artifacts/{sha256}",    SCOPE_SUBMIT, BODY_FLOW, ARTIFACT_MAX, artifacts_put, &artifacts_put_flow},
	{"GET",    API "/uploads/{id}",          SCOPE_SUBMIT, BODY_NONE, 0,            uploads_get, NULL},
	{"PATCH",  API "/uploads/{id}",          SCOPE_SUBMIT, BODY_FLOW, ARTIFACT_MAX, uploads_patch, &uploads_patch_flow},
	{"GET",    API "/tokens",                SCOPE_ADMIN,  BODY_NONE, 0,            tokens_list, NULL},
	{"POST",   API "/tokens",                SCOPE_ADMIN,  BODY_JSON, JSON_MAX,     tokens_create, NULL},
	{"DELETE", API "/tokens/{id}",           SCOPE_ADMIN,  BODY_NONE, 0,            tokens_revoke, NULL},
	{"POST",   API "/enrolments",            SCOPE_ADMIN,  BODY_JSON, JSON_MAX,     enrolments_create, NULL},
	{"GET",    API "/audit",                 SCOPE_ADMIN,  BODY_NONE, 0,            audit_list, NULL},
	{"GET",    API "/session",               SCOPE_PUBLIC, BODY_NONE, 0,            session_get, NULL},
	{"POST",   API "/session",               SCOPE_PUBLIC, BODY_JSON, JSON_MAX,     session_begin, NULL},
	{"DELETE", API "/session",               SCOPE_PUBLIC, BODY_NONE, 0,            session_end, NULL},
	{"GET",    API "/events",                SCOPE_READ,   BODY_NONE, 0,            events_get, NULL},
	{"GET",    API "/openapi.json",          SCOPE_PUBLIC, BODY_NONE, 0,            about_openapi, NULL},
	{"GET",    "/healthz",                   SCOPE_PUBLIC, BODY_NONE, 0,            about_health, NULL},
	{"GET",    "/metrics",                   SCOPE_PUBLIC, BODY_NONE, 0,            about_metrics, NULL},
};
/* clang-format on */
const size_t n_routes = sizeof(routes) / sizeof(routes[0]);
