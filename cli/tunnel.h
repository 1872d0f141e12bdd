/*
 * The person's end of a tunnel to a board. tunnel_run has two threads of its own for the two ways; the
 * caller's own looks at the input, so that a key that leaves is seen also while the board takes nothing.
 */
#ifndef HILDA_CLI_TUNNEL_H
#define HILDA_CLI_TUNNEL_H

#include "cli/session.h"

struct tunnel;

/* kind: "console" or "gdb". */
enum exit_code tunnel_open(struct session *s, const char *board, const char *kind,
	struct tunnel **out, struct fault *f);
/* Tells the server, at most for a few seconds. Accepts NULL. */
void tunnel_close(struct tunnel *t);

struct tunnel_ends {
	int in_fd; /* what is sent */
	/* What has come; on a thread of the tunnel. Non-zero ends it. */
	int (*out)(void *arg, const char *data, size_t n);
	void *arg;
	int leave;	 /* the key in the input that ends it; -1: none */
	bool with_input; /* the end of the input ends it */
};

/* EXIT_OK: by the key, the input's end, or `out`; otherwise the fault says why. */
enum exit_code tunnel_run(struct tunnel *t, const struct tunnel_ends *ends, struct fault *f);

#endif
