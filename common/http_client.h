/*
 * HTTP towards a Hilda server, by libcurl: the agent and the command line. One client per thread
 * (it keeps one connection alive). A call waits until its deadline or until cancel_fd is readable.
 */
#ifndef HILDA_COMMON_HTTP_CLIENT_H
#define HILDA_COMMON_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/fault.h"
#include "common/http_reply.h"

struct http_client;

struct http_client_options {
	const char *base_url;	/* "http://127.0.0.1:8080" */
	const char *user_agent; /* "hilda-agent/0.1" */
	const char *token;	/* NULL: none; sent as Authorization: Bearer */
	const char *ca;		/* https: file of certificates (PEM) to trust; NULL: the system's */
	int64_t connect_ms;	/* 0: 5000 */
};

struct http_request {
	const char *method;
	const char *path;	    /* "/api/v1/jobs?limit=5" */
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
	const char *content_type;   /* NULL: application/json when there is a body */
	const void *body;
	size_t body_bytes;
	int body_fd; /* >= 0: the body is body_bytes from here, at body_offset */
	int64_t body_offset;
	int64_t timeout_ms;	/* 0: 30 s */
	int cancel_fd;		/* -1: none */
	size_t max_reply_bytes; /* 0: 8 MiB */
	/* When set, a 2xx body goes here as it comes, not into reply.body; return non-zero to end. */
	int (*sink)(void *arg, const void *data, size_t n);
	void *sink_arg;
};

#define HTTP_REQUEST_INIT                      \
	{                                      \
		.body_fd = -1, .cancel_fd = -1 \
	}

/* -EINVAL: no such scheme; -ENOENT and others: the `ca` file cannot be read. */
int http_client_open(
	const struct http_client_options *o, struct http_client **out, struct fault *f);
void http_client_close(struct http_client *c);

/*
 * 0 when an answer came, whatever its status; -ECANCELED, -ETIMEDOUT, -ECONNREFUSED, -EKEYREJECTED (the
 * server's certificate is not trusted) or another -errno otherwise. The caller ends the reply with http_reply_done in every case.
 */
int http_client_call(struct http_client *c, const struct http_request *r, struct http_reply *reply,
	struct fault *f);

#endif
