/*
 * The head of a request, looked at before its body: can its length be read in one way only, does it
 * come from a page of this server, is the body of the right type and size. On the connection's thread.
 *
 * Each check answers and returns false when the request is refused.
 */
#ifndef HILDA_SERVER_HTTP_HEAD_H
#define HILDA_SERVER_HTTP_HEAD_H

#include "server/http/request.h"

struct head {
	int64_t content_length; /* -1: chunked */
	unsigned n_length, n_encoding, n_host;
	bool bad_name, bad_length, bad_encoding, expects;
	const char *content_type, *origin, *host, *authorization, *cookie, *csrf;
};

/* Also sets r->content_length. */
void head_read(struct request *r, struct head *h);
/* Everybody agrees on where this request's body ends. */
bool head_is_clear(const struct head *h);
bool head_check_framing(struct request *r, const struct head *h);
bool head_check_site(struct request *r, const struct head *h, const char *method);
/* These need r->route; check_size sets r->body_max and reserves room for a body that is buffered. */
bool head_check_size(struct request *r, const struct head *h);
bool head_check_type(struct request *r, const struct head *h);

#endif
