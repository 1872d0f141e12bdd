/*
 * Memory of rows that never change (demands, sets of labels): text to id and id to text, so that a
 * statement is spared. One thread at a time; entries live until the table is cleared, which only happens
 * between operations (intern_trim): within one they may be pointed to.
 */
#ifndef HILDA_SERVER_STORE_INTERN_H
#define HILDA_SERVER_STORE_INTERN_H

#include <jansson.h>
#include <stdint.h>

#include "protocols/job/job.h"
#include "server/schedule/match.h"

#define INTERN_BUCKETS 1024 /* a power of two */
#define INTERN_MAX 8192	    /* above it a table starts anew with the next operation */

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
/* NULL when out of memory. */
struct intern_entry *intern_add(struct intern_table *t, int64_t id, const char *text);
/* The entry that was added last: of thousands that are looked at once, none need stay. */
void intern_drop_last(struct intern_table *t, struct intern_entry *e);
void intern_clear(struct intern_table *t);
/* Tables that are too long begin anew. Where nobody holds an entry. */
void intern_trim(struct interned *all);

/*
 * {"board":{"type":..,"tags":[..],"name":..},"protocol":..,"phases":[..]}, tags sorted: equal demands
 * have equal texts. NULL when out of memory; board_name NULL: the job's own.
 */
char *demand_text(const struct job *job, const char *board_name);
/* Fills parsed, need and extra from the text. 0, -EINVAL or -ENOMEM. */
int demand_parse(struct intern_entry *e);

#endif
