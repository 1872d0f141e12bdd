/* Answers. Each sets the request's response; libmicrohttpd sends it when the handler has returned. */
#ifndef HILDA_SERVER_HTTP_REPLY_H
#define HILDA_SERVER_HTTP_REPLY_H

#include <jansson.h>

#include "common/buffer.h"
#include "server/http/problem.h"
#include "server/http/request.h"

/* Takes the reference. NULL is answered with 500. */
void reply(struct request *r, unsigned status, struct MHD_Response *response);
/* Takes the buffer's bytes and empties it. */
void reply_buffer(struct request *r, unsigned status, struct buffer *b, const char *content_type);
void reply_text(struct request *r, unsigned status, const char *text, const char *content_type);
/* JSON text that is formatted here; short ones only. */
void reply_jsonf(struct request *r, unsigned status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Takes the reference. */
void reply_json(struct request *r, unsigned status, json_t *value);
void reply_empty(struct request *r, unsigned status);
void reply_problem(struct request *r, struct problem *p);
void reply_problemf(struct request *r, enum problem_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void reply_rc(struct request *r, int rc, const struct fault *f);
/* A response that others share; `release` gives it back. Nothing may be added to it. */
void reply_shared(struct request *r, unsigned status, struct MHD_Response *response,
	void (*release)(void *arg), void *arg);
/* Forgets the answer, if there is one. */
void reply_drop(struct request *r);
/* After one of the above. */
void reply_header(struct request *r, const char *name, const char *value);
void reply_headerf(struct request *r, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* An API answer with the headers that all of them carry, for a response that is kept. */
struct MHD_Response *reply_make(struct buffer *b, const char *content_type);

#define TYPE_JSON "application/json"
#define TYPE_PROBLEM "application/problem+json"
#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_BYTES "application/octet-stream"
#define TYPE_CSV "text/csv; charset=utf-8"
#define TYPE_MARKDOWN "text/markdown; charset=utf-8"
#define TYPE_EVENTS "text/event-stream"

#endif
