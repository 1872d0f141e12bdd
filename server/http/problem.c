#include "server/http/problem.h"

#include <errno.h>
#include <stdarg.h>

static const struct {
	const char *slug, *title;
	int status;
} kinds[PROBLEM_COUNT] = {
	[PROBLEM_NONE] = {"none", "No problem", 200},
	[PROBLEM_BAD_REQUEST] = {"bad-request", "The request cannot be understood", 400},
	[PROBLEM_BAD_JSON] = {"bad-json", "The body is not the JSON that is wanted here", 400},
	[PROBLEM_BAD_JOB] = {"bad-job", "The job document is not valid", 400},
	[PROBLEM_BAD_QUERY] = {"bad-query", "A query parameter is not valid", 400},
	[PROBLEM_BAD_SUITE] = {"bad-suite", "The suite document is not valid", 400},
	[PROBLEM_BAD_SCHEDULE] = {"bad-schedule", "The schedule is not valid", 400},
	[PROBLEM_UNKNOWN_BOARD_TYPE] = {"unknown-board-type", "No board of this type is known",
		422},
	[PROBLEM_TOO_FEW_BOARDS] = {"too-few-boards", "Fewer boards fit than are asked for", 422},
	[PROBLEM_UNKNOWN_IMAGE] = {"unknown-image", "The image has not been uploaded", 422},
	[PROBLEM_HASH_MISMATCH] = {"hash-mismatch", "The bytes do not have the announced hash",
		422},
	[PROBLEM_BAD_CAPTURE] = {"bad-capture", "The bytes are not a capture", 422},
	[PROBLEM_NOT_FOUND] = {"not-found", "There is no such thing", 404},
	[PROBLEM_METHOD_NOT_ALLOWED] = {"method-not-allowed", "Not with this method", 405},
	[PROBLEM_NOT_ACCEPTABLE] = {"not-acceptable", "Not in this format", 406},
	[PROBLEM_REQUEST_TIMEOUT] = {"request-timeout", "The request took too long", 408},
	[PROBLEM_CONFLICT] = {"conflict", "The state of the thing does not allow it", 409},
	[PROBLEM_IDEMPOTENCY] = {"idempotency-conflict",
		"The Idempotency-Key was used with another body", 409},
	[PROBLEM_STALE_SESSION] = {"stale-session", "The agent has a newer session", 409},
	[PROBLEM_STALE_EPOCH] = {"stale-epoch", "The run is no longer this agent's", 409},
	[PROBLEM_WRONG_OFFSET] = {"wrong-offset", "Bytes are missing before this offset", 409},
	[PROBLEM_GONE] = {"gone", "It was there, and is over", 410},
	[PROBLEM_LENGTH_REQUIRED] = {"length-required", "Content-Length is needed", 411},
	[PROBLEM_TOO_LARGE] = {"too-large", "The body is over the limit", 413},
	[PROBLEM_MEDIA_TYPE] = {"media-type", "The Content-Type is not the one that is wanted",
		415},
	[PROBLEM_RANGE] = {"range", "The range lies outside the file", 416},
	[PROBLEM_MISDIRECTED] = {"misdirected", "This server does not answer for that host", 421},
	[PROBLEM_UPGRADE] = {"upgrade-required", "Another version of the agent protocol", 426},
	[PROBLEM_UNAUTHORIZED] = {"unauthorized", "A token is needed", 401},
	[PROBLEM_TOO_MANY] = {"too-many", "Too many requests", 429},
	[PROBLEM_FORBIDDEN] = {"forbidden", "Not allowed", 403},
	[PROBLEM_INTERNAL] = {"internal", "The server failed", 500},
	[PROBLEM_UNAVAILABLE] = {"unavailable", "The server cannot take this now", 503},
	[PROBLEM_DISK_FULL] = {"disk-full", "The server's disk is full", 507},
};

int problem_status(enum problem_kind kind)
{
	return kinds[kind].status;
}

const char *problem_slug(enum problem_kind kind)
{
	return kinds[kind].slug;
}

void problem_set(struct problem *p, enum problem_kind kind, const char *format, ...)
{
	va_list args;

	*p = (struct problem){.kind = kind};
	va_start(args, format);
	vsnprintf(p->detail, sizeof(p->detail), format, args);
	va_end(args);
}

void problem_pointer(struct problem *p, const char *pointer)
{
	snprintf(p->pointer, sizeof(p->pointer), "%s", pointer);
	p->has_pointer = 1;
}

static enum problem_kind kind_of_rc(int rc)
{
	switch (-rc) {
	case EINVAL:
		return PROBLEM_BAD_REQUEST;
	case ENOENT:
		return PROBLEM_NOT_FOUND;
	case ENXIO:
		return PROBLEM_UNKNOWN_IMAGE;
	case EACCES:
		return PROBLEM_FORBIDDEN;
	case ESTALE:
		return PROBLEM_STALE_SESSION;
	case EOWNERDEAD:
		return PROBLEM_STALE_EPOCH;
	case EEXIST:
		return PROBLEM_CONFLICT;
	case EBUSY:
		return PROBLEM_CONFLICT;
	case EFBIG:
		return PROBLEM_TOO_LARGE;
	case EUSERS:
		return PROBLEM_TOO_MANY;
	case EAGAIN:
	case ESHUTDOWN:
	case ENOMEM:
		return PROBLEM_UNAVAILABLE;
	case ENOSPC:
		return PROBLEM_DISK_FULL;
	default:
		return PROBLEM_INTERNAL;
	}
}

void problem_from_rc(struct problem *p, int rc, const struct fault *f)
{
	enum problem_kind kind = kind_of_rc(rc);

	if (f && f->text[0])
		problem_set(p, kind, "%s", f->text);
	else if (kind == PROBLEM_UNAVAILABLE)
		problem_set(p, kind, "the server has too much to do at the moment; try again");
	else
		problem_set(p, kind, "%s", kinds[kind].title);
}

/* What a peer sent may be no UTF-8, which JSON cannot carry. */
static json_t *text_json(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value)
		return value;
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	value = json_string(copy);
	free(copy);
	return value;
}

char *problem_json(struct problem *p)
{
	char type[64];
	json_t *doc, *known = p->known_json;
	char *text;

	snprintf(type, sizeof(type), "/problems/%s", kinds[p->kind].slug);
	doc = json_pack("{s:s, s:s, s:i, s:o}", "type", type, "title", kinds[p->kind].title,
		"status", kinds[p->kind].status, "detail", text_json(p->detail));
	if (doc && p->has_pointer)
		json_object_set_new(doc, "pointer", text_json(p->pointer));
	if (doc && !known && p->known) {
		known = json_array();
		for (const char *const *k = p->known; *k; k++)
			json_array_append_new(known, json_string(*k));
	}
	if (doc && known)
		json_object_set(doc, "known", known);
	if (doc && p->extra)
		json_object_update(doc, p->extra);
	json_decref(known);
	json_decref(p->extra);
	p->known_json = p->extra = NULL;
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	json_decref(doc);
	return text;
}
