#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "cli/sse.h"
#include "common/cleanup.h"

struct seen {
	struct buffer text;
	int stop_after;
};

static int note(void *arg, const struct sse_event *event)
{
	struct seen *seen = arg;

	buffer_printf(&seen->text, "%s|%s|%s\n", event->name, event->id, event->data);
	return seen->stop_after && --seen->stop_after == 0 ? -ECANCELED : 0;
}

static const char stream[] =
	": a comment\nid: 1\n\ndata: one\n\nid: 2\r\nevent: log\r\ndata:two\r\n"
	"data:  lines\r\n\r\nevent: log\rdata: three\rid: 3\r\rdata\n\n"
	"id: 4\ndata: cut off";
static const char expected[] = "message|1|one\nlog|2|two\n lines\nlog|3|three\nmessage|3|\n";

static void chunking_does_not_matter(void **state)
{
	for (size_t step = 1; step < sizeof(stream); step++) {
		struct seen seen = {.text = BUFFER_INIT(4096)};
		struct sse s;

		sse_init(&s, note, &seen);
		for (size_t at = 0; at < sizeof(stream) - 1; at += step) {
			size_t left = sizeof(stream) - 1 - at;

			assert_int_equal(sse_feed(&s, stream + at, left < step ? left : step), 0);
		}
		assert_string_equal(seen.text.data, expected);
		/* The id of an event that was not complete must not count. */
		assert_string_equal(s.id, "3");
		sse_done(&s);
		buffer_done(&seen.text);
	}
}

static void the_callers_no_ends_it(void **state)
{
	struct seen seen = {.text = BUFFER_INIT(4096), .stop_after = 2};
	struct sse s;

	sse_init(&s, note, &seen);
	assert_int_equal(sse_feed(&s, stream, sizeof(stream) - 1), -ECANCELED);
	assert_string_equal(seen.text.data, "message|1|one\nlog|2|two\n lines\n");
	sse_done(&s);
	buffer_done(&seen.text);
}

static void a_new_connection_forgets_the_half_event(void **state)
{
	struct seen seen = {.text = BUFFER_INIT(4096)};
	struct sse s;

	sse_init(&s, note, &seen);
	assert_int_equal(sse_feed(&s, "id: 7\ndata: a\n\nid: 8\ndata: ha", 30), 0);
	sse_restart(&s);
	assert_string_equal(s.id, "7");
	assert_int_equal(sse_feed(&s, "data: b\n\n", 9), 0);
	assert_string_equal(seen.text.data, "message|7|a\nmessage|7|b\n");
	sse_done(&s);
	buffer_done(&seen.text);
}

static void an_endless_line_is_refused(void **state)
{
	struct seen seen = {.text = BUFFER_INIT(4096)};
	char block[4096];
	struct sse s;
	int err = 0;

	memset(block, 'x', sizeof(block));
	sse_init(&s, note, &seen);
	for (int i = 0; !err && i < 100; i++)
		err = sse_feed(&s, block, sizeof(block));
	assert_int_equal(err, -EFBIG);
	sse_done(&s);
	buffer_done(&seen.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunking_does_not_matter),
		cmocka_unit_test(the_callers_no_ends_it),
		cmocka_unit_test(a_new_connection_forgets_the_half_event),
		cmocka_unit_test(an_endless_line_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
