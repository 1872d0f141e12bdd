/* A progress bar on a terminal, a line for each step elsewhere; both on stderr. One thread. */
#ifndef HILDA_CLI_PROGRESS_H
#define HILDA_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *out;
	bool terminal;
	size_t total, done, failed, active;
	int64_t start_ns;
};

void progress_start(struct progress *p, FILE *out, size_t total, int64_t now_ns);
/* A step has ended: `text` as a line of its own (escaped), above the bar. */
void progress_step(struct progress *p, bool failed, const char *text, int64_t now_ns);
/* Draws the bar; nothing when not on a terminal. */
void progress_draw(const struct progress *p, int64_t now_ns);
/* Leaves the last bar standing. */
void progress_end(const struct progress *p);

#endif
