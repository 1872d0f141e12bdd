/*
 * Each call to the disk that can fail does, once, a few times or until somebody mends it: what was not made
 * durable is not acknowledged, the store says that it does not commit, and goes on by itself afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "tests/unit/server/store/crash_vfs.h"
#include "tests/unit/server/store/crash_world.h"

#define EVER UINT64_MAX
#define SEED 1
#define ROUNDS (8 / CRASH_SHARE) /* of each error and duration; HILDA_ROUNDS=N: another number */
#define STARTS 30
#define FEW 12	/* large batches: some of the log is copied into the database */
#define MANY 90 /* all of it, and the database is synced */

struct injected {
	const char *what;
	unsigned calls, files;
	int code;
	uint64_t after; /* up to so many work before */
	unsigned fat;	/* so many large batches: only a checkpoint does this */
};

static const struct injected errors[] = {
	{"a write to the log", CRASH_WRITE, CRASH_WAL, 0, 60, 0},
	{"a write to the log, disk full", CRASH_WRITE, CRASH_WAL, SQLITE_FULL, 60, 0},
	{"a sync of the log", CRASH_SYNC, CRASH_WAL, 0, 60, 0},
	{"a checkpoint's write", CRASH_WRITE, CRASH_DATABASE, 0, 400, FEW},
	{"a checkpoint's write, disk full", CRASH_WRITE, CRASH_DATABASE, SQLITE_FULL, 400, FEW},
	{"a checkpoint's sync", CRASH_SYNC, CRASH_DATABASE, 0, 1, MANY},
	{"any sync", CRASH_SYNC, CRASH_DATABASE | CRASH_WAL, 0, 40, FEW},
	{"any call", CRASH_ANY, CRASH_DATABASE | CRASH_WAL, 0, 60, 0},
	{"any call to the log", CRASH_ANY, CRASH_WAL, 0, 60, 0},
};

struct tally {
	uint64_t rounds, refused, operations, faults;
};

/* What is refused is tried again as clients do; while the fault lasts nothing is acknowledged. */
static const char *through_the_fault(struct world *w, struct tally *t)
{
	struct fault f = {0};
	int rc = -EIO;

	for (unsigned tries = 0; rc && tries < 8; tries++) {
		t->refused++;
		if (!world_health(w, &f))
			return "a batch is refused and the store says that it is well";
		if (tries == 5)
			crash_vfs_fail(NULL);
		rc = world_retry(w);
	}
	if (rc)
		return "the fault is over and nothing is taken";
	return world_health(w, &f) ? "it commits and says that it does not" : NULL;
}

static const char *one_round(
	uint64_t seed, const struct injected *e, struct tally *t, uint64_t times, unsigned how)
{
	struct world *w = world_new(seed);
	uint64_t dice = ~seed;
	struct crash_fault fault = {.calls = e->calls,
		.files = e->files,
		.code = e->code,
		.after = crash_dice(&dice, e->after),
		.times = times};
	unsigned batches = e->fat ? e->fat : 12;
	const char *wrong = NULL;
	static char text[600];
	bool dark = how & 1, alone = how & 2;
	struct fault f = {0};

	if (world_open(w, &f))
		fail_msg("%s", f.text);
	crash_vfs_fail(&fault);
	while (batches-- && !wrong) {
		/* With the writer's connection alone its end is the end of what SQLite remembers. */
		if (alone)
			world_look_away(w);
		if (world_batch(w, e->fat != 0))
			wrong = through_the_fault(w, t);
	}
	crash_vfs_fail(NULL);
	if (!wrong && world_batch(w, false))
		wrong = "it does not go on working";
	if (!wrong)
		wrong = world_check(w);
	/* And is what was acknowledged on the disk? */
	if (dark)
		crash_vfs_cut();
	world_close(w);
	crash_vfs_power_on();
	if (!wrong && world_open(w, &f))
		wrong = f.text;
	if (!wrong)
		wrong = world_check(w);
	t->rounds++;
	t->operations += world_counts(w).operations;
	if (wrong) {
		snprintf(text, sizeof(text), "%.590s", wrong);
		wrong = text;
	}
	world_free(w);
	return wrong;
}

static void a_failing_disk_loses_nothing_and_is_got_over(void **state)
{
	static const uint64_t times[] = {1, 3, EVER};
	struct tally t = {0};
	uint64_t seed = SEED, before = crash_vfs_counts().faults;
	uint64_t rounds = crash_setting("HILDA_ROUNDS", ROUNDS);

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		uint64_t n = errors[i].fat ? (rounds + 7) / 8 : rounds;
		uint64_t faults = crash_vfs_counts().faults;

		for (uint64_t round = 0; round < 3 * n; round++, seed++) {
			const char *wrong = one_round(seed, &errors[i], &t, times[round % 3],
				(unsigned)(3 - round / 3 % 4));

			if (wrong)
				fail_msg("%s fails %llu times (seed %llu): %s", errors[i].what,
					(unsigned long long)times[round % 3],
					(unsigned long long)seed, wrong);
		}
		/* A fault that never comes tests nothing. */
		if (crash_vfs_counts().faults == faults)
			fail_msg("%s was never made to fail", errors[i].what);
	}
	t.faults = crash_vfs_counts().faults - before;
	print_message("%llu rounds, %llu faults injected, %llu batches refused, %llu operations"
		      " acknowledged, 0 lost, doubled or stuck\n",
		(unsigned long long)t.rounds, (unsigned long long)t.faults,
		(unsigned long long)t.refused, (unsigned long long)t.operations);
	assert_true(t.refused > 0);
}

/*
 * The server ends while its disk fails and starts when it is well again: the log may then hold a commit that
 * only the page cache has. What is built on it must not go with it.
 */
static void a_start_after_an_error_builds_on_what_is_on_the_disk(void **state)
{
	const struct crash_fault fault = {
		.calls = CRASH_SYNC, .files = CRASH_DATABASE | CRASH_WAL, .times = EVER};

	for (uint64_t seed = SEED; seed < SEED + STARTS; seed++) {
		struct world *w = world_new(seed);
		const char *wrong = NULL;
		struct fault f = {0};

		assert_int_equal(world_open(w, &f), 0);
		assert_int_equal(world_batch(w, false), 0);
		world_look_away(w);
		crash_vfs_fail(&fault);
		assert_int_not_equal(world_batch(w, false), 0);
		world_close(w);
		crash_vfs_fail(NULL);
		if (world_open(w, &f))
			fail_msg("seed %llu: %s", (unsigned long long)seed, f.text);
		wrong = world_check(w);
		if (!wrong && world_batch(w, false))
			wrong = "it does not go on working";
		crash_vfs_cut();
		world_close(w);
		crash_vfs_power_on();
		if (world_open(w, &f))
			wrong = f.text;
		if (!wrong)
			wrong = world_check(w);
		if (wrong)
			fail_msg("seed %llu: %s", (unsigned long long)seed, wrong);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_after_an_error_builds_on_what_is_on_the_disk),
		cmocka_unit_test(a_failing_disk_loses_nothing_and_is_got_over),
	};

	crash_vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
