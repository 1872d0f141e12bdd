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

static const char *const types[] = {"an547", "an386", "microbit"};
static const char *const tags[] = {"helium", "ppk2", "m4", "fast"};
static char names[BOARDS][8];

static void random_lab(struct match_board *boards, struct match_need *needs, struct match_job *jobs)
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
		jobs[i] = (struct match_job){
			.id = (int64_t)i + 1, .priority = next_random() % 3, .need = &needs[i]};
	}
}

/* The answer as text, so that two can be compared. */
static void answer(
	const struct match_board *boards, const struct match_job *jobs, char *out, size_t room)
{
	struct match_pair pairs[BOARDS];
	size_t n, at = 0;

	assert_int_equal(match_assign(boards, BOARDS, jobs, JOBS, pairs, &n), 0);
	out[0] = 0;
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, room - at, "%lld:%s ",
			(long long)jobs[pairs[i].job].id, boards[pairs[i].board].name);
}

static void check_answer(const struct match_board *boards, const struct match_job *jobs)
{
	bool board_taken[BOARDS] = {0}, job_taken[JOBS] = {0};
	struct match_pair pairs[BOARDS];
	size_t n;

	assert_int_equal(match_assign(boards, BOARDS, jobs, JOBS, pairs, &n), 0);
	for (size_t i = 0; i < n; i++) {
		const struct match_board *b = &boards[pairs[i].board];

		assert_false(board_taken[pairs[i].board]);
		assert_false(job_taken[pairs[i].job]);
		board_taken[pairs[i].board] = job_taken[pairs[i].job] = true;
		assert_true(b->online);
		assert_int_equal(b->state, MATCH_READY);
		assert_true(match_fits(jobs[pairs[i].job].need, b));
	}
	/* No job is left beside a board that could take it. */
	for (size_t j = 0; j < JOBS; j++) {
		for (size_t b = 0; b < BOARDS && !job_taken[j]; b++)
			assert_false(!board_taken[b] && boards[b].online &&
				boards[b].state == MATCH_READY &&
				match_fits(jobs[j].need, &boards[b]));
	}
}

static void same_answer_whatever_the_order(void **state)
{
	struct match_board boards[BOARDS], mixed_boards[BOARDS];
	struct match_need needs[JOBS];
	struct match_job jobs[JOBS], mixed_jobs[JOBS];
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
	const struct match_job jobs[] = {{9, 50, &need}, {3, 50, &need}, {10, 60, &need}};
	struct match_pair pair;
	size_t n;

	assert_int_equal(match_assign(&board, 1, jobs, 3, &pair, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(jobs[pair.job].id, 10);
	assert_int_equal(match_assign(&board, 1, jobs, 2, &pair, &n), 0);
	assert_int_equal(jobs[pair.job].id, 3);
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
	const struct match_job jobs[] = {{1, 50, &plain}, {2, 50, &special}};
	struct match_pair pairs[2];
	size_t n;

	assert_int_equal(match_assign(boards, 2, jobs, 2, pairs, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(boards[pairs[0].board].name, "b");
	assert_string_equal(boards[pairs[1].board].name, "a");
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
		cmocka_unit_test(waiting_has_a_reason),
		cmocka_unit_test(long_words_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
