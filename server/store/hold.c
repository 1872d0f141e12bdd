#include "server/store/hold.h"

#include <errno.h>
#include <string.h>

int hold_read(struct sql *db, const char *board, struct hold *out, struct fault *f)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc = sql_first(db, &q,
		"SELECT state, hold, hold_owner, hold_until, agent, online FROM boards"
		" WHERE name = $name",
		SQL_T("$name", board));

	if (rc < 0)
		return rc;
	if (!rc)
		return fault_set(f, ENOENT, "there is no board %.64s", board);
	sql_copy(q, 0, out->state, sizeof(out->state));
	sql_copy(q, 1, out->hold, sizeof(out->hold));
	sql_copy(q, 2, out->owner, sizeof(out->owner));
	out->until_ms = sql_null(q, 3) ? 0 : sql_i64(q, 3);
	out->agent = sql_i64(q, 4);
	out->online = sql_i64(q, 5);
	return 0;
}

bool hold_is_reserved(const struct hold *h)
{
	return !strcmp(h->hold, "reserved");
}

void hold_name_owner(const struct hold *h, char out[HOLD_OWNER_BYTES])
{
	char until[CLOCK_RFC3339_BYTES] = "it is released";

	if (h->until_ms)
		clock_format_rfc3339(h->until_ms, until);
	snprintf(out, HOLD_OWNER_BYTES, "by %s until %s",
		h->owner[0] ? h->owner : "nobody in particular", until);
}

int hold_may_open(
	const struct hold *h, const char *board, const char *who, int64_t now_ms, struct fault *f)
{
	char by[HOLD_OWNER_BYTES];

	hold_name_owner(h, by);
	if (!hold_is_reserved(h))
		return fault_set(f, EACCES,
			"board %.64s is not reserved: hilda reserve %.64s --for 1h --reason WHY",
			board, board);
	if (strcmp(h->owner, who) != 0)
		return fault_set(f, EACCES, "board %.64s is reserved %s", board, by);
	if (h->until_ms && h->until_ms <= now_ms)
		return fault_set(f, EACCES, "the reservation of board %.64s is over", board);
	if (strcmp(h->state, "reserved") != 0)
		return fault_set(f, EBUSY,
			"board %.64s is %s still: its reservation begins when that is over", board,
			h->state);
	if (!h->online)
		return fault_set(f, EBUSY, "board %.64s is offline", board);
	return 0;
}
