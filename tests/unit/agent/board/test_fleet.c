#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "agent/board/fleet.h"
#include "agent/pulse.h"
#include "tests/unit/agent/temporary.h"

#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Offers stay in perform until they are let go, each started at once if the test wants. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned performing, performed, wakes;
	bool hold, start;
	int64_t due_ms; /* of the step that is being made; 0: none */
	enum run_end end;
	struct board_config config;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int64_t offset_ns;

static int64_t mono(void *arg)
{
	return clock_mono_ns(&clock_system) + __atomic_load_n(&offset_ns, __ATOMIC_RELAXED);
}

static const struct clock virtual_clock = {.mono_ns = mono};

static void perform(void *arg, struct board_work *w)
{
	char text[FLEET_DETAIL_BYTES];

	if (seen.start)
		board_started(w->board);
	if (seen.due_ms)
		board_stage(w->board, STAGE_WARM, clock_deadline_ms(&virtual_clock, seen.due_ms));
	pthread_mutex_lock(&seen.lock);
	seen.performing++;
	seen.config = w->config;
	pthread_cond_broadcast(&seen.changed);
	while (seen.hold && board_why_ended(w->board, text) == RUN_END_NONE)
		pthread_cond_wait(&seen.changed, &seen.lock);
	seen.end = board_why_ended(w->board, text);
	seen.performing--;
	seen.performed++;
	pthread_cond_broadcast(&seen.changed);
	pthread_mutex_unlock(&seen.lock);
}

static void wake(void *arg)
{
	__atomic_add_fetch(&seen.wakes, 1, __ATOMIC_RELAXED);
}

static void nothing(void *arg)
{
}

static struct fleet *fleet;
static struct epochs *epochs;

static int setup(void **state)
{
	struct fleet_options o = {.clock = &virtual_clock,
		.perform = perform,
		.wake_acquire = wake,
		.wake_heartbeat = nothing};
	struct board_config boards[2] = {
		{.name = "a", .type = "host", .exec = true}, {.name = "b", .type = "nucleo"}};
	struct fault f;
	bool changed;

	make_temporary(state);
	seen.performing = seen.performed = 0;
	seen.hold = false;
	seen.start = true;
	offset_ns = 0;
	assert_int_equal(epochs_open(in_temporary("epochs"), &epochs, &f), 0);
	o.epochs = epochs;
	assert_int_equal(fleet_open(&o, &fleet, &f), 0);
	assert_int_equal(fleet_apply(fleet, boards, 2, &changed, &f), 0);
	assert_true(changed);
	return 0;
}

static int teardown(void **state)
{
	fleet_close(fleet);
	epochs_close(epochs);
	return remove_temporary(state);
}

static void offer(int run, const char *board, int epoch)
{
	json_t *list = json_pack("[{s:i, s:i, s:i, s:s, s:i, s:{s:s}, s:{}}]", "run", run, "job", 1,
		"attempt", 1, "board", board, "epoch", epoch, "image", "sha256", HASH, "document");

	fleet_offer(fleet, list);
	json_decref(list);
}

static void wait_for(unsigned *what, unsigned value)
{
	int64_t deadline = clock_deadline_ms(&clock_system, 10000);
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&seen.lock);
	while (*what != value && !clock_expired(&clock_system, deadline))
		pthread_cond_timedwait(&seen.changed, &seen.lock, &until);
	assert_int_equal(*what, value);
	pthread_mutex_unlock(&seen.lock);
}

static void hold(bool on)
{
	pthread_mutex_lock(&seen.lock);
	seen.hold = on;
	pthread_cond_broadcast(&seen.changed);
	pthread_mutex_unlock(&seen.lock);
}

static void nudge(void)
{
	pthread_mutex_lock(&seen.lock);
	pthread_cond_broadcast(&seen.changed);
	pthread_mutex_unlock(&seen.lock);
}

static bool listed(const char *name)
{
	json_t *list = fleet_acquire_boards(fleet);
	bool found = false;
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		found |= strcmp(json_string_value(item), name) == 0;
	json_decref(list);
	return found;
}

static size_t held(bool with_stage)
{
	json_t *runs = json_array();
	size_t n;

	fleet_add_runs(fleet, runs, with_stage);
	n = json_array_size(runs);
	json_decref(runs);
	return n;
}

static int64_t soon(void)
{
	return clock_deadline_ms(&clock_system, 10000);
}

static void only_what_is_online_is_listed(void **state)
{
	unsigned before;

	assert_true(listed("a"));
	assert_false(listed("b"));
	before = seen.wakes;
	assert_true(fleet_set_online(fleet, "b", true, "", NULL));
	/* The long poll has to list it. */
	assert_true(seen.wakes > before);
	assert_true(listed("b"));
	assert_true(fleet_set_online(fleet, "b", false, "unplugged", NULL));
	assert_false(listed("b"));
}

static void a_board_at_work_is_listed_once_it_has_started(void **state)
{
	hold(true);
	offer(1, "a", 1);
	wait_for(&seen.performing, 1);
	assert_int_equal(fleet_wait_started(fleet, soon()), 0);
	assert_true(listed("a"));
	assert_int_equal(held(true), 1);
	hold(false);
	wait_for(&seen.performed, 1);
}

static void a_board_whose_start_is_awaited_is_not_listed(void **state)
{
	seen.start = false;
	hold(true);
	offer(1, "a", 1);
	wait_for(&seen.performing, 1);
	assert_false(listed("a"));
	assert_int_equal(
		fleet_wait_started(fleet, clock_deadline_ms(&clock_system, 20)), -ETIMEDOUT);
	/* Held for register, but not alive for heartbeat. */
	assert_int_equal(held(false), 1);
	assert_int_equal(held(true), 0);
	hold(false);
	wait_for(&seen.performed, 1);
}

static void epochs_go_up_only(void **state)
{
	offer(1, "a", 5);
	wait_for(&seen.performed, 1);
	offer(2, "a", 5);
	offer(3, "a", 4);
	/* The refused offer is with the server for a while yet. */
	assert_false(listed("a"));
	__atomic_store_n(&offset_ns, 16 * CLOCK_NS_PER_S, __ATOMIC_RELAXED);
	assert_true(listed("a"));
	offer(4, "a", 6);
	wait_for(&seen.performed, 2);
	assert_int_equal(epochs_get(epochs, "a"), 6);
}

static void an_offer_dropped_before_its_start_may_come_again(void **state)
{
	seen.start = false;
	offer(1, "a", 5);
	wait_for(&seen.performed, 1);
	assert_int_equal(fleet_wait_started(fleet, soon()), 0);
	offer(1, "a", 5);
	wait_for(&seen.performed, 2);
	/* Another run under the same epoch may not. */
	assert_int_equal(fleet_wait_started(fleet, soon()), 0);
	offer(2, "a", 5);
	assert_int_equal(seen.performed, 2);
	assert_false(listed("a"));
}

static void an_epoch_that_the_server_knows_is_the_least(void **state)
{
	json_t *boards = json_pack("[{s:s, s:b, s:i}]", "name", "a", "accepted", 1, "epoch", 9);
	json_t *told;

	fleet_registered(fleet, boards);
	json_decref(boards);
	told = fleet_register_boards(fleet);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(told, 0), "epoch")), 9);
	json_decref(told);
	offer(1, "a", 8);
	assert_false(listed("a"));
}

static void a_repeated_offer_is_performed_once(void **state)
{
	hold(true);
	offer(1, "a", 1);
	wait_for(&seen.performing, 1);
	offer(1, "a", 1);
	hold(false);
	wait_for(&seen.performed, 1);
	assert_int_equal(fleet_wait_started(fleet, soon()), 0);
	assert_true(listed("a"));
	assert_int_equal(seen.performed, 1);
}

static void the_next_offer_waits_for_the_end_of_the_last(void **state)
{
	hold(true);
	offer(1, "a", 1);
	wait_for(&seen.performing, 1);
	offer(2, "a", 2);
	assert_int_equal(held(false), 2);
	hold(false);
	wait_for(&seen.performed, 2);
}

static void a_cancel_finds_its_run_only(void **state)
{
	hold(true);
	offer(1, "a", 1);
	wait_for(&seen.performing, 1);
	assert_false(fleet_end_run(fleet, 2, RUN_END_CANCELED, "no"));
	assert_true(fleet_end_run(fleet, 1, RUN_END_CANCELED, "yes"));
	/* The first reason stands. */
	fleet_end_run(fleet, 1, RUN_END_LOST, "too late");
	nudge();
	wait_for(&seen.performed, 1);
	assert_int_equal(seen.end, RUN_END_CANCELED);
	/* The next run does not inherit it. */
	seen.hold = false;
	offer(3, "a", 3);
	wait_for(&seen.performed, 2);
	assert_int_equal(seen.end, RUN_END_NONE);
}

static void a_board_that_goes_ends_its_run(void **state)
{
	fleet_set_online(fleet, "b", true, "", NULL);
	hold(true);
	offer(1, "b", 1);
	wait_for(&seen.performing, 1);
	fleet_set_online(fleet, "b", false, "unplugged", NULL);
	nudge();
	wait_for(&seen.performed, 1);
	assert_int_equal(seen.end, RUN_END_BOARD);
}

static void a_check_waits_for_the_run_to_end(void **state)
{
	json_t *checks = json_pack("[{s:s, s:i}]", "board", "a", "epoch", 1);
	struct board_config *wanted;
	size_t n;

	hold(true);
	offer(1, "a", 1);
	wait_for(&seen.performing, 1);
	fleet_check(fleet, checks);
	assert_int_equal(fleet_wanted_checks(fleet, &wanted, &n), 0);
	assert_int_equal(n, 0);
	free(wanted);
	hold(false);
	wait_for(&seen.performed, 1);
	/* The thread has left perform, and has yet to say so. */
	for (int64_t end_ns = soon();
		fleet_is_busy(fleet) && !clock_expired(&clock_system, end_ns);)
		poll(NULL, 0, 1);
	assert_int_equal(fleet_wanted_checks(fleet, &wanted, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(wanted[0].name, "a");
	free(wanted);
	fleet_checked(fleet, "a", true, "");
	assert_int_equal(fleet_wanted_checks(fleet, &wanted, &n), 0);
	assert_int_equal(n, 0);
	free(wanted);
	json_decref(checks);
}

static void a_change_waits_for_the_run_to_end(void **state)
{
	struct board_config boards[1] = {{.name = "a", .type = "other", .exec = true}};
	struct fault f;
	bool changed;

	hold(true);
	offer(1, "a", 1);
	wait_for(&seen.performing, 1);
	assert_string_equal(seen.config.type, "host");
	assert_int_equal(fleet_apply(fleet, boards, 1, &changed, &f), 0);
	assert_false(listed("a"));
	hold(false);
	wait_for(&seen.performed, 1);
	while (!listed("a"))
		assert_true(seen.performed == 1);
	offer(2, "a", 2);
	wait_for(&seen.performed, 2);
	assert_string_equal(seen.config.type, "other");
	assert_false(listed("b"));
}

static void a_board_with_strange_words_is_told_all_the_same(void **state)
{
	json_t *beat, *held;
	const char *told;

	fleet_set_online(fleet, "b", false, "cannot open /dev/\xff\xc3", NULL);
	beat = fleet_heartbeat_boards(fleet);
	held = fleet_register_boards(fleet);
	assert_int_equal(json_array_size(beat), 2);
	assert_int_equal(json_array_size(held), 2);
	told = json_string_value(json_object_get(json_array_get(held, 1), "detail"));
	assert_string_equal(told, "cannot open /dev/??");
	json_decref(beat);
	json_decref(held);
}

/* However many jobs the first one has: the next turn is the other one's. */
static void boards_with_one_meter_take_turns(void **state)
{
	struct board_config boards[2] = {{.name = "c",
						 .type = "host",
						 .exec = true,
						 .power_kind = POWER_PPK2,
						 .ppk2_serial = "E1"},
		{.name = "d",
			.type = "host",
			.exec = true,
			.power_kind = POWER_PPK2,
			.ppk2_serial = "E1"}};
	int64_t deadline_ns = soon();
	struct fault f;
	bool changed, other, same;

	assert_int_equal(fleet_apply(fleet, boards, 2, &changed, &f), 0);
	assert_true(listed("c") && listed("d"));
	hold(true);
	offer(1, "c", 1);
	wait_for(&seen.performing, 1);
	other = listed("d");
	same = listed("c"); /* an offer in hand would keep the unit from d */
	hold(false);
	assert_false(other || same);
	while (!listed("d") && !clock_expired(&clock_system, deadline_ns))
		sched_yield();
	assert_true(listed("d"));
	assert_false(listed("c"));
	/* Nobody else wants it. */
	__atomic_add_fetch(&offset_ns, 2 * CLOCK_NS_PER_S, __ATOMIC_RELAXED);
	assert_true(listed("c") && listed("d"));
}

static void rest_is_told_once_after_work(void **state)
{
	assert_false(fleet_take_rested(fleet));
	hold(true);
	offer(1, "a", 1);
	wait_for(&seen.performing, 1);
	assert_false(fleet_take_rested(fleet));
	seen.hold = false;
	nudge();
	wait_for(&seen.performed, 1);
	assert_int_equal(fleet_wait_started(fleet, soon()), 0);
	while (fleet_is_busy(fleet))
		sched_yield();
	assert_true(fleet_take_rested(fleet));
	assert_false(fleet_take_rested(fleet));
}

static void a_step_that_hangs_is_seen_long_after_its_deadline(void **state)
{
	char board[BOARD_NAME_BYTES] = "";

	hold(true);
	seen.due_ms = 1000;
	offer(1, "a", 1);
	wait_for(&seen.performing, 1);
	seen.due_ms = 0;
	assert_false(fleet_is_overdue(fleet, board));
	__atomic_add_fetch(&offset_ns, (PULSE_SLACK_MS + 500) * CLOCK_NS_PER_MS, __ATOMIC_RELAXED);
	assert_false(fleet_is_overdue(fleet, board));
	__atomic_add_fetch(&offset_ns, 1000 * CLOCK_NS_PER_MS, __ATOMIC_RELAXED);
	assert_true(fleet_is_overdue(fleet, board));
	assert_string_equal(board, "a");
	hold(false);
	nudge();
	wait_for(&seen.performed, 1);
	while (fleet_is_busy(fleet))
		sched_yield();
	assert_false(fleet_is_overdue(fleet, board));
}

static void a_promise_is_broken_behind_its_slack_only(void **state)
{
	struct pulse p = {0};

	assert_false(pulse_is_broken(&p, &virtual_clock));
	pulse_promise(&p, &virtual_clock, 1000);
	__atomic_add_fetch(&offset_ns, (PULSE_SLACK_MS + 500) * CLOCK_NS_PER_MS, __ATOMIC_RELAXED);
	assert_false(pulse_is_broken(&p, &virtual_clock));
	__atomic_add_fetch(&offset_ns, 1000 * CLOCK_NS_PER_MS, __ATOMIC_RELAXED);
	assert_true(pulse_is_broken(&p, &virtual_clock));
	pulse_promise(&p, &virtual_clock, 1000);
	assert_false(pulse_is_broken(&p, &virtual_clock));
	assert_false(pulse_is_over(CLOCK_NEVER, &virtual_clock));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_what_is_online_is_listed),
		TEST(a_board_at_work_is_listed_once_it_has_started),
		TEST(a_board_whose_start_is_awaited_is_not_listed),
		TEST(epochs_go_up_only),
		TEST(an_offer_dropped_before_its_start_may_come_again),
		TEST(an_epoch_that_the_server_knows_is_the_least),
		TEST(a_repeated_offer_is_performed_once),
		TEST(the_next_offer_waits_for_the_end_of_the_last),
		TEST(a_cancel_finds_its_run_only),
		TEST(a_board_that_goes_ends_its_run),
		TEST(a_check_waits_for_the_run_to_end),
		TEST(a_change_waits_for_the_run_to_end),
		TEST(a_board_with_strange_words_is_told_all_the_same),
		TEST(boards_with_one_meter_take_turns),
		TEST(rest_is_told_once_after_work),
		TEST(a_step_that_hangs_is_seen_long_after_its_deadline),
		TEST(a_promise_is_broken_behind_its_slack_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
