/*
 * The agent's line to the server: session, headers, connections, and one call with its answer
 * sorted into what the caller must do. Any thread; a link is shared by all of them.
 *
 * A call waits until its time-out or until cancel_fd is readable; before that as long as an answer's
 * Retry-After (429, 503) said. Connections stay open in a pool
 * and are handed from call to call; a call that finds all of them taken waits for one.
 */
#ifndef HILDA_AGENT_LINK_LINK_H
#define HILDA_AGENT_LINK_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/fault.h"

/* Beyond the long poll, the heartbeat, the log and the spool: starts and results of many boards. */
#define LINK_CONNECTIONS_MAX 8
/* On top of these, for calls that must not wait behind them. */
#define LINK_CONNECTIONS_URGENT 4
/* So many stay open while nothing runs. */
#define LINK_CONNECTIONS_IDLE 2
#define LINK_LINEAGE_BYTES 65

struct http_client;
struct link;

struct link_options {
	const char *server;
	const char *token; /* NULL: none */
	const char *ca;	   /* NULL: the system's certificates */
};

/* What register's answer settled. */
struct link_session {
	uint64_t session; /* 0: not registered */
	char lineage[LINK_LINEAGE_BYTES];
	int64_t lease_ms, heartbeat_ms, acquire_ms;
};

struct link_call {
	const char *method;
	const char *path;
	const json_t *json; /* the body; or */
	const char *body;   /* these bytes, of type content_type (NULL: JSON); or */
	int body_fd;	    /* these of a file */
	int64_t body_offset;
	size_t body_bytes;
	const char *content_type;
	bool urgent;	      /* does not wait for a free connection */
	bool without_session; /* register */
	uint64_t epoch;	      /* 0: not about a run */
	int64_t timeout_ms;
	int cancel_fd;
	int (*sink)(void *arg, const void *data, size_t n);
	void *sink_arg;
};

#define LINK_CALL_INIT                         \
	{                                      \
		.body_fd = -1, .cancel_fd = -1 \
	}

struct link_answer {
	int status;	  /* 0: none came */
	json_t *json;	  /* the body, also of an error; NULL when it was none */
	uint64_t session; /* that the call was made under */
	int64_t retry_after_ms;
};

#define LINK_ANSWER_INIT             \
	{                            \
		.retry_after_ms = -1 \
	}

int link_open(const struct link_options *o, struct link **out, struct fault *f);
void link_close(struct link *l); /* no call may be under way */
/* Closes connections that a burst of runs has left: each has buffers. Never waits. */
void link_close_idle(struct link *l);

/*
 *	0		2xx
 *	-ESTALE		the session is old: register again, then repeat
 *	-EOWNERDEAD	the epoch is old: the run is no longer ours
 *	-EREMOTEIO	refused for good (a 4xx other than 401, 403, 408, 409, 429): repeating does not help
 *	-EACCES		401, 403: the token is none; repeat later, a person may mend it
 *	-EPROTONOSUPPORT	426: this agent's version is not served
 *	-ECANCELED	cancel_fd
 *	others		-EAGAIN (5xx, 408, 409, 429) or no answer at all: repeat later
 * link_answer_done in every case.
 */
int link_perform(
	struct link *l, const struct link_call *call, struct link_answer *answer, struct fault *f);
void link_answer_done(struct link_answer *answer);

/* A connection of the caller's own, for calls that last; it closes it before the link. */
int link_client_open(struct link *l, struct http_client **out, struct fault *f);
/* What each call carries in its head. */
#define LINK_HEADER_BYTES 64
void link_headers(
	struct link *l, char protocol[LINK_HEADER_BYTES], char session[LINK_HEADER_BYTES]);

/* Whether a repetition can help. */
bool link_is_final(int rc);

void link_session(struct link *l, struct link_session *out);
/* From register's answer; -EPROTO when a key is absent or out of range. */
int link_set_session(struct link *l, const json_t *answer, struct fault *f);

#endif
