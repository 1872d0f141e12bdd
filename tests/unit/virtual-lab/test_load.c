#include "unit.h"

#include "virtual-lab/load.h"
#include "virtual-lab/machines.h"

static void every_machine_has_its_currents(void **state)
{
	const struct machine *m;

	for (unsigned i = 0; (m = machine_at(i)); i++) {
		double sleep = load_A(m->name, ACTIVITY_SLEEP), run = load_A(m->name, ACTIVITY_RUN);

		assert_true(sleep > 0);
		assert_true(run > 10 * sleep);
		assert_true(load_A(m->name, ACTIVITY_MAC) > run);
		/* What the PPK2 can feed. */
		assert_true(load_A(m->name, ACTIVITY_MAC) < 0.5);
		assert_true(load_A(m->name, ACTIVITY_COUNT) == run);
	}
}

static void no_machine_no_current(void **state)
{
	assert_true(load_A("pdp-11", ACTIVITY_RUN) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_machine_has_its_currents),
		cmocka_unit_test(no_machine_no_current),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
