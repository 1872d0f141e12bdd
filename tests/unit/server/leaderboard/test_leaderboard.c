#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/leaderboard/leaderboard.h"
#include "server/leaderboard/print.h"

static struct leader_number value(const char *metric, double v)
{
	return (struct leader_number){.metric = metric,
		.n = 100,
		.value = v,
		.min = v,
		.max = v,
		.mean = v,
		.p50 = v,
		.p50_lo = v,
		.p50_hi = v,
		.p95 = v,
		.p95_lo = v,
		.p95_hi = v,
		.distinct = 1};
}

static void add(struct leaderboard *b, const char *cell, const char *board, bool is_virtual,
	const char *phase, const char *metric, double v)
{
	struct leader_number numbers[] = {value(metric, v), value("instructions", 10 * v)};
	struct leader_source s = {.cell = cell,
		.board_type = board,
		.phase = phase,
		.is_virtual = is_virtual,
		.run = 7};

	assert_int_equal(leaderboard_add(b, &s, numbers, is_virtual ? 2 : 1), 0);
}

static void finish(struct leaderboard *b)
{
	struct leader_filter all = {0};

	assert_int_equal(leaderboard_finish(b, &all), 0);
}

static void a_type_of_board_that_is_real_and_emulated_is_two_columns(void **state)
{
	_cleanup_(leaderboard_done) struct leaderboard b;

	leaderboard_init(&b);
	add(&b, "{\"model\":\"m\"}", "microbit", true, "warm", "latency_us", 100);
	add(&b, "{\"model\":\"m\"}", "microbit", false, "warm", "latency_us", 2000);
	finish(&b);
	assert_int_equal(b.n_models, 1);
	assert_int_equal(b.n_boards, 2);
	assert_false(b.boards[0].is_virtual); /* measured ones first */
	assert_int_equal(leader_time_state(&b, &b.models[0], 0, LEADER_WARM), LEADER_MEASURED);
	assert_int_equal(leader_time_state(&b, &b.models[0], 1, LEADER_WARM), LEADER_VIRTUAL);
	assert_int_equal(leader_time_state(&b, &b.models[0], 1, LEADER_COLD), LEADER_NOT_RUN);
	assert_true(leader_time_of(&b, &b.models[0], 0) == 2);
	assert_true(leader_time_of(&b, &b.models[0], 1) == 1000);
	assert_true(isnan(b.models[0].cells[1]->time[LEADER_WARM].p50_ms));
	assert_true(isnan(b.models[0].cells[0]->time[LEADER_WARM].instructions));
}

static void energy_of_an_emulated_board_is_modelled_whatever_it_says(void **state)
{
	_cleanup_(leaderboard_done) struct leaderboard b;
	struct leader_number n = value("energy_uJ", 5);
	struct leader_source s = {.cell = "{\"model\":\"m\"}",
		.board_type = "x",
		.phase = "energy",
		.is_virtual = true,
		.is_detached = true,
		.run = 1};

	leaderboard_init(&b);
	assert_int_equal(leaderboard_add(&b, &s, &n, 1), 0);
	finish(&b);
	assert_int_equal(leader_energy_state(&b.models[0], 0), LEADER_MODELLED);
}

static void rows_stand_by_task_then_model_then_width(void **state)
{
	static const char *const cells[] = {"{\"model\":\"b\",\"task\":\"x\",\"quant\":\"int4\"}",
		"{\"model\":\"a\",\"task\":\"y\",\"quant\":\"int8\"}",
		"{\"model\":\"b\",\"task\":\"x\",\"quant\":\"float32\"}",
		"{\"model\":\"b\",\"task\":\"x\",\"quant\":\"int8\"}",
		"{\"model\":\"a\",\"task\":\"x\",\"quant\":\"int8\"}"};
	static const char *const order[] = {"a int8", "b float32", "b int8", "b int4", "a int8"};
	_cleanup_(leaderboard_done) struct leaderboard b;
	char title[64];

	leaderboard_init(&b);
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		add(&b, cells[i], "host", false, "warm", "latency_us", 1);
	finish(&b);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		leader_model_title(&b.models[i], title, sizeof(title));
		assert_string_equal(title, order[i]);
	}
	assert_ptr_equal(b.models[2].float32, &b.models[1]);
	assert_ptr_equal(b.models[3].float32, &b.models[1]);
	assert_null(b.models[0].float32);
}

static void what_is_over_the_limits_is_left_out_and_said(void **state)
{
	_cleanup_(leaderboard_done) struct leaderboard b;
	char cell[64];

	leaderboard_init(&b);
	for (int i = 0; i < LEADERBOARD_MODELS_MAX + 1; i++) {
		snprintf(cell, sizeof(cell), "{\"model\":\"m%d\"}", i);
		add(&b, cell, "host", false, "warm", "latency_us", 1);
	}
	for (int i = 0; i < LEADERBOARD_BOARDS_MAX; i++) {
		snprintf(cell, sizeof(cell), "board%d", i);
		add(&b, "{\"model\":\"m0\"}", cell, false, "warm", "latency_us", 1);
	}
	finish(&b);
	assert_int_equal(b.n_models, LEADERBOARD_MODELS_MAX);
	assert_int_equal(b.n_boards, LEADERBOARD_BOARDS_MAX);
	assert_true(b.truncated);
}

static void a_cell_that_is_no_object_is_refused(void **state)
{
	_cleanup_(leaderboard_done) struct leaderboard b;
	struct leader_source s = {.cell = "[]", .board_type = "x", .phase = "warm"};

	leaderboard_init(&b);
	assert_int_equal(leaderboard_add(&b, &s, NULL, 0), -EINVAL);
}

static void a_buffer_without_room_is_no_answer(void **state)
{
	_cleanup_(leaderboard_done) struct leaderboard b;
	struct buffer out = BUFFER_INIT(1000);

	leaderboard_init(&b);
	add(&b, "{\"model\":\"m\"}", "host", false, "warm", "latency_us", 1);
	finish(&b);
	assert_int_equal(leaderboard_json(&b, &out), -EFBIG);
	buffer_clear(&out);
	assert_int_equal(leaderboard_markdown(&b, LEADER_WARM, &out), -EFBIG);
	buffer_clear(&out);
	assert_int_equal(leaderboard_csv(&b, &out), -EFBIG);
	buffer_done(&out);
}

static void add_length(struct leaderboard *b, const char *attention, const char *tokens, double us)
{
	char cell[200];

	snprintf(cell, sizeof(cell),
		"{\"model\":\"%s-t%s\",\"task\":\"sequence\",\"attention\":\"%s\",\"tokens\":"
		"\"%s\"}",
		attention, tokens, attention, tokens);
	add(b, cell, "host", false, "warm", "latency_us", us);
}

/* It wins at 64, loses at 128 and wins from 256 on: only the last counts. */
static void a_win_counts_only_when_it_lasts(void **state)
{
	_cleanup_(leaderboard_done) struct leaderboard b;
	static const struct {
		const char *tokens;
		double full, linear;
	} points[] = {{"64", 100, 90}, {"128", 200, 220}, {"256", 400, 350}, {"1024", 9000, 900}};

	leaderboard_init(&b);
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		add_length(&b, "full", points[i].tokens, points[i].full);
		add_length(&b, "linformer", points[i].tokens, points[i].linear);
	}
	finish(&b);
	assert_int_equal(b.n_crossings, 1); /* nobody has reported an arena */
	assert_true(b.crossings[0].wins_from == 256);
	assert_true(b.crossings[0].crosses_at > 128 && b.crossings[0].crosses_at < 256);
	assert_true(b.crossings[0].first == 64 && b.crossings[0].last == 1024);
	assert_false(b.models[0].shown); /* a sweep fills no table unless its task is asked for */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_type_of_board_that_is_real_and_emulated_is_two_columns),
		cmocka_unit_test(energy_of_an_emulated_board_is_modelled_whatever_it_says),
		cmocka_unit_test(rows_stand_by_task_then_model_then_width),
		cmocka_unit_test(what_is_over_the_limits_is_left_out_and_said),
		cmocka_unit_test(a_cell_that_is_no_object_is_refused),
		cmocka_unit_test(a_buffer_without_room_is_no_answer),
		cmocka_unit_test(a_win_counts_only_when_it_lasts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
