/*
 * A board's row as the matcher wants it. Private to server/store; whoever calls owns the record and
 * ends it with capability_done.
 */
#ifndef HILDA_SERVER_STORE_CAPABILITY_H
#define HILDA_SERVER_STORE_CAPABILITY_H

#include <jansson.h>

#include "server/schedule/match.h"
#include "server/store/sql.h"

struct capability {
	struct match_board board; /* points into what follows */
	json_t *tags, *protocols;
	char name[65], type[65], reason[256], detail[256], who[128];
	bool is_virtual, exec;
	int64_t epoch;
};

/* The columns that capability_load expects, in order. */
#define CAPABILITY_COLUMNS                                                                        \
	"b.name, b.type, b.tags, b.protocols, b.phases, b.online, b.state, b.reason, b.virtual, " \
	"b.exec, b.epoch, b.hold, b.hold_reason, b.detail, b.hold_owner, b.hold_until"

/* From the row at hand. The record must not move afterwards. */
int capability_load(struct capability *c, sqlite3_stmt *q);
void capability_done(struct capability *c);

/* Strings of an array, borrowed; returns how many, at most n. */
size_t capability_words(const json_t *list, const char **out, size_t n);
/* A mask of 1u << enum stage; MATCH_ANY_PHASE when it is no array. */
uint32_t capability_phases(const json_t *list);

#endif
