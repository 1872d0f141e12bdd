#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/store/leases.h"

static void an_offer_becomes_a_lease(void **state)
{
	struct leases *l;
	struct lease due[4];
	int64_t next;

	assert_int_equal(leases_new(&l), 0);
	assert_int_equal(leases_set(l, LEASE_OFFER, 1, 10), 0);
	assert_int_equal(leases_set(l, LEASE_AGENT, 1, 30), 0);
	assert_int_equal(leases_list_due(l, 9, due, 4, &next), 0);
	assert_int_equal(next, 10);
	assert_int_equal(leases_set(l, LEASE_RUN, 1, 20), 0);
	assert_int_equal(leases_list_due(l, 19, due, 4, &next), 0);
	assert_int_equal(next, 20);
	/* The offer is none any more; the agent of the same number is another thing. */
	assert_false(leases_due(l, LEASE_OFFER, 1, 25));
	assert_true(leases_due(l, LEASE_RUN, 1, 20));
	assert_false(leases_due(l, LEASE_AGENT, 1, 20));
	assert_int_equal(leases_list_due(l, 20, due, 4, &next), 1);
	assert_int_equal(due[0].kind, LEASE_RUN);
	assert_int_equal(next, 30);
	leases_drop(l, LEASE_RUN, 1);
	leases_drop(l, LEASE_RUN, 1);
	assert_true(leases_due(l, LEASE_RUN, 1, 0));
	assert_int_equal(leases_list_due(l, 100, due, 4, &next), 1);
	assert_int_equal(due[0].kind, LEASE_AGENT);
	assert_true(next == CLOCK_NEVER);
	leases_free(l);
}

static void many_are_listed_in_turns(void **state)
{
	struct leases *l;
	struct lease due[16];
	int64_t next;
	size_t found = 0, n;

	assert_int_equal(leases_new(&l), 0);
	for (int64_t i = 1; i <= 1000; i++)
		assert_int_equal(leases_set(l, LEASE_RUN, i, i), 0);
	while ((n = leases_list_due(l, 500, due, 16, &next))) {
		found += n;
		for (size_t i = 0; i < n; i++) {
			assert_true(due[i].deadline_ns <= 500);
			leases_drop(l, due[i].kind, due[i].id);
		}
	}
	assert_int_equal(found, 500);
	assert_int_equal(next, 501);
	leases_free(l);
	leases_free(NULL);
}

static void the_queue_is_looked_through_when_its_first_deadline_is_over(void **state)
{
	struct leases *l;

	assert_int_equal(leases_new(&l), 0);
	/* At first nobody knows; then until something is lowered there is nothing. */
	assert_true(leases_queue_due(l, 1));
	assert_false(leases_queue_due(l, INT64_MAX - 1));
	leases_queue_lower(l, 500);
	leases_queue_lower(l, 900);
	assert_false(leases_queue_due(l, 499));
	assert_true(leases_queue_due(l, 500));
	assert_false(leases_queue_due(l, 1000));
	leases_free(l);
}

static void count(void *arg)
{
	++*(int *)arg;
}

static void who_watches_hears_of_deadlines_before_those_told_of(void **state)
{
	struct leases *l;
	struct lease due[4];
	int64_t next;
	int woken = 0;

	assert_int_equal(leases_new(&l), 0);
	leases_watch(l, count, &woken);
	assert_int_equal(leases_set(l, LEASE_RUN, 1, 50), 0);
	assert_int_equal(woken, 1);
	assert_int_equal(leases_list_due(l, 0, due, 4, &next), 0);
	assert_int_equal(leases_set(l, LEASE_RUN, 2, 60), 0);
	assert_int_equal(woken, 1);
	/* Also one that comes between the look and the wait. */
	assert_int_equal(leases_set(l, LEASE_RUN, 3, 40), 0);
	assert_int_equal(woken, 2);
	leases_watch(l, NULL, NULL);
	assert_int_equal(leases_set(l, LEASE_RUN, 4, 30), 0);
	assert_int_equal(woken, 2);
	leases_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_becomes_a_lease),
		cmocka_unit_test(many_are_listed_in_turns),
		cmocka_unit_test(the_queue_is_looked_through_when_its_first_deadline_is_over),
		cmocka_unit_test(who_watches_hears_of_deadlines_before_those_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
