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

/* Is board a to be taken rather than b? Fewer abilities first; names are unique, so never equal. */
static bool taken_before(const struct match_board *a, const struct match_board *b)
{
	size_t of_a = a->n_tags + a->n_protocols, of_b = b->n_tags + b->n_protocols;

	return of_a != of_b ? of_a < of_b : strcmp(a->name, b->name) < 0;
}

enum line_state { LINE_UNREAD, LINE_HEAD, LINE_OVER };

struct assignment {
	const struct match_board *boards;
	size_t n_boards;
	struct match_queue *queue;
	bool *taken;
	enum line_state *states;
	struct match_job *heads;
};

static bool may_go(const struct match_job *job, size_t board)
{
	return board >= 64 || !(job->not_on & UINT64_C(1) << board);
}

/* The free board for a need, of those that the job may go to when there is one; n_boards: none. */
static size_t best_board(
	const struct assignment *a, const struct match_need *need, const struct match_job *job)
{
	size_t best = a->n_boards;

	for (size_t b = 0; b < a->n_boards; b++) {
		const struct match_board *board = &a->boards[b];

		if (a->taken[b] || !board->online || board->state != MATCH_READY ||
			!match_fits(need, board) || (job && !may_go(job, b)))
			continue;
		if (best == a->n_boards || taken_before(board, &a->boards[best]))
			best = b;
	}
	return best;
}

/* Until the line's head is a job that could be given now. 1, 0 when there is none, or -errno. */
static int read_head(struct assignment *a, size_t i)
{
	const struct match_need *need = a->queue->lines[i].need;
	int rc = 1;

	if (best_board(a, need, NULL) == a->n_boards)
		rc = 0;
	if (rc && a->states[i] == LINE_UNREAD)
		rc = a->queue->next(a->queue->arg, i, &a->heads[i]);
	while (rc > 0 && best_board(a, need, &a->heads[i]) == a->n_boards)
		rc = a->queue->next(a->queue->arg, i, &a->heads[i]);
	a->states[i] = rc > 0 ? LINE_HEAD : LINE_OVER;
	return rc;
}

/* < 0: line a's submitter goes first; 0: the age of their jobs decides. */
static int compare_turns(const struct match_queue *q, size_t a, size_t b)
{
	const struct match_line *x = &q->lines[a], *y = &q->lines[b];
	const struct match_share *s = &q->shares[x->share], *t = &q->shares[y->share];

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (s->running != t->running)
		return s->running < t->running ? -1 : 1;
	return s->served < t->served ? -1 : s->served > t->served;
}

/* The line whose head goes next: 1, 0 when nothing can be given, or -errno. */
static int first_line(struct assignment *a, size_t *first)
{
	bool found = false;

	for (size_t i = 0; i < a->queue->n_lines; i++) {
		int turn = found ? compare_turns(a->queue, i, *first) : -1, rc;

		if (a->states[i] == LINE_OVER || turn > 0)
			continue;
		rc = read_head(a, i);
		if (rc < 0)
			return rc;
		if (!rc || (!turn && a->heads[i].id > a->heads[*first].id))
			continue;
		*first = i;
		found = true;
	}
	return found;
}

static int assign(struct assignment *a, struct match_pair *pairs, size_t *n_pairs)
{
	size_t n = 0, i = 0;
	int rc = 0;

	while (n < a->n_boards && (rc = first_line(a, &i)) > 0) {
		const struct match_line *line = &a->queue->lines[i];
		struct match_share *share = &a->queue->shares[line->share];
		size_t board = best_board(a, line->need, &a->heads[i]);

		a->taken[board] = true;
		pairs[n++] = (struct match_pair){board, a->heads[i].id};
		a->states[i] = LINE_UNREAD;
		share->running++;
		share->served = ++a->queue->served;
	}
	*n_pairs = n;
	return rc < 0 ? rc : 0;
}

int match_assign(const struct match_board *boards, size_t n_boards, struct match_queue *queue,
	struct match_pair *pairs, size_t *n_pairs)
{
	_cleanup_free_ bool *taken = calloc(n_boards + 1, sizeof(*taken));
	_cleanup_free_ enum line_state *states = calloc(queue->n_lines + 1, sizeof(*states));
	_cleanup_free_ struct match_job *heads = calloc(queue->n_lines + 1, sizeof(*heads));
	struct assignment a = {boards, n_boards, queue, taken, states, heads};

	if (!taken || !states || !heads)
		return -ENOMEM;
	return assign(&a, pairs, n_pairs);
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

/* The board of the name that is asked for, whatever its type; NULL: there is none. */
static const struct match_board *named(
	const struct match_need *need, const struct match_board *boards, size_t n)
{
	for (size_t i = 0; need->name && i < n; i++) {
		if (!strcmp(boards[i].name, need->name))
			return &boards[i];
	}
	return NULL;
}

static void explain_misfit(const struct match_need *need, const struct match_board *boards,
	size_t n_boards, const struct tally *t, char *out)
{
	const char *absent = first_absent_tag(need, boards, n_boards);
	const struct match_board *other = named(need, boards, n_boards);
	char who[96];

	whom(need, who, sizeof(who));
	if (!t->of_kind && other) {
		snprintf(out, MATCH_WAITS_BYTES,
			"board %.64s is of type %.64s, the job asks for %.64s", other->name,
			other->type, need->type);
	} else if (!t->of_kind) {
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
