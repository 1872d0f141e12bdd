/* The history of events: ids, resuming, what is too old or from elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/events/hub.h"

#define LINEAGE "0123456789abcdef0123456789abcdef"

static struct event_hub *hub_of(size_t history)
{
	struct event_hub *hub = NULL;

	assert_int_equal(event_hub_open(history, LINEAGE, 100, &hub), 0);
	return hub;
}

static void events_come_as_text_in_order(void **state)
{
	struct event_hub *hub = hub_of(8);
	struct buffer b = BUFFER_INIT(4096);
	uint64_t next = event_hub_next(hub);

	assert_int_equal(next, 100);
	event_hub_publish(hub, "job", "{\"id\":1}");
	event_hub_publish(hub, "run", "{\"id\":2}");
	assert_true(event_hub_copy(hub, &next, 4096, &b));
	assert_string_equal(b.data,
		"id: " LINEAGE "-100\nevent: job\ndata: {\"id\":1}\n\n"
		"id: " LINEAGE "-101\nevent: run\ndata: {\"id\":2}\n\n");
	assert_int_equal(next, 102);
	buffer_clear(&b);
	assert_true(event_hub_copy(hub, &next, 4096, &b));
	assert_int_equal(b.n, 0);
	buffer_done(&b);
	event_hub_free(hub);
}

static void what_is_too_old_or_yet_to_come_is_unknown(void **state)
{
	struct event_hub *hub = hub_of(4);
	struct buffer b = BUFFER_INIT(4096);
	uint64_t next;

	for (int i = 0; i < 10; i++)
		event_hub_publish(hub, "job", "{}");
	next = 105;
	assert_false(event_hub_copy(hub, &next, 4096, &b));
	next = 106;
	assert_true(event_hub_copy(hub, &next, 4096, &b));
	assert_int_equal(next, 110);
	next = 111;
	assert_false(event_hub_copy(hub, &next, 4096, &b));
	next = 99;
	assert_false(event_hub_copy(hub, &next, 4096, &b));
	buffer_done(&b);
	event_hub_free(hub);
}

static void a_copy_stops_at_its_limit_and_goes_on(void **state)
{
	struct event_hub *hub = hub_of(100);
	struct buffer b = BUFFER_INIT(4096);
	uint64_t next = 100;
	int rounds = 0;

	for (int i = 0; i < 50; i++)
		event_hub_publish(hub, "job", "{}");
	while (next < 150) {
		buffer_clear(&b);
		assert_true(event_hub_copy(hub, &next, 100, &b));
		assert_true(b.n > 0);
		rounds++;
	}
	assert_true(rounds > 10);
	buffer_done(&b);
	event_hub_free(hub);
}

static void ids_are_parsed_strictly(void **state)
{
	struct event_hub *hub = hub_of(4);
	static const char *const bad[] = {"", "5", LINEAGE, LINEAGE "-", LINEAGE "-x",
		LINEAGE "-5x", LINEAGE "--5", "1123456789abcdef0123456789abcdef-5",
		LINEAGE "-99999999999999999999"};
	char id[EVENT_ID_BYTES];
	uint64_t next = 0;

	event_hub_format_id(hub, 41, id);
	assert_string_equal(id, LINEAGE "-41");
	assert_true(event_hub_parse_id(hub, id, &next));
	assert_int_equal(next, 42);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(event_hub_parse_id(hub, bad[i], &next));
	event_hub_free(hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_as_text_in_order),
		cmocka_unit_test(what_is_too_old_or_yet_to_come_is_unknown),
		cmocka_unit_test(a_copy_stops_at_its_limit_and_goes_on),
		cmocka_unit_test(ids_are_parsed_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
