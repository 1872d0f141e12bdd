/*
 * One run of `hilda` towards one server: JSON calls with the exit code that their failure means.
 * One thread. A call waits for the server up to 30 s, or until Ctrl-C once session_watch_interrupt
 * was called. Functions return an exit code and fill the fault; main prints it.
 */
#ifndef HILDA_CLI_SESSION_H
#define HILDA_CLI_SESSION_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/exit_codes.h"
#include "common/clock.h"
#include "common/fault.h"
#include "common/http_client.h"

#define SESSION_SERVER_DEFAULT "http://127.0.0.1:8080"
#define SESSION_MAX_REPLY_BYTES (64 * 1024 * 1024)

struct session {
	const char *server;
	struct http_client *client;
	const struct clock *clock;
	int interrupt_fd; /* -1, or readable after Ctrl-C */
};

/* server NULL: $HILDA_SERVER, then the default. $HILDA_TOKEN is the token, $HILDA_CA the certificates to trust. */
enum exit_code session_open(struct session *s, const char *server, struct fault *f);
void session_close(struct session *s);
/* Another connection to the same server, for a second thread. */
enum exit_code session_client(struct session *s, struct http_client **out, struct fault *f);

/* From here on Ctrl-C ends waits with EXIT_INTERRUPTED instead of the program. */
enum exit_code session_watch_interrupt(struct session *s, struct fault *f);

/*
 * A call with a JSON body (NULL: none) and headers (NULL: none); *out (NULL: not wanted) is a new
 * reference to the answer.
 */
enum exit_code session_call(struct session *s, const char *method, const char *path,
	const char *const *headers, const json_t *body, json_t **out, struct fault *f);
enum exit_code session_get(struct session *s, const char *path, json_t **out, struct fault *f);

/* As http_client_call, with the interrupt and again after a Retry-After (30 s in all); EXIT_OK for any 2xx. */
enum exit_code session_request(
	struct session *s, struct http_request *r, struct http_reply *reply, struct fault *f);

/* Follows `next` until `limit` items are there; *items is a new array. path may hold a query. */
enum exit_code session_list(
	struct session *s, const char *path, size_t limit, json_t **items, struct fault *f);

/* Waits; EXIT_OK or EXIT_INTERRUPTED. */
enum exit_code session_wait_ms(struct session *s, int64_t ms, struct fault *f);

#endif
