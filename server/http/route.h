/*
 * The table of routes (routes.c) and its matcher. Pure.
 *
 * A pattern's parts stand between slashes: {id} a decimal id, {name} a word of up to 128 characters,
 * {sha256} 64 lower-case hexadecimal digits; everything else is itself, also behind one of them: {id}.csv.
 */
#ifndef HILDA_SERVER_HTTP_ROUTE_H
#define HILDA_SERVER_HTTP_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "server/auth/scope.h"
#include "server/http/request.h"

enum body {
	BODY_NONE,
	BODY_JSON, /* application/json, buffered */
	BODY_RAW,  /* application/octet-stream, buffered */
	BODY_FLOW, /* application/octet-stream, given to `flow` as it comes */
};

/* How a large body is taken. */
struct route_flow {
	void (*begin)(struct request *r); /* before the body; may answer, which refuses it */
	void (*data)(struct request *r, const void *data, size_t n); /* may answer */
};

struct route {
	const char *method;
	const char *pattern;
	enum scope scope;
	enum body body;
	int64_t body_max;
	request_fn handler; /* when the body is complete */
	const struct route_flow *flow;
	bool lasts; /* of an agent's run that has begun: also with a token whose time is over meanwhile */
};

extern const struct route routes[];
extern const size_t n_routes;

#define ROUTE_ALLOW_BYTES 64

struct route_match {
	const struct route *route; /* NULL: none */
	bool path_known;	   /* another method would have done: allow lists them */
	char allow[ROUTE_ALLOW_BYTES];
	int64_t id;
	char name[REQUEST_NAME_BYTES];
};

/* HEAD falls back to GET. */
void route_find(const struct route *table, size_t n, const char *method, const char *path,
	struct route_match *m);

#endif
