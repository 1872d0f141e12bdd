/* Selections against sums over the samples. */
#include "server/captures/selection.h"
#include "tests/unit/server/captures/lab.h"

static void check(struct lab *l, struct trace *t, uint64_t from, uint64_t to)
{
	uint64_t lost = 0, invalid = 0, clipped = 0, valid = 0;
	double min = INFINITY, max = -INFINITY, sum_uA = 0, filtered_uA = 0;
	struct ppk2_filter filter;
	struct selection s;

	ppk2_filter_reset(&filter);
	for (uint64_t i = 0; i < to && i < l->signal.n; i++) {
		uint32_t word = l->signal.words[i];
		double filtered;

		if (l->signal.state[i] == SIGNAL_LOST) {
			lost += i >= from;
			continue;
		}
		filtered = 1e6 * ppk2_filter_A(&filter, word, l->signal.uA[i] * 1e-6);
		if (i < from)
			continue;
		if (l->signal.state[i] == SIGNAL_INVALID) {
			invalid++;
			continue;
		}
		valid++;
		clipped += ppk2_adc(word) == PPK2_ADC_MAX;
		min = fmin(min, l->signal.uA[i]);
		max = fmax(max, l->signal.uA[i]);
		sum_uA += l->signal.uA[i];
		filtered_uA += filtered;
	}
	assert_int_equal(selection_make(t, (int64_t)l->n, from, to, &s, NULL), 0);
	assert_int_equal(s.valid, valid);
	assert_int_equal(s.lost, lost);
	assert_int_equal(s.invalid, invalid);
	assert_int_equal(s.clipped, clipped);
	assert_int_equal(s.complete, valid && valid == to - from);
	assert_true(fabs(s.charge_C * 1e6 - sum_uA * 1e-5) <= 1e-12 + 1e-11 * fabs(sum_uA));
	assert_true(fabs(s.filtered_charge_C * 1e6 - filtered_uA * 1e-5) <=
		1e-12 + 1e-11 * fabs(filtered_uA));
	if (valid) {
		assert_true(fabs(s.min_A * 1e6 - min) < 1e-9);
		assert_true(fabs(s.max_A * 1e6 - max) < 1e-6);
	}
}

static void any_part_is_exact(void **state)
{
	struct lab *l = *state;
	struct trace *t = lab_trace(l, l->n);
	uint32_t random = 3;

	check(l, t, 0, l->signal.n);
	check(l, t, 0, 1);
	check(l, t, 7, 7);
	check(l, t, l->signal.n, l->signal.n + 10);
	check(l, t, 100, l->signal.n + 1000);
	for (int i = 0; i < 100; i++) {
		uint64_t from = signal_random(&random) % l->signal.n;

		check(l, t, from, from + 1 + signal_random(&random) % (l->signal.n / (1 + i)));
	}
	trace_free(t);
}

/* The filter's state is kept too. */
static void it_is_the_same_after_a_restart(void **state)
{
	struct lab *l = *state;
	struct trace *t;

	trace_free(lab_trace(l, l->n / 3));
	t = lab_trace(l, l->n);
	check(l, t, 150000, 250000);
	check(l, t, 3, 299000);
	trace_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(any_part_is_exact),
		LAB_TEST(it_is_the_same_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
