/*
 * RFC 9457 problem documents: one enum and one table for slug, title and status. A struct problem
 * lives on a stack; `known` is borrowed. Pure.
 */
#ifndef HILDA_SERVER_HTTP_PROBLEM_H
#define HILDA_SERVER_HTTP_PROBLEM_H

#include <jansson.h>

#include "common/fault.h"

enum problem_kind {
	PROBLEM_NONE,
	PROBLEM_BAD_REQUEST,
	PROBLEM_BAD_JSON,
	PROBLEM_BAD_JOB,
	PROBLEM_BAD_QUERY,
	PROBLEM_BAD_SUITE,
	PROBLEM_BAD_SCHEDULE,
	PROBLEM_UNKNOWN_BOARD_TYPE,
	PROBLEM_TOO_FEW_BOARDS,
	PROBLEM_UNKNOWN_IMAGE,
	PROBLEM_HASH_MISMATCH,
	PROBLEM_BAD_CAPTURE,
	PROBLEM_NOT_FOUND,
	PROBLEM_METHOD_NOT_ALLOWED,
	PROBLEM_NOT_ACCEPTABLE,
	PROBLEM_REQUEST_TIMEOUT,
	PROBLEM_CONFLICT,
	PROBLEM_IDEMPOTENCY,
	PROBLEM_STALE_SESSION,
	PROBLEM_STALE_EPOCH,
	PROBLEM_WRONG_OFFSET,
	PROBLEM_GONE,
	PROBLEM_LENGTH_REQUIRED,
	PROBLEM_TOO_LARGE,
	PROBLEM_MEDIA_TYPE,
	PROBLEM_RANGE,
	PROBLEM_MISDIRECTED,
	PROBLEM_UPGRADE,
	PROBLEM_UNAUTHORIZED,
	PROBLEM_FORBIDDEN,
	PROBLEM_TOO_MANY,
	PROBLEM_INTERNAL,
	PROBLEM_UNAVAILABLE,
	PROBLEM_DISK_FULL,
	PROBLEM_COUNT
};

#define PROBLEM_POINTER_BYTES 256

struct problem {
	enum problem_kind kind;
	char detail[FAULT_TEXT_BYTES];
	char pointer
		[PROBLEM_POINTER_BYTES]; /* JSON pointer into the request; "" with has_pointer unset: none */
	int has_pointer;
	const char *const *known; /* NULL-terminated values that would have done, or NULL */
	json_t *known_json;	  /* the same as an array (stolen by problem_json), or NULL */
	json_t *extra;		  /* more members (stolen by problem_json), or NULL */
};

int problem_status(enum problem_kind kind);
const char *problem_slug(enum problem_kind kind);
void problem_set(struct problem *p, enum problem_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void problem_pointer(struct problem *p, const char *pointer);
/* What an operation's or a read's rc means to HTTP (server/store/ops.h has the list). */
void problem_from_rc(struct problem *p, int rc, const struct fault *f);
/* The document as text, malloc'd; NULL when out of memory. Invalid UTF-8 becomes '?'. */
char *problem_json(struct problem *p);

#endif
