/* Tasks run once each, in order on one worker, and all of them before the workers end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "server/http/workers.h"

#define TASKS 1000

struct step {
	struct task task;
	int number;
};

static atomic_int runs;
static int order[TASKS];

static void run(struct task *task)
{
	struct step *s = (struct step *)task;

	order[atomic_fetch_add(&runs, 1)] = s->number;
}

static void submit_all(size_t threads)
{
	static struct step steps[TASKS];
	struct workers *w = NULL;

	atomic_store(&runs, 0);
	assert_int_equal(workers_open(threads, &w), 0);
	for (int i = 0; i < TASKS; i++) {
		steps[i] = (struct step){.task.run = run, .number = i};
		workers_submit(w, &steps[i].task);
	}
	workers_close(w);
	assert_int_equal(atomic_load(&runs), TASKS);
}

static void one_worker_keeps_the_order(void **state)
{
	submit_all(1);
	for (int i = 0; i < TASKS; i++)
		assert_int_equal(order[i], i);
}

static void several_run_each_task_once(void **state)
{
	char seen[TASKS] = {0};

	submit_all(4);
	for (int i = 0; i < TASKS; i++)
		assert_int_equal(seen[order[i]]++, 0);
}

static void closing_nothing_is_fine(void **state)
{
	workers_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_worker_keeps_the_order),
		cmocka_unit_test(several_run_each_task_once),
		cmocka_unit_test(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
