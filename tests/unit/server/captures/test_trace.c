/* Traces: fed in any pieces, kept in their file and made again where that is no good. */
#include "tests/unit/server/captures/lab.h"

static void check_totals(struct lab *l, const struct trace *t)
{
	struct trace_totals all = trace_totals(t);
	uint64_t lost = 0, invalid = 0, clipped = 0, end = 0;

	for (size_t i = 0; i < l->signal.n; i++) {
		lost += l->signal.state[i] == SIGNAL_LOST;
		invalid += l->signal.state[i] == SIGNAL_INVALID;
		clipped += lab_valid(l, i) && ppk2_adc(l->signal.words[i]) == PPK2_ADC_MAX;
		end = i + 1;
	}
	assert_true(lost > 0 && invalid > 0 && clipped > 0);
	assert_int_equal(all.lost, lost);
	assert_int_equal(all.invalid, invalid);
	assert_int_equal(all.clipped, clipped);
	assert_int_equal(all.samples, l->signal.n - lost);
	assert_int_equal(all.end, end);
	assert_true(all.ended);
	assert_string_equal(trace_header(t)->serial, "VP-TEST");
}

struct seen {
	uint64_t next;
	double max;
	uint64_t n;
	struct lab *lab;
};

static void see(void *arg, uint64_t at, const struct bucket *b)
{
	struct seen *s = arg;
	double max = -INFINITY;

	assert_int_equal(at, s->next++);
	for (size_t i = 16 * at; i < 16 * (at + 1) && i < s->lab->signal.n; i++)
		max = lab_valid(s->lab, i) ? fmax(max, s->lab->signal.uA[i]) : max;
	if (isinf(max))
		assert_true(isnan(b->mean));
	else
		assert_true(b->max == (float)max);
	s->n++;
}

static void check_buckets(struct lab *l, struct trace *t)
{
	struct seen s = {.lab = l};

	assert_int_equal(trace_buckets(t, 0, 0, UINT64_MAX / 65536, see, &s, NULL), 0);
	assert_true(s.n >= (l->signal.n + 15) / 16);
}

static void check_spans(struct lab *l, const struct trace *t)
{
	size_t n, at = 0;
	const struct trace_span *spans = trace_spans(t, &n);

	for (size_t i = 0; i < l->signal.n; i++) {
		if (lab_valid(l, i))
			continue;
		assert_true(at < n);
		assert_int_equal(spans[at].from, i);
		while (i < l->signal.n && !lab_valid(l, i))
			i++;
		assert_int_equal(spans[at++].to, i);
	}
	assert_int_equal(at, n);
}

static void check_all(struct lab *l, struct trace *t)
{
	check_totals(l, t);
	check_buckets(l, t);
	check_spans(l, t);
}

static void a_file_is_read_at_once(void **state)
{
	struct lab *l = *state;
	struct trace *t = lab_trace(l, l->n);

	check_all(l, t);
	assert_int_equal(trace_position(t), l->n);
	trace_free(t);
}

static void pieces_of_any_size_give_the_same(void **state)
{
	struct lab *l = *state;
	uint32_t random = 99;
	struct trace *t = lab_trace(l, 0);

	for (size_t at = 0; at < l->n;) {
		size_t n = 1 + signal_random(&random) % 50000;

		n = n < l->n - at ? n : l->n - at;
		assert_int_equal(trace_feed(t, l->bytes + at, n, NULL), 0);
		at += n;
		assert_int_equal(trace_position(t), at);
	}
	check_all(l, t);
	trace_free(t);
}

static struct timespec changed(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mtim;
}

static void what_is_kept_is_not_made_again(void **state)
{
	struct lab *l = *state;
	struct timespec before;
	struct trace *t;

	trace_free(lab_trace(l, l->n));
	before = changed(l->pyramid);
	t = lab_trace(l, l->n);
	assert_int_equal(changed(l->pyramid).tv_sec, before.tv_sec);
	assert_int_equal(changed(l->pyramid).tv_nsec, before.tv_nsec);
	check_all(l, t);
	trace_free(t);
}

/* At each length at which a server may have ended: the rest comes after its restart. */
static void a_restart_in_the_middle_goes_on(void **state)
{
	struct lab *l = *state;

	for (size_t cut = 0; cut < l->n; cut += 30011) {
		unlink(l->pyramid);
		trace_free(lab_trace(l, cut));
		struct trace *t = lab_trace(l, cut);

		assert_int_equal(trace_position(t), cut);
		assert_int_equal(trace_feed(t, l->bytes + cut, l->n - cut, NULL), 0);
		check_all(l, t);
		trace_free(t);
		t = lab_trace(l, l->n);
		check_all(l, t);
		trace_free(t);
	}
}

static void damage_anywhere_in_the_file_beside_makes_it_again(void **state)
{
	struct lab *l = *state;
	char *data = NULL;
	size_t n;

	trace_free(lab_trace(l, l->n));
	assert_int_equal(file_read(l->pyramid, 64 << 20, &data, &n, NULL), 0);
	for (size_t at = 0; at < n; at += n / 13 + 1) {
		data[at] ^= 0x40;
		lab_file(l->pyramid, data, n);
		data[at] ^= 0x40;
		struct trace *t = lab_trace(l, l->n);

		check_all(l, t);
		trace_free(t);
	}
	for (size_t length = 0; length < n; length += n / 7) {
		lab_file(l->pyramid, data, length);
		struct trace *t = lab_trace(l, l->n);

		check_all(l, t);
		trace_free(t);
	}
	free(data);
}

/* It knows bytes that were never committed, and other ones came in their place. */
static void a_file_beside_that_is_ahead_is_made_again(void **state)
{
	struct lab *l = *state;
	struct trace *t;

	trace_free(lab_trace(l, l->n));
	t = lab_trace(l, l->n / 2);
	assert_int_equal(trace_position(t), l->n / 2);
	assert_true(trace_totals(t).end < l->signal.n);
	assert_int_equal(trace_feed(t, l->bytes + l->n / 2, l->n - l->n / 2, NULL), 0);
	check_all(l, t);
	trace_free(t);
}

static void what_is_no_capture_is_refused(void **state)
{
	struct lab *l = *state;
	struct fault f = {0};
	struct trace *t = lab_trace(l, 0);
	char head[64];

	memset(head, 'x', sizeof(head));
	assert_int_equal(trace_feed(t, head, sizeof(head), &f), -EBADMSG);
	assert_non_null(strstr(f.text, "byte 0 of the capture"));
	trace_free(t);
	/* A flipped bit in the middle. */
	t = lab_trace(l, 0);
	l->bytes[l->n / 2] ^= 4;
	assert_int_equal(trace_feed(t, l->bytes, l->n, &f), -EBADMSG);
	l->bytes[l->n / 2] ^= 4;
	trace_free(t);
	/* A second header, something behind the end. */
	t = lab_trace(l, l->n);
	assert_int_equal(trace_feed(t, l->bytes, 1, &f), -EBADMSG);
	assert_non_null(strstr(f.text, "follows the last record"));
	trace_free(t);
}

static void a_damaged_capture_is_good_up_to_there(void **state)
{
	struct lab *l = *state;
	struct trace *t;
	struct fault f = {0};

	l->bytes[l->n - l->n / 3] ^= 1;
	lab_file(l->path, l->bytes, l->n);
	t = lab_trace(l, l->n);
	assert_non_null(strstr(trace_damage(t), "damaged on the server's disk"));
	assert_true(trace_totals(t).end > 65536 && trace_totals(t).end < l->signal.n);
	assert_int_equal(trace_feed(t, "", 0, &f), -EBADMSG);
	trace_free(t);
	/* Shorter than the store says. */
	unlink(l->pyramid);
	l->bytes[l->n - l->n / 3] ^= 1;
	lab_file(l->path, l->bytes, l->n - 40000);
	t = lab_trace(l, l->n);
	assert_true(trace_damage(t)[0] != 0);
	trace_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(a_file_is_read_at_once),
		LAB_TEST(pieces_of_any_size_give_the_same),
		LAB_TEST(what_is_kept_is_not_made_again),
		LAB_TEST(a_restart_in_the_middle_goes_on),
		LAB_TEST(damage_anywhere_in_the_file_beside_makes_it_again),
		LAB_TEST(a_file_beside_that_is_ahead_is_made_again),
		LAB_TEST(what_is_no_capture_is_refused),
		LAB_TEST(a_damaged_capture_is_good_up_to_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
