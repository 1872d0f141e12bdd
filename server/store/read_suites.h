/* Reads of suites, their runs and schedules; read.h says how reads are used. */
#ifndef HILDA_SERVER_STORE_READ_SUITES_H
#define HILDA_SERVER_STORE_READ_SUITES_H

#include "server/store/read.h"

int read_suites(struct store_reader *r, struct buffer *out);
/* With its document. */
int read_suite(struct store_reader *r, const char *name, struct buffer *out);
/* The document's text, malloc'd. */
int read_suite_document(struct store_reader *r, const char *name, char **text);

/* suite NULL: of any. */
int read_suite_runs(struct store_reader *r, const struct read_page *page, const char *suite,
	struct buffer *out);
/* With its cells, each with its latest job's state and headline numbers. */
int read_suite_run(struct store_reader *r, int64_t suite_run, struct buffer *out);

struct read_schedule {
	int64_t id;
	const char *suite, *cron, *zone; /* all borrowed until the callback returns */
	bool paused;
	int64_t created_ms;
	int64_t due_ms, last_due_ms, last_ms;  /* 0: none */
	const char *last_action, *last_detail; /* "": it was never due */
	int64_t last_run;		       /* 0: none */
};
/* One schedule (0: all), by id; ends when fn returns other than 0, and returns that. */
int read_schedules(struct store_reader *r, int64_t schedule,
	int (*fn)(void *arg, const struct read_schedule *s), void *arg);
/* Those that are due, the earliest first, at most `limit`. */
int read_schedules_due(struct store_reader *r, int64_t now_ms, unsigned limit,
	int (*fn)(void *arg, const struct read_schedule *s), void *arg);
/* When the next one is due; INT64_MAX: none. */
int read_schedules_next(struct store_reader *r, int64_t *due_ms);

#endif
