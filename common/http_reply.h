/* What a server answered: status, body and the few headers that matter here. The caller's; never waits. */
#ifndef HILDA_COMMON_HTTP_REPLY_H
#define HILDA_COMMON_HTTP_REPLY_H

#include <stdint.h>

#include "common/buffer.h"
#include "common/fault.h"

struct http_reply {
	int status;		/* 0: no answer (the fault says why) */
	struct buffer body;	/* NUL-terminated */
	char location[256];	/* "" when absent */
	int64_t upload_offset;	/* -1 when absent */
	int64_t retry_after_ms; /* -1 when absent */
};

void http_reply_done(struct http_reply *reply);
/* A line of the head as it comes, with its end; others than those above are passed over. */
void http_reply_header(struct http_reply *reply, const char *line, size_t n);

/* A fault from an RFC 9457 body (title, detail, pointer, known) or the status alone. Returns -EPROTO. */
int http_reply_fault(const struct http_reply *reply, struct fault *f);

#endif
