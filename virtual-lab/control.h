/*
 * The control socket: text commands, one a line, one reply line each. One thread; no call waits.
 */
#ifndef HILDA_VIRTUAL_LAB_CONTROL_H
#define HILDA_VIRTUAL_LAB_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/fault.h"

#define CONTROL_CLIENTS 8
#define CONTROL_LINE_BYTES 256
#define CONTROL_REPLY_BYTES 1280
#define CONTROL_FDS (CONTROL_CLIENTS + 1)

/* Fills reply without a line end: "ok ..." or "error ...". */
typedef void (*control_fn)(void *arg, const char *line, char *reply, size_t room);

struct control_client {
	int fd; /* -1: free */
	size_t n;
	char line[CONTROL_LINE_BYTES];
};

struct control {
	int fd;
	int folder_fd;
	control_fn execute;
	void *arg;
	struct control_client clients[CONTROL_CLIENTS];
};

/* The socket is called `control` in the folder, however long the folder's path is. */
int control_open(
	struct control *c, const char *folder, control_fn execute, void *arg, struct fault *f);
void control_close(struct control *c);
/* CONTROL_FDS entries. */
void control_fill(const struct control *c, struct pollfd *p);
void control_serve(struct control *c, const struct pollfd *p);

#endif
