/* Rings, offsets, ends: on virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/tunnels/tunnels.h"

#define IDLE_MS 1000

static const struct tunnel_caller ada = {.owner = "ada"}, bob = {.owner = "bob"},
				  agent = {.agent = 7}, other = {.agent = 8};

struct lab {
	int64_t now_ms;
	struct clock clock;
	struct tunnels *all;
	struct buffer got;
	struct fault fault;
};

static int64_t mono(void *arg)
{
	return ((struct lab *)arg)->now_ms * CLOCK_NS_PER_MS;
}

static int64_t wall(void *arg)
{
	return ((struct lab *)arg)->now_ms;
}

static int set_up(void **state)
{
	struct lab *l = calloc(1, sizeof(*l));

	l->now_ms = 1000000;
	l->clock = (struct clock){.mono_ns = mono, .wall_ms = wall, .arg = l};
	l->got = BUFFER_INIT(1 << 20);
	assert_int_equal(tunnels_open(&l->clock, IDLE_MS, &l->all), 0);
	*state = l;
	return 0;
}

static int tear_down(void **state)
{
	struct lab *l = *state;

	tunnels_close(l->all);
	buffer_done(&l->got);
	free(l);
	return 0;
}

static int64_t open_one(struct lab *l, const char *board, int64_t until_ms)
{
	int64_t id;

	assert_int_equal(tunnels_prepare(l->all, board, "ada", TUNNEL_CONSOLE, &id, &l->fault), 0);
	assert_int_equal(tunnels_begin(l->all, id, 7, until_ms, &l->fault), 0);
	return id;
}

static int get(struct lab *l, const struct tunnel_caller *who, int64_t id, enum tunnel_way way,
	uint64_t offset)
{
	buffer_clear(&l->got);
	return tunnels_read(l->all, who, id, way, offset, &l->got, &l->fault);
}

static int put(struct lab *l, const struct tunnel_caller *who, int64_t id, enum tunnel_way way,
	uint64_t offset, const char *text, uint64_t *have)
{
	return tunnels_write(l->all, who, id, way, offset, text, strlen(text), have, &l->fault);
}

static void both_keep_in_touch(struct lab *l, int64_t id)
{
	get(l, &ada, id, TUNNEL_DOWN, 0);
	get(l, &agent, id, TUNNEL_UP, 0);
}

static void bytes_go_both_ways_once(void **state)
{
	struct lab *l = *state;
	int64_t id = open_one(l, "b", 0);
	uint64_t have = 0;

	assert_int_equal(put(l, &ada, id, TUNNEL_UP, 0, "hello", &have), 0);
	assert_int_equal(have, 5);
	/* The answer was lost: the same again, and more behind it. */
	assert_int_equal(put(l, &ada, id, TUNNEL_UP, 0, "hello!", &have), 0);
	assert_int_equal(have, 6);
	assert_int_equal(get(l, &agent, id, TUNNEL_UP, 0), 0);
	assert_string_equal(l->got.data, "hello!");
	assert_int_equal(get(l, &agent, id, TUNNEL_UP, 2), 0);
	assert_string_equal(l->got.data, "llo!");
	/* What was said to be had is forgotten. */
	assert_int_equal(get(l, &agent, id, TUNNEL_UP, 0), -ERANGE);
	assert_int_equal(get(l, &agent, id, TUNNEL_UP, 7), -ERANGE);
	assert_int_equal(put(l, &ada, id, TUNNEL_UP, 7, "x", &have), -ERANGE);
	assert_int_equal(put(l, &agent, id, TUNNEL_DOWN, 0, "world", &have), 0);
	assert_int_equal(get(l, &ada, id, TUNNEL_DOWN, 0), 0);
	assert_string_equal(l->got.data, "world");
}

static void a_full_ring_holds_the_writer_up(void **state)
{
	struct lab *l = *state;
	int64_t id = open_one(l, "b", 0);
	static char much[TUNNEL_RING_BYTES];
	uint64_t have = 0;

	memset(much, 'm', sizeof(much));
	assert_int_equal(
		tunnels_write(l->all, &agent, id, TUNNEL_DOWN, 0, much, 40000, &have, NULL), 0);
	assert_int_equal(have, 40000);
	assert_int_equal(
		tunnels_write(l->all, &agent, id, TUNNEL_DOWN, have, much, 40000, &have, NULL), 0);
	assert_int_equal(have, TUNNEL_RING_BYTES);
	assert_int_equal(
		tunnels_write(l->all, &agent, id, TUNNEL_DOWN, have, much, 1, &have, NULL), 0);
	assert_int_equal(have, TUNNEL_RING_BYTES);
	assert_int_equal(get(l, &ada, id, TUNNEL_DOWN, 0), 0);
	assert_int_equal(l->got.n, TUNNEL_RING_BYTES);
	assert_int_equal(get(l, &ada, id, TUNNEL_DOWN, 100), 0);
	assert_int_equal(
		tunnels_write(l->all, &agent, id, TUNNEL_DOWN, have, much, 40000, &have, NULL), 0);
	assert_int_equal(have, TUNNEL_RING_BYTES + 100);
}

static void it_is_its_owners_and_its_agents(void **state)
{
	struct lab *l = *state;
	int64_t id = open_one(l, "b", 0);
	uint64_t have;

	assert_int_equal(get(l, &bob, id, TUNNEL_DOWN, 0), -ENOENT);
	assert_int_equal(put(l, &bob, id, TUNNEL_UP, 0, "x", &have), -ENOENT);
	assert_int_equal(tunnels_end(l->all, &bob, id, "mine", &l->fault), -ENOENT);
	assert_int_equal(get(l, &other, id, TUNNEL_UP, 0), -ENOENT);
	assert_int_equal(get(l, &ada, id + 1, TUNNEL_DOWN, 0), -ENOENT);
	assert_int_equal(get(l, &ada, id, TUNNEL_DOWN, 0), 0);
}

static void an_agent_is_told_until_it_comes(void **state)
{
	struct lab *l = *state;
	int64_t id;
	json_t *list;

	assert_int_equal(tunnels_prepare(l->all, "b", "ada", TUNNEL_GDB, &id, &l->fault), 0);
	/* Nobody is told before the reservation was looked at. */
	assert_null(tunnels_waiting(l->all, 0));
	assert_int_equal(get(l, &ada, id, TUNNEL_DOWN, 0), -ENOENT);
	assert_int_equal(tunnels_begin(l->all, id, 7, 0, &l->fault), 0);
	assert_null(tunnels_waiting(l->all, 8));
	for (int i = 0; i < 2; i++) {
		list = tunnels_waiting(l->all, 7);
		assert_int_equal(json_array_size(list), 1);
		assert_int_equal(
			json_integer_value(json_object_get(json_array_get(list, 0), "id")), id);
		json_decref(list);
	}
	get(l, &agent, id, TUNNEL_UP, 0);
	assert_null(tunnels_waiting(l->all, 7));
}

static void what_came_before_the_end_is_given(void **state)
{
	struct lab *l = *state;
	int64_t id = open_one(l, "b", 0);
	uint64_t have;

	put(l, &agent, id, TUNNEL_DOWN, 0, "last words", &have);
	assert_int_equal(tunnels_end(l->all, &agent, id, "OpenOCD has ended", &l->fault), 0);
	assert_int_equal(get(l, &ada, id, TUNNEL_DOWN, 0), 0);
	assert_string_equal(l->got.data, "last words");
	assert_int_equal(get(l, &ada, id, TUNNEL_DOWN, 10), -EPIPE);
	assert_string_equal(l->fault.text, "OpenOCD has ended");
	assert_int_equal(put(l, &ada, id, TUNNEL_UP, 0, "x", &have), -EPIPE);
	/* And forgotten in the end. */
	l->now_ms += 61000;
	open_one(l, "c", 0);
	assert_int_equal(get(l, &ada, id, TUNNEL_DOWN, 10), -ENOENT);
}

static void silence_ends_it(void **state)
{
	struct lab *l = *state;
	int64_t one = open_one(l, "b", 0), two = open_one(l, "c", 0);

	for (int i = 0; i < 5; i++) {
		l->now_ms += IDLE_MS - 100;
		both_keep_in_touch(l, one);
		get(l, &agent, two, TUNNEL_UP, 0);
	}
	assert_int_equal(get(l, &ada, one, TUNNEL_DOWN, 0), 0);
	assert_int_equal(get(l, &agent, two, TUNNEL_UP, 0), -EPIPE);
	assert_non_null(strstr(l->fault.text, "who opened it was not heard of"));
	l->now_ms += IDLE_MS;
	assert_int_equal(get(l, &ada, one, TUNNEL_DOWN, 0), -EPIPE);
	assert_non_null(strstr(l->fault.text, "agent was not heard of"));
}

static void the_reservation_ends_it(void **state)
{
	struct lab *l = *state;
	int64_t one = open_one(l, "b", l->now_ms + 500), two = open_one(l, "c", l->now_ms + 500);

	tunnels_extend(l->all, "c", l->now_ms + 5000);
	l->now_ms += 500;
	assert_int_equal(get(l, &ada, one, TUNNEL_DOWN, 0), -EPIPE);
	assert_string_equal(l->fault.text, "the reservation is over");
	assert_int_equal(get(l, &ada, two, TUNNEL_DOWN, 0), 0);
	tunnels_end_board(l->all, "c", "the board was released");
	assert_int_equal(get(l, &ada, two, TUNNEL_DOWN, 0), -EPIPE);
	assert_string_equal(l->fault.text, "the board was released");
}

/* The release came between the look at the reservation and the tunnel's begin. */
static void a_release_in_between_is_not_missed(void **state)
{
	struct lab *l = *state;
	int64_t id;

	assert_int_equal(tunnels_prepare(l->all, "b", "ada", TUNNEL_GDB, &id, &l->fault), 0);
	tunnels_end_board(l->all, "b", "the board was released");
	assert_int_equal(tunnels_begin(l->all, id, 7, 0, &l->fault), -EPIPE);
	assert_null(tunnels_waiting(l->all, 7));
}

static void one_of_a_kind_on_a_board(void **state)
{
	struct lab *l = *state;
	int64_t first = open_one(l, "b", 0), debugger, second;

	assert_int_equal(tunnels_prepare(l->all, "b", "ada", TUNNEL_GDB, &debugger, &l->fault), 0);
	assert_int_equal(tunnels_begin(l->all, debugger, 7, 0, &l->fault), 0);
	assert_int_equal(get(l, &ada, first, TUNNEL_DOWN, 0), 0);
	second = open_one(l, "b", 0);
	assert_int_equal(get(l, &ada, first, TUNNEL_DOWN, 0), -EPIPE);
	assert_int_equal(get(l, &ada, second, TUNNEL_DOWN, 0), 0);
	assert_int_equal(get(l, &ada, debugger, TUNNEL_DOWN, 0), 0);
}

static int64_t prepare_for(struct lab *l, const char *owner)
{
	int64_t id;

	assert_int_equal(tunnels_prepare(l->all, "b", owner, TUNNEL_GDB, &id, &l->fault), 0);
	return id;
}

/* Each to an owner of its own. */
static void fill(struct lab *l, int64_t ids[TUNNELS_MAX])
{
	char owner[24];

	for (int i = 0; i < TUNNELS_MAX; i++) {
		snprintf(owner, sizeof(owner), "owner%d", i);
		ids[i] = prepare_for(l, owner);
	}
}

static void there_is_room_for_so_many(void **state)
{
	struct lab *l = *state;
	int64_t ids[TUNNELS_MAX], id;

	fill(l, ids);
	assert_int_equal(tunnels_prepare(l->all, "b", "ada", TUNNEL_GDB, &id, &l->fault), -EAGAIN);
	tunnels_drop(l->all, ids[0]);
	prepare_for(l, "ada");
}

static void what_has_begun_is_not_dropped(void **state)
{
	struct lab *l = *state;
	int64_t id = open_one(l, "b", 0);

	tunnels_drop(l->all, id);
	assert_int_equal(get(l, &ada, id, TUNNEL_DOWN, 0), 0);
}

static void the_ended_make_room(void **state)
{
	struct lab *l = *state;
	int64_t ids[TUNNELS_MAX], last;

	last = open_one(l, "last", 0);
	for (int i = 0; i < TUNNELS_MAX - 1; i++) {
		ids[i] = open_one(l, "b", 0);
		l->now_ms += 1;
		assert_int_equal(tunnels_end(l->all, &ada, ids[i], "left", &l->fault), 0);
	}
	/* All slots are taken: the one that ended first goes, and no other. */
	prepare_for(l, "bob");
	assert_int_equal(get(l, &ada, ids[0], TUNNEL_DOWN, 0), -ENOENT);
	assert_int_equal(get(l, &ada, ids[1], TUNNEL_DOWN, 0), -EPIPE);
	assert_int_equal(get(l, &ada, last, TUNNEL_DOWN, 0), 0);
}

static void an_owner_has_a_share(void **state)
{
	struct lab *l = *state;
	char board[24];
	int64_t first = open_one(l, "board", 0), id;

	for (int i = 1; i < TUNNELS_PER_OWNER; i++) {
		snprintf(board, sizeof(board), "board%d", i);
		open_one(l, board, 0);
	}
	assert_int_equal(
		tunnels_prepare(l->all, "more", "ada", TUNNEL_CONSOLE, &id, &l->fault), -EUSERS);
	assert_non_null(strstr(l->fault.text, "ada has"));
	prepare_for(l, "bob");
	/* Opened anew it takes its older one's place. */
	open_one(l, "board", 0);
	assert_int_equal(get(l, &ada, first, TUNNEL_DOWN, 0), -EPIPE);
	tunnels_end_board(l->all, "board", "the board was released");
	open_one(l, "more", 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_both_ways_once),
		TEST(a_full_ring_holds_the_writer_up),
		TEST(it_is_its_owners_and_its_agents),
		TEST(an_agent_is_told_until_it_comes),
		TEST(what_came_before_the_end_is_given),
		TEST(silence_ends_it),
		TEST(the_reservation_ends_it),
		TEST(a_release_in_between_is_not_missed),
		TEST(one_of_a_kind_on_a_board),
		TEST(there_is_room_for_so_many),
		TEST(what_has_begun_is_not_dropped),
		TEST(the_ended_make_room),
		TEST(an_owner_has_a_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
