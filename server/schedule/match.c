#include "server/schedule/match.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/job/outcome.h"

static bool has_word(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(words[i], word))
			return true;
	}
	return false;
}

static bool of_kind(const struct match_need *need, const struct match_board *b)
{
	return (!need->type || !strcmp(need->type, b->type)) &&
		(!need->name || !strcmp(need->name, b->name));
}

/* The first thing that the board lacks, or NULL. */
static const char *lacks_tag(const struct match_need *need, const struct match_board *b)
{
	for (size_t i = 0; i < need->n_tags; i++) {
		if (!has_word(b->tags, b->n_tags, need->tags[i]))
			return need->tags[i];
	}
	return NULL;
}

static bool speaks(const struct match_need *need, const struct match_board *b)
{
	return !need->protocol || !b->n_protocols ||
		has_word(b->protocols, b->n_protocols, need->protocol);
}

static uint32_t lacks_phases(const struct match_need *need, const struct match_board *b)
{
	return b->phases == MATCH_ANY_PHASE ? 0 : need->phases & ~b->phases;
}

bool match_fits(const struct match_need *need, const struct match_board *b)
{
	return of_kind(need, b) && !lacks_tag(need, b) && speaks(need, b) && !lacks_phases(need, b);
}

struct ranked_job {
	const struct match_job *job;
	size_t index;
};

static int by_rank(const void *pa, const void *pb)
{
	const struct match_job *a = ((const struct ranked_job *)pa)->job;
	const struct match_job *b = ((const struct ranked_job *)pb)->job;

	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Is board a to be taken rather than b? Fewer abilities first; names are unique, so never equal. */
static bool taken_before(const struct match_board *a, const struct match_board *b)
{
	size_t of_a = a->n_tags + a->n_protocols, of_b = b->n_tags + b->n_protocols;

	return of_a != of_b ? of_a < of_b : strcmp(a->name, b->name) < 0;
}

int match_assign(const struct match_board *boards, size_t n_boards, const struct match_job *jobs,
	size_t n_jobs, struct match_pair *pairs, size_t *n_pairs)
{
	_cleanup_free_ struct ranked_job *ranked = calloc(n_jobs + 1, sizeof(*ranked));
	_cleanup_free_ bool *taken = calloc(n_boards + 1, sizeof(*taken));
	size_t n = 0;

	if (!ranked || !taken)
		return -ENOMEM;
	for (size_t i = 0; i < n_jobs; i++)
		ranked[i] = (struct ranked_job){&jobs[i], i};
	qsort(ranked, n_jobs, sizeof(*ranked), by_rank);
	for (size_t j = 0; j < n_jobs && n < n_boards; j++) {
		size_t best = n_boards;

		for (size_t b = 0; b < n_boards; b++) {
			if (taken[b] || !boards[b].online || boards[b].state != MATCH_READY ||
				!match_fits(ranked[j].job->need, &boards[b]))
				continue;
			if (best == n_boards || taken_before(&boards[b], &boards[best]))
				best = b;
		}
		if (best == n_boards)
			continue;
		taken[best] = true;
		pairs[n++] = (struct match_pair){best, ranked[j].index};
	}
	*n_pairs = n;
	return 0;
}

/* ---- why a job waits ---- */

struct tally {
	size_t of_kind, tagged, speaking, fitting, online;
	size_t in_state[MATCH_RESERVED + 1];
	const struct match_board *first_offline, *first[MATCH_RESERVED + 1];
	uint32_t missing_phases; /* of boards that fit but for phases: what all of them lack */
};

/* Ready, but its agent does not take a job for it now: another board has what it needs. */
static bool has_to_wait(const struct match_board *b)
{
	return b->state == MATCH_READY && b->detail && !strncmp(b->detail, "waits for ", 10);
}

/* The one to speak of: one that need not wait, then by name. */
static const struct match_board *smaller(const struct match_board *a, const struct match_board *b)
{
	if (a && has_to_wait(a) != has_to_wait(b))
		return has_to_wait(a) ? b : a;
	return !a || strcmp(b->name, a->name) < 0 ? b : a;
}

static void count(const struct match_need *need, const struct match_board *b, struct tally *t)
{
	if (!of_kind(need, b))
		return;
	t->of_kind++;
	if (lacks_tag(need, b))
		return;
	t->tagged++;
	if (!speaks(need, b))
		return;
	t->speaking++;
	if (lacks_phases(need, b)) {
		t->missing_phases |= lacks_phases(need, b);
		return;
	}
	t->fitting++;
	if (!b->online) {
		t->first_offline = smaller(t->first_offline, b);
		return;
	}
	t->online++;
	t->in_state[b->state]++;
	t->first[b->state] = smaller(t->first[b->state], b);
}

/* "board m55-1", or "board of type X": who is asked for. */
static void whom(const struct match_need *need, char *out, size_t room)
{
	if (need->name)
		snprintf(out, room, "board named %.64s", need->name);
	else if (need->type)
		snprintf(out, room, "board of type %.64s", need->type);
	else
		snprintf(out, room, "board");
}

/* The first tag that no board of the kind has; NULL: only their combination is missing. */
static const char *first_absent_tag(
	const struct match_need *need, const struct match_board *boards, size_t n)
{
	for (size_t i = 0; i < need->n_tags; i++) {
		bool found = false;

		for (size_t b = 0; b < n && !found; b++)
			found = of_kind(need, &boards[b]) &&
				has_word(boards[b].tags, boards[b].n_tags, need->tags[i]);
		if (!found)
			return need->tags[i];
	}
	return NULL;
}

static void explain_misfit(const struct match_need *need, const struct match_board *boards,
	size_t n_boards, const struct tally *t, char *out)
{
	const char *absent = first_absent_tag(need, boards, n_boards);
	char who[96];

	whom(need, who, sizeof(who));
	if (!t->of_kind) {
		snprintf(out, MATCH_WAITS_BYTES, "no %s is registered", who);
	} else if (!t->tagged && !absent) {
		snprintf(out, MATCH_WAITS_BYTES, "no %s has all the tags that the job asks for",
			who);
	} else if (!t->tagged) {
		snprintf(out, MATCH_WAITS_BYTES, "no %s has the tag %.64s", who, absent);
	} else if (!t->speaking) {
		snprintf(out, MATCH_WAITS_BYTES, "no %s that fits speaks the protocol %.64s", who,
			need->protocol);
	} else {
		enum stage s = STAGE_FLASH;

		while (s < STAGE_COUNT - 1 && !(t->missing_phases & (1u << s)))
			s++;
		snprintf(out, MATCH_WAITS_BYTES, "no %s that fits measures the phase %s", who,
			stage_name(s));
	}
}

static void describe(const struct match_board *b, char *out, size_t room)
{
	static const char *const words[] = {
		[MATCH_QUARANTINED] = "quarantined",
		[MATCH_DRAINED] = "drained",
		[MATCH_RESERVED] = "reserved",
	};

	if (has_to_wait(b))
		snprintf(out, room, "board %.64s %.200s", b->name, b->detail);
	else if (b->state == MATCH_READY)
		snprintf(out, room,
			"board %.64s is free: the job is next in line or behind jobs "
			"of higher priority",
			b->name);
	else if (b->state == MATCH_BUSY && b->job)
		snprintf(
			out, room, "board %.64s is busy with job %lld", b->name, (long long)b->job);
	else if (b->state == MATCH_BUSY)
		snprintf(out, room, "board %.64s is busy", b->name);
	else
		snprintf(out, room, "board %.64s is %s%s%.100s%s%.200s", b->name, words[b->state],
			b->who ? " " : "", b->who ? b->who : "",
			b->reason && b->reason[0] ? ": " : "", b->reason ? b->reason : "");
}

void match_explain(const struct match_need *need, const struct match_board *boards, size_t n_boards,
	char out[MATCH_WAITS_BYTES])
{
	static const enum match_state order[] = {
		MATCH_READY, MATCH_BUSY, MATCH_QUARANTINED, MATCH_RESERVED, MATCH_DRAINED};
	struct tally t = {0};
	char who[96], one[400] = "";

	for (size_t i = 0; i < n_boards; i++)
		count(need, &boards[i], &t);
	whom(need, who, sizeof(who));
	if (!t.fitting) {
		explain_misfit(need, boards, n_boards, &t, out);
		return;
	}
	if (!t.online) {
		if (t.fitting == 1)
			snprintf(out, MATCH_WAITS_BYTES,
				"board %.64s is offline: its agent is not heard of",
				t.first_offline->name);
		else
			snprintf(out, MATCH_WAITS_BYTES,
				"all %zu boards that fit are offline, among them %.64s", t.fitting,
				t.first_offline->name);
		return;
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!t.in_state[order[i]])
			continue;
		describe(t.first[order[i]], one, sizeof(one));
		break;
	}
	if (t.online == 1 || t.in_state[MATCH_READY])
		snprintf(out, MATCH_WAITS_BYTES, "%s", one);
	else
		snprintf(out, MATCH_WAITS_BYTES, "all %zu boards that fit are taken: %s", t.online,
			one);
}
