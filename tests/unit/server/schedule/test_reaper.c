/* The reaper's thread on the real clock, with short terms. */
#include <time.h>

#include "tests/unit/server/store/lab.h"

#define PATIENCE_NS (20 * CLOCK_NS_PER_S)

static struct store *open_short(const char *folder)
{
	struct store_options o = {.folder = folder,
		.terms = {.lease_ms = 80, .grace_ms = 20, .offer_ms = 50, .agent_ms = 5000}};
	struct store *s = NULL;
	struct fault f = {0};

	if (store_open(&o, &s, &f))
		fail_msg("%s", f.text);
	return s;
}

/* Looks until the run is in that state, or patience ends. */
static void wait_for_run(struct lab *lab, int64_t run, const char *state)
{
	int64_t deadline = clock_mono_ns(&clock_system) + PATIENCE_NS;

	while (strcmp(lab_word(lab, read_run, run, "state"), state)) {
		if (clock_expired(&clock_system, deadline))
			fail_msg("run %lld is still %s", (long long)run,
				lab_word(lab, read_run, run, "state"));
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
}

static void offers_and_leases_end_by_themselves(void **state)
{
	char folder[] = "/tmp/hilda-test-XXXXXX";
	struct lab lab = {0};
	struct lab_agent a = {0};
	struct reaper *reaper = NULL;
	struct fault f = {0};
	int64_t job, run, epoch;

	assert_non_null(mkdtemp(folder));
	lab.store = open_short(folder);
	assert_int_equal(reaper_start(lab.store, &reaper, &f), 0);
	lab_agent(&lab, &a);
	job = lab_submit(&lab, "mps3-an547", "");
	run = lab_offer(&lab, &a, "m55-1", &epoch);
	wait_for_run(&lab, run, "released");
	assert_job(&lab, job, "state", "queued");
	do
		run = lab_offer(&lab, &a, "m55-1", &epoch);
	while (lab_start(&lab, &a, run, epoch)); /* on a slow machine the offer may be over */
	wait_for_run(&lab, run, "lost");
	assert_board(&lab, "m55-1", "state", "quarantined");
	reaper_stop(reaper);
	lab_agent_done(&a);
	store_close(lab.store);
	file_remove_tree(folder, NULL);
}

static void it_stops_at_once_while_it_waits(void **state)
{
	char folder[] = "/tmp/hilda-test-XXXXXX";
	struct store *s;
	struct fault f = {0};
	int64_t before;

	assert_non_null(mkdtemp(folder));
	s = open_short(folder);
	before = clock_mono_ns(&clock_system);
	for (int i = 0; i < 20; i++) {
		struct reaper *reaper = NULL;

		assert_int_equal(reaper_start(s, &reaper, &f), 0);
		reaper_stop(reaper);
	}
	/* Twenty waits to their end would be twenty seconds. */
	assert_true(clock_mono_ns(&clock_system) - before < 15 * CLOCK_NS_PER_S);
	reaper_stop(NULL);
	store_close(s);
	file_remove_tree(folder, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_and_leases_end_by_themselves),
		cmocka_unit_test(it_stops_at_once_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
