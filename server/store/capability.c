#include "server/store/capability.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "protocols/job/outcome.h"

size_t capability_words(const json_t *list, const char **out, size_t n)
{
	size_t index, found = 0;
	json_t *word;

	json_array_foreach (list, index, word) {
		if (json_is_string(word) && found < n)
			out[found++] = json_string_value(word);
	}
	return found;
}

uint32_t capability_phases(const json_t *list)
{
	uint32_t mask = 0;
	size_t index;
	json_t *word;
	enum stage s;

	if (!json_is_array(list))
		return MATCH_ANY_PHASE;
	json_array_foreach (list, index, word) {
		if (json_is_string(word) && !stage_parse(json_string_value(word), &s))
			mask |= 1u << s;
	}
	return mask;
}

static enum match_state state_of(const char *word)
{
	static const char *const words[] = {"ready", "busy", "quarantined", "drained", "reserved"};

	for (int i = 0; i < 5; i++) {
		if (!strcmp(words[i], word))
			return (enum match_state)i;
	}
	return MATCH_QUARANTINED;
}

/* "by ada until 2026-01-02T03:04:05.678Z" */
static void set_who(struct capability *c, sqlite3_stmt *q)
{
	const char *owner = sql_text(q, 14);
	char until[CLOCK_RFC3339_BYTES];

	if (c->board.state != MATCH_RESERVED || (!owner[0] && sql_null(q, 15)))
		return;
	if (!sql_null(q, 15))
		clock_format_rfc3339(sql_i64(q, 15), until);
	snprintf(c->who, sizeof(c->who), "%s%.64s%s%s%s", owner[0] ? "by " : "", owner,
		owner[0] && !sql_null(q, 15) ? " " : "", sql_null(q, 15) ? "" : "until ",
		sql_null(q, 15) ? "" : until);
	c->board.who = c->who;
}

int capability_load(struct capability *c, sqlite3_stmt *q)
{
	struct match_board *b = &c->board;
	json_t *phases;

	memset(c, 0, sizeof(*c));
	sql_copy(q, 0, c->name, sizeof(c->name));
	sql_copy(q, 1, c->type, sizeof(c->type));
	c->tags = json_loads(sql_text(q, 2), 0, NULL);
	c->protocols = sql_null(q, 3) ? NULL : json_loads(sql_text(q, 3), 0, NULL);
	phases = sql_null(q, 4) ? NULL : json_loads(sql_text(q, 4), 0, NULL);
	b->name = c->name;
	b->type = c->type;
	b->n_tags = capability_words(c->tags, b->tags, MATCH_WORDS_MAX);
	b->n_protocols = capability_words(c->protocols, b->protocols, MATCH_WORDS_MAX);
	b->phases = capability_phases(phases);
	json_decref(phases);
	b->online = sql_i64(q, 5);
	b->state = state_of(sql_text(q, 6));
	/* A person's reason says more than the machine's. */
	sql_copy(q, sql_text(q, 11)[0] && b->state >= MATCH_DRAINED ? 12 : 7, c->reason,
		sizeof(c->reason));
	b->reason = c->reason;
	set_who(c, q);
	sql_copy(q, 13, c->detail, sizeof(c->detail));
	b->detail = c->detail;
	c->is_virtual = sql_i64(q, 8);
	c->exec = sql_i64(q, 9);
	c->epoch = sql_i64(q, 10);
	return 0;
}

void capability_done(struct capability *c)
{
	json_decref(c->tags);
	json_decref(c->protocols);
	memset(c, 0, sizeof(*c));
}
