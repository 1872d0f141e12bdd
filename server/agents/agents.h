/*
 * The agents' calls, /agent/v1, one file each. Handlers run on a connection's thread and do not
 * wait; what an operation borrows lives in the request's own state until its answer.
 */
#ifndef HILDA_SERVER_AGENTS_AGENTS_H
#define HILDA_SERVER_AGENTS_AGENTS_H

#include "server/http/request.h"
#include "server/http/route.h"
#include "server/store/ops.h"

#define AGENT_PROTOCOL 1
#define AGENT_BOARDS_MAX 256
#define AGENT_RUNS_MAX 1024
#define AGENT_REPLY_MAX_BYTES (4 << 20)

void agent_enroll(struct request *r);
void agent_register(struct request *r);
void agent_acquire(struct request *r);
void agent_start(struct request *r);
void agent_heartbeat(struct request *r);
void agent_log(struct request *r);
void agent_capture(struct request *r);
void agent_result(struct request *r);
void agent_tunnel_up(struct request *r);
void agent_tunnel_down(struct request *r);
void agent_tunnel_end(struct request *r);

/*
 * Reads Hilda-Agent-Protocol, Hilda-Session (when wanted) and Hilda-Epoch (when wanted) into the
 * request. False: answered (426, 400).
 */
bool agent_headers(struct request *r, bool session, bool epoch);

/* Whose session the request carries. False: answered. */
bool agent_of_session(struct request *r, int64_t *agent);

/* Answers for an operation that failed; what -ENOENT and -EEXIST mean here is 410. */
void agent_reply_rc(struct request *r, const struct store_op *op);

/*
 * Typed members of a JSON object for operations that borrow from it. A value of another type is
 * noted, once, with its pointer: agent_fields_ok answers then.
 */
struct agent_fields {
	struct request *r;
	char problem[256];
	char pointer[256];
};
const char *agent_text(struct agent_fields *a, const json_t *object, const char *where,
	const char *key, size_t max, bool needed);
int64_t agent_number(
	struct agent_fields *a, const json_t *object, const char *where, const char *key);
bool agent_flag(struct agent_fields *a, const json_t *object, const char *where, const char *key);
/* An array of at most max, NULL when absent. */
const json_t *agent_list(struct agent_fields *a, const json_t *object, const char *where,
	const char *key, size_t max);
/* As a job document may ask for it: letters, digits and . _ + : - only. */
const char *agent_word(
	struct agent_fields *a, const json_t *object, const char *where, const char *key);
/* An array of such words, as many as are ever compared; NULL when absent. */
const json_t *agent_words(
	struct agent_fields *a, const json_t *object, const char *where, const char *key);
bool agent_fields_ok(struct agent_fields *a);

/* [{"run","epoch","stage"}]; malloc'd into *out, texts borrowed from the JSON. */
bool agent_held_runs(struct agent_fields *a, const json_t *object, const char *key,
	struct op_held_run **out, size_t *n);

#endif
