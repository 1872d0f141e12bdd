/*
 * Memory of rows that never change (demands, sets of labels): text to id and id to text, so that a
 * statement is spared. One thread at a time; entries live until the table is cleared.
 */
#ifndef HILDA_SERVER_STORE_INTERN_H
#define HILDA_SERVER_STORE_INTERN_H

#include <jansson.h>
#include <stdint.h>

#include "protocols/job/job.h"
#include "server/schedule/match.h"

#define INTERN_BUCKETS 1024 /* a power of two */
#define INTERN_MAX 8192	    /* above it the table starts anew */

struct intern_entry {
	int64_t id;
	char *text;
	json_t *parsed;		/* demands: owns what need points to */
	struct match_need need; /* demands */
	char *extra;		/* demands: the board as JSON text */
	struct intern_entry *next_by_text, *next_by_id;
};

struct intern_table {
	struct intern_entry *by_text[INTERN_BUCKETS];
	struct intern_entry *by_id[INTERN_BUCKETS];
	size_t n;
};

struct interned {
	struct intern_table demands;
	struct intern_table labels;
};

struct intern_entry *intern_find_text(struct intern_table *t, const char *text);
struct intern_entry *intern_find_id(struct intern_table *t, int64_t id);
/* NULL when out of memory. Entries found before may be gone after. */
struct intern_entry *intern_add(struct intern_table *t, int64_t id, const char *text);
void intern_clear(struct intern_table *t);

/*
 * {"board":{"type":..,"tags":[..],"name":..},"protocol":..,"phases":[..]}, tags sorted: equal demands
 * have equal texts. NULL when out of memory; board_name NULL: the job's own.
 */
char *demand_text(const struct job *job, const char *board_name);
/* Fills parsed, need and extra from the text. 0, -EINVAL or -ENOMEM. */
int demand_parse(struct intern_entry *e);

#endif
