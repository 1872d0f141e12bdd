#include "server/http/reply.h"

#include <stdarg.h>

static const char out_of_memory[] =
	"{\"type\":\"/problems/unavailable\",\"title\":\"The server cannot take this now\","
	"\"status\":503,\"detail\":\"the server is out of memory; try again\"}";

void reply_drop(struct request *r)
{
	if (!r->response)
		return;
	if (r->response_release)
		r->response_release(r->response_arg);
	else
		MHD_destroy_response(r->response);
	r->response = NULL;
	r->response_release = NULL;
}

void reply_shared(struct request *r, unsigned status, struct MHD_Response *response,
	void (*release)(void *arg), void *arg)
{
	reply_drop(r);
	r->response = response;
	r->response_release = release;
	r->response_arg = arg;
	r->status = status;
}

void reply(struct request *r, unsigned status, struct MHD_Response *response)
{
	reply_drop(r);
	if (!response) {
		response = MHD_create_response_from_buffer(
			sizeof(out_of_memory) - 1, (void *)out_of_memory, MHD_RESPMEM_PERSISTENT);
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
		if (response)
			MHD_add_response_header(response, "Content-Type", TYPE_PROBLEM);
	}
	r->response = response;
	r->status = status;
}

static void common_headers(struct MHD_Response *response, const char *content_type)
{
	if (!response)
		return;
	MHD_add_response_header(response, "Content-Type", content_type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

struct MHD_Response *reply_make(struct buffer *b, const char *content_type)
{
	struct MHD_Response *response;

	if (!b->data)
		return NULL;
	response = MHD_create_response_from_buffer(b->n, b->data, MHD_RESPMEM_MUST_FREE);
	if (response)
		*b = BUFFER_INIT(b->limit);
	common_headers(response, content_type);
	return response;
}

void reply_buffer(struct request *r, unsigned status, struct buffer *b, const char *content_type)
{
	r->reply_bytes = (int64_t)b->n;
	if (!b->data)
		buffer_add(b, "", 0);
	if (!b->data) {
		reply_text(r, status, "", content_type);
		return;
	}
	reply(r, status, reply_make(b, content_type));
}

void reply_text(struct request *r, unsigned status, const char *text, const char *content_type)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);

	common_headers(response, content_type);
	reply(r, status, response);
}

void reply_jsonf(struct request *r, unsigned status, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	reply_text(r, status, text, TYPE_JSON);
}

void reply_json(struct request *r, unsigned status, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	struct buffer b = {.data = text, .n = text ? strlen(text) : 0};

	json_decref(value);
	reply(r, status, text ? reply_make(&b, TYPE_JSON) : NULL);
}

void reply_empty(struct request *r, unsigned status)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

	if (response)
		MHD_add_response_header(response, "Cache-Control", "no-store");
	reply(r, status, response);
}

void reply_problem(struct request *r, struct problem *p)
{
	unsigned status = problem_status(p->kind);
	enum problem_kind kind = p->kind;
	char *text = problem_json(p);
	struct buffer b = {.data = text, .n = text ? strlen(text) : 0};

	reply(r, status, text ? reply_make(&b, TYPE_PROBLEM) : NULL);
	if (kind == PROBLEM_UNAVAILABLE)
		reply_header(r, "Retry-After", "1");
}

void reply_problemf(struct request *r, enum problem_kind kind, const char *format, ...)
{
	struct problem p = {.kind = kind};
	va_list args;

	va_start(args, format);
	vsnprintf(p.detail, sizeof(p.detail), format, args);
	va_end(args);
	reply_problem(r, &p);
}

void reply_rc(struct request *r, int rc, const struct fault *f)
{
	struct problem p;
	bool again;

	problem_from_rc(&p, rc, f);
	again = p.kind == PROBLEM_TOO_MANY;
	reply_problem(r, &p);
	if (again)
		reply_header(r, "Retry-After", "1");
}

void reply_header(struct request *r, const char *name, const char *value)
{
	if (r->response)
		MHD_add_response_header(r->response, name, value);
}

void reply_headerf(struct request *r, const char *name, const char *format, ...)
{
	char value[512];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	reply_header(r, name, value);
}
