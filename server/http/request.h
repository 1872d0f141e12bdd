/*
 * One HTTP request from its first line to its last byte: made when the request line has come, freed
 * when libmicrohttpd reports the end. It is touched by its connection's thread only, except while it
 * is suspended: then by the one operation or task that will resume it.
 *
 * A handler runs when the whole body is there and either answers (reply.h) or suspends: then the
 * `then` function runs on the connection's thread after request_resume. Handlers never wait.
 */
#ifndef HILDA_SERVER_HTTP_REQUEST_H
#define HILDA_SERVER_HTTP_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "server/auth/failures.h"
#include "server/auth/identities.h"
#include "server/context.h"
#include "server/http/problem.h"
#include "server/http/wait.h"

#define REQUEST_NAME_BYTES 130
#define REQUEST_ROOM_BYTES 2048 /* for the state of most handlers */

enum request_phase {
	REQUEST_NEW,	   /* only the request line was seen */
	REQUEST_BODY,	   /* the body comes */
	REQUEST_DRAIN,	   /* refused; a short body is read to its end first */
	REQUEST_SUSPENDED, /* waits for request_resume */
	REQUEST_ANSWERED,
};

struct request;
struct route;
typedef void (*request_fn)(struct request *r);

struct request {
	struct MHD_Connection *connection;
	struct server *server;
	struct http *http;
	const struct route *route;
	enum request_phase phase;
	bool bad_uri;
	bool long_query;	/* it was cut off */
	bool busy;		/* counted: the server does not stop before it is answered */
	bool unsent;		/* counted: nor, for a while, before the answer is sent */
	int64_t content_length; /* -1: chunked */
	int64_t body_max;
	int64_t received; /* bytes of body that came */
	int64_t reserved; /* bytes of the budget for bodies that it holds */
	struct buffer body;
	const char *path;
	struct identity who;
	char source[FAILURES_ADDRESS_BYTES]; /* its address */
	struct store_audit audit;
	int64_t id;		       /* {id} of the route */
	char name[REQUEST_NAME_BYTES]; /* {name} or {sha256} of the route */
	struct MHD_Response *response;
	void (*response_release)(void *arg); /* NULL: MHD_destroy_response */
	void *response_arg;
	unsigned status;
	int64_t reply_bytes; /* about; the peer gets time in proportion */
	bool endless;	     /* the answer is a stream that ends when it ends */
	request_fn then;
	struct wait wait;
	int64_t session, epoch; /* agents' calls: their headers, 0 when absent */
	void *own;		/* the handler's state; own_free ends it with the request */
	void (*own_free)(void *own);
	struct store_op *op;  /* the operation of request_submit */
	int64_t submitted_ns; /* and when */
	struct request *next; /* unused ones, kept for the next request */
	/* Room for a state, behind what is cleared for each request. */
	_Alignas(16) char room[REQUEST_ROOM_BYTES];
};

/* NULL when absent. Valid as long as the request. */
const char *request_header(struct request *r, const char *name);
const char *request_query(struct request *r, const char *name);
/*
 * Query parameters that are in no list are refused by name: known is NULL-terminated; an entry that
 * ends with '.' allows every parameter that begins so. False: answered.
 */
bool request_query_only(struct request *r, const char *const *known);
/* Decimal query parameter or fallback; false: answered with a problem. */
bool request_query_number(struct request *r, const char *name, int64_t fallback, int64_t min,
	int64_t max, int64_t *out);
/*
 * The body as a JSON object; NULL: answered. An empty body is NULL too, unless empty_ok, which makes
 * it an empty object.
 */
json_t *request_json(struct request *r, bool empty_ok);
/* Keys of an object that are in no list are refused by name. False: answered. */
bool request_keys_only(struct request *r, const json_t *object, const char *const *known);

/* For a call that takes nothing: no body, or {}. False: answered. */
bool request_takes_nothing(struct request *r);

/* Suspends; the caller then hands the request to what will call request_resume exactly once. */
void request_suspend(struct request *r, request_fn then);
void request_resume(struct request *r);
/*
 * Suspends until the key is woken or wait_ms are over; then `then` runs. False when the key was
 * woken after the ticket (look again), or the server is stopping (answer).
 */
bool request_wait(
	struct request *r, uint64_t key, uint64_t ticket, int64_t wait_ms, request_fn then);
/*
 * Suspends and gives the operation to the store; `then` runs after its commit, with r->op set.
 * Answers by itself when the store does not take it.
 */
void request_submit(struct request *r, struct store_op *op, request_fn then);
/* For who submits by itself: a person's change leaves a row in the audit log. */
void request_audit(struct request *r, struct store_op *op);
/* A calloc'd state that is freed (after `done`, may be NULL) with the request; NULL: answered. */
void *request_own(struct request *r, size_t bytes, void (*done)(void *own));

/* A reader for the time of a handler; NULL: answered. */
struct store_reader *request_reader(struct request *r);
void request_reader_return(struct request *r, struct store_reader *reader);

#endif
