#include "server/store/placing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/job/job.h"
#include "server/store/capability.h"
#include "server/store/store.h"

#define NAMES_MAX (JOB_REPEAT_MAX + 1)

struct names {
	char (*at)[STORE_NAME_BYTES];
	size_t n;
};

static bool holds(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!strcmp(names->at[i], name))
			return true;
	}
	return false;
}

static int keep(struct sql *db, sqlite3_stmt *q, int rc, struct names *names)
{
	for (; rc > 0 && names->n < NAMES_MAX; rc = sql_next(db, q))
		sql_copy(q, 0, names->at[names->n++], STORE_NAME_BYTES);
	sql_end(&q);
	return rc < 0 ? rc : 0;
}

/* A repetition that measured nothing has not had its board. */
static int of_siblings(struct sql *db, const struct placing *p, struct names *names)
{
	sqlite3_stmt *q = NULL;
	int rc = sql_first(db, &q,
		"SELECT board FROM jobs WHERE parent = (SELECT parent FROM jobs WHERE id = $job)"
		" AND id <> $job"
		" AND board IS NOT NULL AND state <> 'queued' AND outcome <> 'canceled'"
		" AND outcome <> 'infrastructure'",
		SQL_I("$job", p->job));

	return keep(db, q, rc, names);
}

static int of_failures(struct sql *db, int64_t job, struct names *names)
{
	sqlite3_stmt *q = NULL;
	int rc = sql_first(db, &q,
		"SELECT board FROM runs WHERE job = $job AND finished_at IS NOT NULL"
		" AND state <> 'released'",
		SQL_I("$job", job));

	return keep(db, q, rc, names);
}

/* Is there a board that takes jobs and that is in neither list? */
static int another_would_do(struct sql *db, const struct match_need *need, const struct names *had,
	const struct names *failed)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc;

	if (need->name)
		return 0;
	rc = sql_first(db, &q,
		"SELECT " CAPABILITY_COLUMNS " FROM boards b WHERE b.type = $type AND b.online = 1"
		" AND (b.state = 'ready' OR b.state = 'busy') AND b.hold = '' ORDER BY b.name",
		SQL_T("$type", need->type));
	for (; rc > 0; rc = sql_next(db, q)) {
		struct capability c;
		bool fits;

		capability_load(&c, q);
		fits = !holds(had, c.name) && !holds(failed, c.name) && match_fits(need, &c.board);
		capability_done(&c);
		if (fits)
			return 1;
	}
	return rc;
}

int placing_not_on(struct sql *db, const struct placing *p, const struct match_board *boards,
	size_t n_boards, uint64_t *not_on)
{
	_cleanup_free_ char(*room)[STORE_NAME_BYTES] = calloc(2 * NAMES_MAX, sizeof(*room));
	struct names had = {room, 0}, failed = {room ? room + NAMES_MAX : NULL, 0};
	int rc = room ? 0 : -ENOMEM, other;

	*not_on = 0;
	if (!rc && p->bits & PLACING_DISTINCT)
		rc = of_siblings(db, p, &had);
	if (!rc && p->bits & PLACING_RETRIED)
		rc = of_failures(db, p->job, &failed);
	if (rc)
		return rc;
	other = failed.n ? another_would_do(db, p->need, &had, &failed) : 0;
	if (other < 0)
		return other;
	for (size_t i = 0; i < n_boards && i < 64; i++) {
		if (holds(&had, boards[i].name) || (other && holds(&failed, boards[i].name)))
			*not_on |= UINT64_C(1) << i;
	}
	return 0;
}

int placing_count_fitting(struct sql *db, const struct match_need *need, size_t enough, size_t *n)
{
	_cleanup_sql_ sqlite3_stmt *q = NULL;
	int rc;

	if (need->name)
		rc = sql_first(db, &q,
			"SELECT " CAPABILITY_COLUMNS " FROM boards b WHERE b.name = $name",
			SQL_T("$name", need->name));
	else
		rc = sql_first(db, &q,
			"SELECT " CAPABILITY_COLUMNS " FROM boards b WHERE b.type = $type",
			SQL_T("$type", need->type));
	for (*n = 0; rc > 0 && *n < enough; rc = sql_next(db, q)) {
		struct capability c;

		capability_load(&c, q);
		*n += match_fits(need, &c.board);
		capability_done(&c);
	}
	return rc < 0 ? rc : 0;
}
