/* Samples in order, from anywhere, of a file that is removed meanwhile or damaged. */
#include "server/captures/walk.h"
#include "tests/unit/server/captures/lab.h"

static void check(struct lab *l, struct trace *t, uint64_t from, uint64_t to)
{
	struct walk *w = NULL;
	struct walk_sample s;
	uint64_t i = from;

	assert_int_equal(walk_open(t, (int64_t)l->n, from, to, &w, NULL), 0);
	unlink(l->path);
	for (; i < to && i < l->signal.n; i++) {
		uint32_t lost = 0;

		for (; i < to && i < l->signal.n && l->signal.state[i] == SIGNAL_LOST; i++)
			lost++;
		if (i == to || i == l->signal.n)
			break;
		assert_int_equal(walk_next(w, &s), 1);
		assert_int_equal(s.index, i);
		assert_int_equal(s.word, l->signal.words[i]);
		assert_int_equal(s.invalid, l->signal.state[i] == SIGNAL_INVALID);
		assert_true(s.lost_before >= lost);
	}
	assert_int_equal(walk_next(w, &s), 0);
	walk_close(w);
}

static void any_part_is_given_as_it_was(void **state)
{
	struct lab *l = *state;
	struct trace *t = lab_trace(l, l->n);
	uint32_t random = 11;

	check(l, t, 0, UINT64_MAX);
	check(l, t, 65536, 65537);
	check(l, t, l->signal.n, UINT64_MAX);
	for (int i = 0; i < 30; i++) {
		uint64_t from = signal_random(&random) % l->signal.n;

		check(l, t, from, from + signal_random(&random) % 100000);
	}
	trace_free(t);
}

/* A piece is read before it is durable: what it holds is no gap of an export meanwhile. */
static void it_ends_where_the_file_may_be_read(void **state)
{
	struct lab *l = *state;
	struct trace *t = lab_trace(l, l->n);
	struct walk *w = NULL;
	struct walk_sample s = {0};
	const struct trace_block *blocks;
	size_t n;

	blocks = trace_blocks(t, &n);
	assert_true(n > 2);
	assert_int_equal(walk_open(t, blocks[2].from + 1, 5, UINT64_MAX, &w, NULL), 0);
	assert_int_equal(walk_to(w), blocks[1].end);
	while (walk_next(w, &s) == 1)
		continue;
	assert_true(s.index < blocks[1].end);
	walk_close(w);
	assert_int_equal(walk_open(t, 0, 0, UINT64_MAX, &w, NULL), 0);
	assert_int_equal(walk_to(w), 0);
	walk_close(w);
	trace_free(t);
}

static void damage_on_the_way_is_an_error(void **state)
{
	struct lab *l = *state;
	struct trace *t = lab_trace(l, l->n);
	struct walk *w = NULL;
	struct walk_sample s;
	int rc;

	l->bytes[l->n / 2] ^= 1;
	lab_file(l->path, l->bytes, l->n);
	assert_int_equal(walk_open(t, (int64_t)l->n, 0, UINT64_MAX, &w, NULL), 0);
	while ((rc = walk_next(w, &s)) == 1)
		continue;
	assert_int_equal(rc, -EBADMSG);
	walk_close(w);
	trace_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(any_part_is_given_as_it_was),
		LAB_TEST(it_ends_where_the_file_may_be_read),
		LAB_TEST(damage_on_the_way_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
