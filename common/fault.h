/*
 * Why something failed, in words that a person can act on.
 *
 * A fault is a plain struct on the caller's stack: no memory to free, any thread, never waits.
 * Library code fills it and does not log; whoever decides what the failure means logs once.
 */
#ifndef HILDA_COMMON_FAULT_H
#define HILDA_COMMON_FAULT_H

#include <stddef.h>

#define FAULT_TEXT_BYTES 1024

struct fault {
	int error;		     /* positive errno; 0: no fault */
	char text[FAULT_TEXT_BYTES]; /* one sentence: the thing, what is wrong, the remedy */
};

/* Fills *f (NULL is allowed) and returns -error, so that callers can `return fault_set(...)`. */
int fault_set(struct fault *f, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As fault_set, and appends ": <strerror(error)>". */
int fault_errno(struct fault *f, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "<context>: " in front of the text that is there. Returns -f->error. */
int fault_wrap(struct fault *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Hears of each problem that a check finds, one after the other. */
typedef void (*fault_say)(void *arg, const struct fault *f);

#endif
