/*
 * A few threads for what must not run on a connection's thread: fsync of uploads and logs, the
 * statistics of a result. Tasks run in the order of submission, each on one worker; a task belongs
 * to the caller and must live until its function is called. workers_submit never waits.
 */
#ifndef HILDA_SERVER_HTTP_WORKERS_H
#define HILDA_SERVER_HTTP_WORKERS_H

#include <stddef.h>

struct task {
	struct task *next;
	void (*run)(struct task *task); /* the task may free itself */
};

struct workers;

int workers_open(size_t threads, struct workers **out);
/* Runs what is queued, then ends the threads. Accepts NULL. */
void workers_close(struct workers *w);
void workers_submit(struct workers *w, struct task *task);
size_t workers_queued(struct workers *w);

#endif
