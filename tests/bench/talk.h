/*
 * HTTP/1.1 over kept connections to one port of loopback, for programs that put load on a server: one
 * request at a time on each, answers by a callback. One thread; talks_turn waits at most as long as it
 * is told. There is no way on from an error here: the program ends with its words.
 */
#ifndef HILDA_TESTS_BENCH_TALK_H
#define HILDA_TESTS_BENCH_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"

struct talk;

/* body: NUL-terminated, gone after the call. The connection is free again: it may send the next. */
typedef void (*talk_answered)(struct talk *t, int status, const char *body, size_t n);

struct talk {
	int fd; /* -1: not connected */
	bool busy;
	int64_t sent_ns;
	void *own; /* the caller's */
	talk_answered answered;
	struct buffer in;
	size_t body_at, body_bytes; /* of the answer that comes in; 0: its head is not complete */
	int status;
};

void talks_open(uint16_t port);
void talk_init(struct talk *t, void *own);
/* headers: whole lines, each with its \r\n. The bytes are written before it returns. */
void talk_send(struct talk *t, const char *method, const char *path, const char *headers,
	const char *body, size_t n, talk_answered answered);
/* Answers that are here, or the first one within wait_ms. */
void talks_turn(int wait_ms);

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

#endif
