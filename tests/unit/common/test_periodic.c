/* Turns come when they are due, when they are woken, and not after the stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "common/periodic.h"

#define PATIENCE_MS 20000

struct turns {
	sem_t begun, go;
	bool gated;    /* a turn ends when it is let go */
	bool long_one; /* a turn ends when its thread is to end */
	int64_t due_ns;
	atomic_int n;
};

static int64_t turn(struct periodic *p, void *arg)
{
	struct turns *t = arg;

	atomic_fetch_add(&t->n, 1);
	sem_post(&t->begun);
	if (t->gated)
		sem_wait(&t->go);
	while (t->long_one && !periodic_is_ending(p))
		clock_poll(&clock_system, NULL, 0, clock_deadline_ms(&clock_system, 1));
	return t->due_ns;
}

static struct periodic *start(struct turns *t)
{
	struct periodic_work work = {"a test", &clock_system, turn, t};
	struct periodic *p = NULL;
	struct fault f = {0};

	sem_init(&t->begun, 0, 0);
	sem_init(&t->go, 0, 0);
	if (periodic_start(&work, &p, &f))
		fail_msg("%s", f.text);
	return p;
}

/* One more turn has begun. */
static void expect_turn(struct turns *t)
{
	int64_t until_ns = clock_deadline_ms(&clock_system, PATIENCE_MS);
	struct timespec until = {until_ns / CLOCK_NS_PER_S, until_ns % CLOCK_NS_PER_S};

	if (sem_clockwait(&t->begun, CLOCK_MONOTONIC, &until))
		fail_msg("no turn began in %d ms", PATIENCE_MS);
}

static void a_turn_that_is_due_comes_by_itself(void **state)
{
	struct turns t = {.due_ns = 0};
	struct periodic *p = start(&t);

	for (int i = 0; i < 3; i++)
		expect_turn(&t);
	periodic_stop(p);
}

static void one_that_is_not_due_comes_when_it_is_woken(void **state)
{
	struct turns t = {.due_ns = CLOCK_NEVER};
	struct periodic *p = start(&t);

	for (int i = 0; i < 3; i++) {
		expect_turn(&t);
		periodic_wake(p);
	}
	expect_turn(&t);
	periodic_stop(p);
	assert_int_equal(atomic_load(&t.n), 4);
}

static void a_wake_during_a_turn_is_not_lost(void **state)
{
	struct turns t = {.due_ns = CLOCK_NEVER, .gated = true};
	struct periodic *p = start(&t);

	expect_turn(&t);
	periodic_wake(p);
	periodic_wake(p);
	sem_post(&t.go);
	expect_turn(&t);
	sem_post(&t.go);
	periodic_stop(p);
	assert_int_equal(atomic_load(&t.n), 2);
}

static void a_long_turn_hears_of_the_end_and_is_the_last(void **state)
{
	struct turns t = {.due_ns = 0, .long_one = true};
	struct periodic *p = start(&t);

	expect_turn(&t);
	periodic_stop(p);
	assert_int_equal(atomic_load(&t.n), 1);
	periodic_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_that_is_due_comes_by_itself),
		cmocka_unit_test(one_that_is_not_due_comes_when_it_is_woken),
		cmocka_unit_test(a_wake_during_a_turn_is_not_lost),
		cmocka_unit_test(a_long_turn_hears_of_the_end_and_is_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
