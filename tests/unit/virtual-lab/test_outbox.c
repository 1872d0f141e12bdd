#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "virtual-lab/outbox.h"

#define PIECE 1600

static struct outbox *o;
static int ends[2];
static uint32_t put_bytes, got_bytes;

static int begin(void **state)
{
	o = calloc(1, sizeof(*o));
	put_bytes = got_bytes = 0;
	return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int end(void **state)
{
	free(o);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static uint8_t byte_at(uint32_t i)
{
	return (uint8_t)(i * 2654435761u >> 24);
}

static bool put(size_t n)
{
	static uint8_t data[OUTBOX_BYTES + 1];

	for (size_t i = 0; i < n; i++)
		data[i] = byte_at(put_bytes + (uint32_t)i);
	if (!outbox_put(o, data, n))
		return false;
	put_bytes += (uint32_t)n;
	return true;
}

/* Everything that is in the pipe now, checked. */
static void take(void)
{
	uint8_t data[4096];
	ssize_t n;

	while ((n = read(ends[0], data, sizeof(data))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(data[i], byte_at(got_bytes++));
	}
}

static void bytes_leave_in_order_round_the_end(void **state)
{
	/* The reader is always behind, so that the first byte wanders round. */
	assert_true(put(OUTBOX_BYTES / 2));
	for (int i = 0; i < 2000; i++) {
		assert_true(put(PIECE));
		outbox_push(o, ends[1]);
		if (o->n < OUTBOX_BYTES / 3)
			continue;
		take();
	}
	assert_true(got_bytes > 2 * OUTBOX_BYTES);
	while (o->n) {
		take();
		outbox_push(o, ends[1]);
	}
	take();
	assert_int_equal(got_bytes, put_bytes);
}

static void what_does_not_fit_is_not_taken_in_part(void **state)
{
	while (put(PIECE))
		;
	assert_int_equal(put_bytes, OUTBOX_BYTES / PIECE * PIECE);
	assert_true(put(OUTBOX_BYTES - put_bytes));
	assert_false(put(1));
	assert_int_equal(o->n, OUTBOX_BYTES);
	outbox_drop(o);
	assert_true(put(1));
	assert_false(put(OUTBOX_BYTES));
}

static void a_reader_that_is_gone_is_no_trouble(void **state)
{
	assert_true(put(10));
	outbox_push(o, -1);
	assert_int_equal(o->n, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_leave_in_order_round_the_end),
		TEST(what_does_not_fit_is_not_taken_in_part),
		TEST(a_reader_that_is_gone_is_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
