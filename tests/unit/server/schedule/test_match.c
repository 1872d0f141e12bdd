/* The matcher: who gets what, whatever the order of the input, and why the others wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocols/job/outcome.h"
#include "server/schedule/match.h"

#define BOARDS 12
#define JOBS 30
#define SHUFFLES 300

static uint32_t seed = 12345;

static uint32_t next_random(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static void shuffle(size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n; i > 1; i--) {
		size_t k = next_random() % i, t = order[i - 1];

		order[i - 1] = order[k];
		order[k] = t;
	}
}

/* A queue of loose jobs: each is a line of its own unless it says another. */
struct queued {
	int64_t id, priority;
	const struct match_need *need;
	size_t share;
	uint64_t not_on;
};

#define LINES_MAX 512
#define QUEUED_MAX 5000

struct listed {
	const struct queued *jobs;
	size_t n_jobs;
	size_t line_of[QUEUED_MAX]; /* of each job */
	int64_t after[LINES_MAX];
	unsigned asked;
};

/* The job of the line that has the next higher id. */
static int next_listed(void *arg, size_t line, struct match_job *job)
{
	struct listed *l = arg;
	const struct queued *best = NULL;

	l->asked++;
	for (size_t i = 0; i < l->n_jobs; i++) {
		const struct queued *j = &l->jobs[i];

		if (l->line_of[i] == line && j->id > l->after[line] && (!best || j->id < best->id))
			best = j;
	}
	if (!best)
		return 0;
	l->after[line] = best->id;
	*job = (struct match_job){best->id, best->not_on};
	return 1;
}

static unsigned assign_shares(const struct match_board *boards, size_t n_boards,
	const struct queued *jobs, size_t n_jobs, struct match_share *shares,
	struct match_pair *pairs, size_t *n)
{
	struct match_line lines[LINES_MAX];
	struct listed l = {.jobs = jobs, .n_jobs = n_jobs};
	struct match_queue q = {
		.lines = lines, .shares = shares, .served = 1000, .next = next_listed, .arg = &l};

	for (size_t i = 0; i < n_jobs; i++) {
		const struct match_line line = {jobs[i].priority, jobs[i].share, jobs[i].need};
		size_t k = 0;

		while (k < q.n_lines && memcmp(&lines[k], &line, sizeof(line)) != 0)
			k++;
		assert_true(k < LINES_MAX);
		if (k == q.n_lines)
			lines[q.n_lines++] = line;
		l.line_of[i] = k;
	}
	assert_int_equal(match_assign(boards, n_boards, &q, pairs, n), 0);
	return l.asked;
}

static int assign(const struct match_board *boards, size_t n_boards, const struct queued *jobs,
	size_t n_jobs, struct match_pair *pairs, size_t *n)
{
	struct match_share shares[4] = {{0, 3}, {1, 2}, {0, 9}, {0}};

	assign_shares(boards, n_boards, jobs, n_jobs, shares, pairs, n);
	return 0;
}

static const char *const types[] = {"an547", "an386", "microbit"};
static const char *const tags[] = {"helium", "ppk2", "m4", "fast"};
static char names[BOARDS][8];

static void random_lab(struct match_board *boards, struct match_need *needs, struct queued *jobs)
{
	for (size_t i = 0; i < BOARDS; i++) {
		struct match_board *b = &boards[i];

		snprintf(names[i], sizeof(names[i]), "b%02zu", i);
		*b = (struct match_board){.name = names[i],
			.type = types[next_random() % 3],
			.phases = MATCH_ANY_PHASE,
			.online = next_random() % 5 != 0,
			.state = next_random() % 4 ? MATCH_READY : MATCH_BUSY};
		for (size_t t = 0; t < 4; t++) {
			if (next_random() % 2)
				b->tags[b->n_tags++] = tags[t];
		}
	}
	for (size_t i = 0; i < JOBS; i++) {
		needs[i] = (struct match_need){.type = types[next_random() % 3]};
		if (next_random() % 2)
			needs[i].tags[needs[i].n_tags++] = tags[next_random() % 4];
		if (next_random() % 10 == 0)
			needs[i].name = names[next_random() % BOARDS];
		jobs[i] = (struct queued){.id = (int64_t)i + 1,
			.priority = next_random() % 3,
			.need = &needs[i],
			.share = next_random() % 4};
	}
}

/* The answer as text, so that two can be compared. */
static void answer(
	const struct match_board *boards, const struct queued *jobs, char *out, size_t room)
{
	struct match_pair pairs[BOARDS];
	size_t n, at = 0;

	assert_int_equal(assign(boards, BOARDS, jobs, JOBS, pairs, &n), 0);
	out[0] = 0;
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, room - at, "%lld:%s ", (long long)pairs[i].job,
			boards[pairs[i].board].name);
}

static const struct queued *jobs_by_id(const struct queued *jobs, int64_t id)
{
	while (jobs->id != id)
		jobs++;
	return jobs;
}

static void check_answer(const struct match_board *boards, const struct queued *jobs)
{
	bool board_taken[BOARDS] = {0}, job_taken[JOBS + 1] = {0};
	struct match_pair pairs[BOARDS];
	size_t n;

	assert_int_equal(assign(boards, BOARDS, jobs, JOBS, pairs, &n), 0);
	for (size_t i = 0; i < n; i++) {
		const struct match_board *b = &boards[pairs[i].board];

		assert_false(board_taken[pairs[i].board]);
		assert_false(job_taken[pairs[i].job]);
		board_taken[pairs[i].board] = job_taken[pairs[i].job] = true;
		assert_true(b->online);
		assert_int_equal(b->state, MATCH_READY);
		assert_true(match_fits(jobs_by_id(jobs, pairs[i].job)->need, b));
	}
	/* No job is left beside a board that could take it. */
	for (size_t j = 0; j < JOBS; j++) {
		for (size_t b = 0; b < BOARDS && !job_taken[jobs[j].id]; b++)
			assert_false(!board_taken[b] && boards[b].online &&
				boards[b].state == MATCH_READY &&
				match_fits(jobs[j].need, &boards[b]));
	}
}

static void same_answer_whatever_the_order(void **state)
{
	struct match_board boards[BOARDS], mixed_boards[BOARDS];
	struct match_need needs[JOBS];
	struct queued jobs[JOBS], mixed_jobs[JOBS];
	char first[1024], again[1024];
	size_t order[JOBS];
	size_t not_empty = 0;

	for (int lab = 0; lab < 20; lab++) {
		random_lab(boards, needs, jobs);
		answer(boards, jobs, first, sizeof(first));
		not_empty += first[0] != 0;
		for (int i = 0; i < SHUFFLES / 20; i++) {
			shuffle(order, BOARDS);
			for (size_t k = 0; k < BOARDS; k++)
				mixed_boards[k] = boards[order[k]];
			shuffle(order, JOBS);
			for (size_t k = 0; k < JOBS; k++)
				mixed_jobs[k] = jobs[order[k]];
			answer(mixed_boards, mixed_jobs, again, sizeof(again));
			assert_string_equal(first, again);
			check_answer(mixed_boards, mixed_jobs);
		}
	}
	assert_true(not_empty > 10);
}

static void priority_then_age_decides(void **state)
{
	const struct match_need need = {.type = "an547"};
	const struct match_board board = {
		.name = "b", .type = "an547", .phases = MATCH_ANY_PHASE, .online = true};
	const struct queued jobs[] = {{.id = 9, .priority = 50, .need = &need},
		{.id = 3, .priority = 50, .need = &need},
		{.id = 10, .priority = 60, .need = &need}};
	struct match_pair pair;
	size_t n;

	assert_int_equal(assign(&board, 1, jobs, 3, &pair, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(pair.job, 10);
	assert_int_equal(assign(&board, 1, jobs, 2, &pair, &n), 0);
	assert_int_equal(pair.job, 3);
}

static void rarer_boards_stay_free(void **state)
{
	const struct match_need plain = {.type = "x"};
	const struct match_need special = {.type = "x", .tags = {"ppk2"}, .n_tags = 1};
	const struct match_board boards[] = {
		{.name = "a",
			.type = "x",
			.tags = {"ppk2"},
			.n_tags = 1,
			.phases = MATCH_ANY_PHASE,
			.online = true},
		{.name = "b", .type = "x", .phases = MATCH_ANY_PHASE, .online = true},
	};
	const struct queued jobs[] = {{.id = 1, .priority = 50, .need = &plain},
		{.id = 2, .priority = 50, .need = &special}};
	struct match_pair pairs[2];
	size_t n;

	assert_int_equal(assign(boards, 2, jobs, 2, pairs, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(boards[pairs[0].board].name, "b");
	assert_string_equal(boards[pairs[1].board].name, "a");
}

static const struct match_need any = {.type = "x"};

static void boards_of_x(struct match_board *boards, size_t n)
{
	static char letters[64][24];

	assert_true(n <= 64);
	for (size_t i = 0; i < n; i++) {
		snprintf(letters[i], sizeof(letters[i]), "b%02zu", i);
		boards[i] = (struct match_board){
			.name = letters[i], .type = "x", .phases = MATCH_ANY_PHASE, .online = true};
	}
}

/* A flood of one, three jobs of another that came after it: they take turns at once. */
static void submitters_take_turns(void **state)
{
	struct match_share shares[2] = {{0, 5}, {0, 0}};
	struct match_board boards[8];
	struct queued jobs[203];
	struct match_pair pairs[8];
	static const int64_t turns[] = {201, 1, 202, 2, 203, 3, 4, 5};
	size_t n;

	boards_of_x(boards, 8);
	for (size_t i = 0; i < 203; i++)
		jobs[i] = (struct queued){
			.id = (int64_t)i + 1, .priority = 50, .need = &any, .share = i >= 200};
	assign_shares(boards, 8, jobs, 203, shares, pairs, &n);
	assert_int_equal(n, 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pairs[i].job, turns[i]);
	assert_int_equal(shares[0].running, 5);
	assert_int_equal(shares[1].running, 3);
}

static void fewest_running_goes_first_then_who_was_served_longest_ago(void **state)
{
	struct match_share shares[4] = {{2, 1}, {1, 8}, {1, 7}, {0, 9}};
	const struct queued jobs[] = {{.id = 1, .priority = 50, .need = &any, .share = 0},
		{.id = 2, .priority = 50, .need = &any, .share = 1},
		{.id = 3, .priority = 50, .need = &any, .share = 2},
		{.id = 4, .priority = 50, .need = &any, .share = 3},
		/* A priority stands above turns. */
		{.id = 5, .priority = 51, .need = &any, .share = 0}};
	static const int64_t turns[] = {5, 4, 3, 2, 1};
	struct match_board boards[5];
	struct match_pair pairs[5];
	size_t n;

	boards_of_x(boards, 5);
	assign_shares(boards, 5, jobs, 5, shares, pairs, &n);
	assert_int_equal(n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(pairs[i].job, turns[i]);
}

/* Who has boards of another kind has had its turn, too: the shares are of the whole lab. */
static void turns_are_told_over_all_demands(void **state)
{
	static const struct match_need other = {.type = "y"};
	struct match_share shares[2] = {{0, 0}, {0, 0}};
	const struct queued jobs[] = {{.id = 1, .priority = 50, .need = &other, .share = 0},
		{.id = 2, .priority = 50, .need = &any, .share = 0},
		{.id = 3, .priority = 50, .need = &any, .share = 1}};
	struct match_board boards[2];
	struct match_pair pairs[2];
	size_t n;

	boards_of_x(boards, 2);
	boards[1].type = "y";
	assign_shares(boards, 2, jobs, 3, shares, pairs, &n);
	assert_int_equal(n, 2);
	assert_int_equal(pairs[0].job, 1);
	assert_int_equal(pairs[1].job, 3);
}

static void a_barred_job_lets_the_next_one_go(void **state)
{
	const struct queued jobs[] = {{.id = 1, .priority = 50, .need = &any, .not_on = 1u << 0},
		{.id = 2, .priority = 50, .need = &any, .not_on = 3u},
		{.id = 3, .priority = 50, .need = &any}};
	struct match_board boards[2];
	struct match_pair pairs[2];
	size_t n;

	boards_of_x(boards, 2);
	boards[1].state = MATCH_BUSY;
	assign(boards, 2, jobs, 3, pairs, &n);
	assert_int_equal(n, 1);
	assert_int_equal(pairs[0].job, 3);
	boards[1].state = MATCH_READY;
	assign(boards, 2, jobs, 3, pairs, &n);
	assert_int_equal(n, 2);
	assert_int_equal(pairs[0].job, 1);
	assert_int_equal(pairs[0].board, 1);
	assert_int_equal(pairs[1].job, 3);
}

/* A claim reads no further than it gives: the rest of a long queue is left alone. */
static void only_what_may_be_given_is_read(void **state)
{
	static struct queued jobs[QUEUED_MAX];
	struct match_share shares[50];
	struct match_board board;
	struct match_pair pair;
	size_t n;

	for (size_t i = 0; i < 50; i++)
		shares[i] = (struct match_share){0, (int64_t)(i * 7) % 50 + 1};
	for (size_t i = 0; i < QUEUED_MAX; i++)
		jobs[i] = (struct queued){
			.id = (int64_t)i + 1, .priority = 50, .need = &any, .share = i % 50};
	boards_of_x(&board, 1);
	assert_true(assign_shares(&board, 1, jobs, QUEUED_MAX, shares, &pair, &n) <= 50);
	assert_int_equal(n, 1);
	assert_int_equal(pair.job, 1); /* of the one served at 1 */
}

static void explains(const struct match_need *need, const struct match_board *boards, size_t n,
	const char *words)
{
	char text[MATCH_WAITS_BYTES];

	match_explain(need, boards, n, text);
	assert_string_equal(text, words);
}

static void waiting_has_a_reason(void **state)
{
	struct match_need need = {.type = "an547", .protocol = "uart-bench"};
	struct match_board b[2] = {{.name = "m55-2",
					   .type = "an547",
					   .protocols = {"uart-bench"},
					   .n_protocols = 1,
					   .phases = 1u << STAGE_WARM,
					   .online = true},
		{0}};

	b[1] = b[0];
	b[1].name = "m55-1";
	explains(&need, b, 0, "no board of type an547 is registered");
	explains(&need, b, 1,
		"board m55-2 is free: the job is next in line or behind jobs of higher priority");
	b[0].detail = "waits for PPK2 E1, which board m4-1 uses";
	explains(&need, b, 1, "board m55-2 waits for PPK2 E1, which board m4-1 uses");
	b[1].name = "m55-3";
	explains(&need, b, 2,
		"board m55-3 is free: the job is next in line or behind jobs of higher priority");
	b[1].name = "m55-1";
	b[0].state = MATCH_BUSY;
	b[0].job = 3;
	explains(&need, b, 1, "board m55-2 is busy with job 3");
	b[1].state = MATCH_BUSY;
	b[1].job = 4;
	explains(&need, b, 2, "all 2 boards that fit are taken: board m55-1 is busy with job 4");
	b[0].state = MATCH_DRAINED;
	b[0].reason = "new cable";
	explains(&need, b, 1, "board m55-2 is drained: new cable");
	b[0].state = MATCH_QUARANTINED;
	b[0].reason = "run 40 was lost";
	explains(&need, b, 1, "board m55-2 is quarantined: run 40 was lost");
	b[0].online = false;
	explains(&need, b, 1, "board m55-2 is offline: its agent is not heard of");
	b[1].online = false;
	explains(&need, b, 2, "all 2 boards that fit are offline, among them m55-1");
	need.name = "m55-9";
	explains(&need, b, 2, "no board named m55-9 is registered");
	need.name = "m55-2";
	need.type = "microbit";
	explains(&need, b, 2, "board m55-2 is of type an547, the job asks for microbit");
	need.type = "an547";
	need.name = NULL;
	need.tags[0] = "helium";
	need.n_tags = 1;
	explains(&need, b, 2, "no board of type an547 has the tag helium");
	need.tags[1] = "ppk2";
	need.n_tags = 2;
	b[0].tags[0] = "helium";
	b[1].tags[0] = "ppk2";
	b[0].n_tags = b[1].n_tags = 1;
	explains(&need, b, 2, "no board of type an547 has all the tags that the job asks for");
	need.n_tags = 0;
	need.protocol = "lines";
	explains(&need, b, 2, "no board of type an547 that fits speaks the protocol lines");
	need.protocol = "uart-bench";
	need.phases = 1u << STAGE_ENERGY | 1u << STAGE_WARM;
	explains(&need, b, 2, "no board of type an547 that fits measures the phase energy");
}

static void long_words_do_not_overflow(void **state)
{
	char word[4000], text[MATCH_WAITS_BYTES];
	struct match_need need = {.type = word};
	struct match_board b = {.name = word,
		.type = word,
		.phases = MATCH_ANY_PHASE,
		.online = true,
		.state = MATCH_DRAINED,
		.reason = word};

	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = 0;
	match_explain(&need, &b, 1, text);
	assert_true(strlen(text) < sizeof(text));
	match_explain(&need, NULL, 0, text);
	assert_true(strlen(text) < sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_answer_whatever_the_order),
		cmocka_unit_test(priority_then_age_decides),
		cmocka_unit_test(rarer_boards_stay_free),
		cmocka_unit_test(submitters_take_turns),
		cmocka_unit_test(fewest_running_goes_first_then_who_was_served_longest_ago),
		cmocka_unit_test(turns_are_told_over_all_demands),
		cmocka_unit_test(a_barred_job_lets_the_next_one_go),
		cmocka_unit_test(only_what_may_be_given_is_read),
		cmocka_unit_test(waiting_has_a_reason),
		cmocka_unit_test(long_words_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
