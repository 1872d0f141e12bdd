/*
 * Registration: the agent's session with the server, made at the start, after a stale-session
 * answer, and when the boards have changed. Any thread; one registration at a time, the others
 * wait for it (one call's time-out at most).
 */
#ifndef HILDA_AGENT_LINK_SESSION_H
#define HILDA_AGENT_LINK_SESSION_H

#include <jansson.h>

#include "agent/link/link.h"

#define REGISTER_TIMEOUT_MS 30000

struct session;

struct session_options {
	struct link *link;
	const char *name;
	/* New references: the boards; the runs still held. */
	json_t *(*boards)(void *arg);
	json_t *(*runs)(void *arg);
	/* The server's answer: boards, lost. */
	void (*registered)(void *arg, const json_t *answer);
	void *arg;
};

int session_open(const struct session_options *o, struct session **out, struct fault *f);
void session_close(struct session *s);

/*
 * Registers, unless the session is no longer `stale` (0: there was none), since another thread has
 * been here. Returns link_perform's codes.
 */
int session_renew(struct session *s, uint64_t stale, int cancel_fd, struct fault *f);

#endif
