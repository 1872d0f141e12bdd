/* What is left of a store after a power cut, against what it has acknowledged. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tests/unit/server/store/crash_world_private.h"

/* ---- looking ---- */

static int look(struct world *w, const char *text, sqlite3_stmt **q)
{
	char path[FILE_PATH_BYTES];

	if (!w->eye) {
		file_path(path, sizeof(path), "%s/hilda.db", w->folder);
		if (sqlite3_open_v2(
			    path, &w->eye, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL))
			return -EIO;
	}
	return sqlite3_prepare_v2(w->eye, text, -1, q, NULL) ? -EIO : 0;
}

void world_look_away(struct world *w)
{
	sqlite3_close(w->eye);
	w->eye = NULL;
}

static void mix(uint64_t *sum, const void *data, size_t n)
{
	for (const uint8_t *p = data, *end = p + n; p < end; p++)
		*sum = (*sum ^ *p) * UINT64_C(0x100000001b3);
}

/* A checksum of what batches change but documents, which are compared one by one. */
int world_digest(struct world *w, uint64_t *out)
{
	static const char *const all[] = {"SELECT * FROM meta", "SELECT * FROM agents",
		"SELECT * FROM boards ORDER BY name", "SELECT * FROM demands",
		"SELECT * FROM label_sets",
		"SELECT * FROM label_pairs ORDER BY key, value, label_set",
		"SELECT id, name, state, outcome, detail, stage, demand, label_set, priority, attempts,"
		" run, board, idempotency_key, body_sha256, cancel_reason, started_at, finished_at"
		" FROM jobs",
		"SELECT * FROM runs", "SELECT * FROM reports", "SELECT * FROM artifacts"};
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		sqlite3_stmt *q;
		int code;

		if (look(w, all[i], &q))
			return -EIO;
		while ((code = sqlite3_step(q)) == SQLITE_ROW) {
			for (int column = 0; column < sqlite3_column_count(q); column++) {
				const void *text = sqlite3_column_text(q, column);

				mix(&sum, text ? text : "-",
					(size_t)sqlite3_column_bytes(q, column) + 1);
			}
			mix(&sum, "\n", 1);
		}
		sqlite3_finalize(q);
		if (code != SQLITE_DONE)
			return -EIO;
	}
	*out = sum;
	return 0;
}

/* ---- what is left ---- */

static bool wrong(struct world *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->verdict, sizeof(w->verdict), format, args);
	va_end(args);
	return false;
}

/* The first column of the first row; fallback when there is none. */
static int64_t number_of(struct world *w, const char *text, int64_t id, int64_t fallback)
{
	sqlite3_stmt *q;
	int64_t n = fallback;

	if (look(w, text, &q))
		return -1;
	sqlite3_bind_int64(q, 1, id);
	if (sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

static bool check_whole(struct world *w)
{
	static const struct {
		const char *text, *what;
	} rules[] = {
		{"SELECT count(*) FROM pragma_foreign_key_check", "rows refer to nothing"},
		{"SELECT count(*) FROM (SELECT 1 FROM runs WHERE finished_at IS NULL GROUP BY board"
		 " HAVING count(*) > 1)",
			"boards have two live runs"},
		{"SELECT count(*) FROM (SELECT 1 FROM runs WHERE finished_at IS NULL GROUP BY job"
		 " HAVING count(*) > 1)",
			"jobs have two live runs"},
		{"SELECT count(*) FROM boards b WHERE (state = 'busy') <>"
		 " EXISTS (SELECT 1 FROM runs WHERE board = b.name AND finished_at IS NULL)",
			"boards are busy without a run, or idle with one"},
		{"SELECT count(*) FROM jobs j WHERE (state = 'active') <>"
		 " EXISTS (SELECT 1 FROM runs WHERE job = j.id AND finished_at IS NULL)",
			"jobs are active without a run, or the other way"},
		{"SELECT count(*) FROM runs r WHERE (result_id IS NOT NULL) <>"
		 " EXISTS (SELECT 1 FROM reports WHERE run = r.id)",
			"results have half of their rows"},
		{"SELECT count(*) - count(DISTINCT idempotency_key) FROM jobs", "jobs are doubled"},
	};
	sqlite3_stmt *q;
	bool ok;

	if (look(w, "PRAGMA integrity_check", &q))
		return wrong(w, "cannot be read: %s", sqlite3_errmsg(w->eye));
	ok = sqlite3_step(q) == SQLITE_ROW &&
		!strcmp((const char *)sqlite3_column_text(q, 0), "ok");
	if (!ok)
		wrong(w, "integrity_check: %s", sqlite3_errmsg(w->eye));
	sqlite3_finalize(q);
	for (size_t i = 0; ok && i < sizeof(rules) / sizeof(rules[0]); i++) {
		int64_t n = number_of(w, rules[i].text, 0, -1);

		if (n)
			ok = wrong(w, "%lld %s", (long long)n, rules[i].what);
	}
	return ok;
}

static bool check_run(struct world *w, size_t number, const struct job_known *j)
{
	sqlite3_stmt *q;
	bool ok = true;

	if (look(w, "SELECT state, epoch, log_bytes, result_id FROM runs WHERE id = $id", &q))
		return wrong(w, "cannot be read: %s", sqlite3_errmsg(w->eye));
	sqlite3_bind_int64(q, 1, j->run);
	if (sqlite3_step(q) != SQLITE_ROW)
		ok = wrong(w, "the run of job %zu is lost", number);
	else if (sqlite3_column_int64(q, 1) != j->epoch)
		ok = wrong(w, "the run of job %zu has another epoch", number);
	else if (sqlite3_column_int64(q, 2) < j->log)
		ok = wrong(w, "the log of job %zu is short", number);
	else if (j->result && sqlite3_column_type(q, 3) == SQLITE_NULL)
		ok = wrong(w, "the result of job %zu is lost", number);
	else if (j->state == RUNNING && !strcmp((const char *)sqlite3_column_text(q, 0), "offered"))
		ok = wrong(w, "the start of job %zu is lost", number);
	sqlite3_finalize(q);
	return ok;
}

static bool check_job(struct world *w, size_t number, const struct job_known *j)
{
	sqlite3_stmt *q;
	char *text, *key;
	const char *state;
	size_t n;
	bool ok = true;

	if (look(w, "SELECT idempotency_key, state, document FROM jobs WHERE id = $id", &q))
		return wrong(w, "cannot be read: %s", sqlite3_errmsg(w->eye));
	sqlite3_bind_int64(q, 1, j->id);
	text = world_document(number, j->pad, &n);
	key = sqlite3_mprintf("k%d", (int)number);
	if (sqlite3_step(q) != SQLITE_ROW) {
		ok = wrong(w, "job %zu is lost", number);
	} else if (strcmp((const char *)sqlite3_column_text(q, 0), key)) {
		ok = wrong(w, "job %zu is another one", number);
	} else if (strcmp((const char *)sqlite3_column_text(q, 2), text)) {
		ok = wrong(w, "the document of job %zu is another one", number);
	} else {
		state = (const char *)sqlite3_column_text(q, 1);
		if (j->state == ENDED && (!strcmp(state, "queued") || !strcmp(state, "active")))
			ok = wrong(w, "the end of job %zu is lost", number);
		if ((j->state == OFFERED || j->state == RUNNING) && !strcmp(state, "queued"))
			ok = wrong(w, "the offer of job %zu is lost", number);
	}
	sqlite3_free(key);
	free(text);
	sqlite3_finalize(q);
	return ok && j->run ? check_run(w, number, j) : ok;
}

/* 1: it is there, 0: it is not, -1: that cannot be seen. */
static int is_there(struct world *w, const struct deed *d)
{
	const struct job_known *j = &w->jobs[d->job];

	switch (d->kind) {
	case SUBMIT:
		return number_of(w, "SELECT 1 FROM jobs WHERE idempotency_key = 'k' || $number",
			       (int64_t)d->job, 0) == 1;
	case CANCEL:
		return number_of(w,
			       "SELECT cancel_reason IS NOT NULL OR state = 'canceled' FROM jobs"
			       " WHERE id = $id",
			       j->id, 0) == 1;
	case START:
		return number_of(w, "SELECT state <> 'offered' FROM runs WHERE id = $id", j->run,
			       0) == 1;
	case LOG:
		return number_of(w, "SELECT log_bytes FROM runs WHERE id = $id", j->run, 0) >=
			d->x.log.length;
	case RESULT:
		return number_of(w, "SELECT result_id IS NOT NULL FROM runs WHERE id = $id", j->run,
			       0) == 1;
	case CLAIM:
		break;
	}
	return -1;
}

/* The batch that was in doubt is there as a whole or not at all. */
static bool check_doubt(struct world *w, bool *whole)
{
	size_t there = 0, absent = 0;
	uint64_t now;

	if (world_digest(w, &now))
		return wrong(w, "cannot be read: %s", sqlite3_errmsg(w->eye));
	for (size_t i = 0; i < w->n_deeds; i++) {
		int is = is_there(w, &w->deeds[i]);

		there += is == 1;
		absent += is == 0;
	}
	*whole = there > 0 || (w->known && now != w->after);
	if (there && absent)
		return wrong(
			w, "half of a batch: %zu operations are there, %zu are not", there, absent);
	if (w->known && now != w->after && (!w->in_doubt || absent))
		return wrong(w, "not what it was after the last acknowledged batch");
	if (w->known && now == w->after && there)
		return wrong(w, "operations stand in a database that did not change");
	return true;
}

static bool retry(struct world *w, bool whole)
{
	bool as_it_was = true;

	w->counts.in_doubt++;
	w->counts.whole += whole;
	for (size_t i = 0; i < w->n_deeds; i++) {
		if (w->deeds[i].kind == CLAIM)
			op_offer_claim_done(&w->deeds[i].x.claim);
	}
	if (world_run(w))
		return false;
	for (size_t i = 0; i < w->n_deeds && as_it_was; i++) {
		const struct deed *d = &w->deeds[i];

		if (d->kind == SUBMIT)
			as_it_was = d->x.submit.replayed == whole;
		if (d->kind == RESULT)
			as_it_was = d->x.put.replayed == whole;
	}
	world_acknowledge(w);
	return as_it_was || wrong(w, "a repeated operation was not told that it is one");
}

const char *world_check(struct world *w)
{
	bool whole = false;
	bool ok = check_whole(w);

	for (size_t i = 0; i < w->n_jobs && ok; i++) {
		if (w->jobs[i].id)
			ok = check_job(w, i, &w->jobs[i]);
	}
	if (ok)
		ok = check_doubt(w, &whole);
	if (ok && w->in_doubt)
		ok = retry(w, whole);
	else if (ok && !w->known)
		world_remember(w);
	return ok ? NULL : w->verdict;
}
