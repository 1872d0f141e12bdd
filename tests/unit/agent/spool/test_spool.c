#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/spool/spool.h"
#include "tests/unit/agent/temporary.h"

static const struct spool_entry first = {"abc0", 41, 17};
static const struct spool_entry second = {"abc0", 42, 18};
static const struct spool_entry foreign = {"fff", 7, 1};

static struct spool *open_spool(void)
{
	struct spool *s;
	struct fault f;

	assert_int_equal(spool_open(temporary, &s, &f), 0);
	return s;
}

static void put(struct spool *s, const struct spool_entry *e)
{
	struct fault f;

	assert_int_equal(spool_put(s, e, "{}", 2, &f), 0);
}

static void touch(const char *name)
{
	int fd = open(in_temporary(name), O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* As it is when the process ends without a word: the log is not let go of. */
static struct growing *cut_off_log(const char *text)
{
	struct spool *s = open_spool();
	struct growing *log;
	struct fault f;

	assert_int_equal(spool_open_log(s, &first, &log, &f), 0);
	assert_int_equal(growing_append(log, text, strlen(text)), 0);
	return log;
}

static void holds(const char *name, const char *text)
{
	char *data;
	struct fault f;

	assert_int_equal(file_read(in_temporary(name), 4096, &data, NULL, &f), 0);
	assert_string_equal(data, text);
	free(data);
}

static void a_log_in_a_slot_is_an_orphan_after_a_kill(void **state)
{
	pid_t child = fork();
	struct spool_entry e;
	struct spool *s;
	int status;

	if (!child) {
		cut_off_log("begun");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	s = open_spool();
	holds("abc0-41-17.log", "begun");
	assert_true(spool_take_orphan(s, &e));
	assert_int_equal(e.run, 41);
	assert_false(spool_take_orphan(s, &e));
	spool_close(s);
	unlink(in_temporary("abc0-41-17.log"));
	/* It was found once: now it is that file, or nothing. */
	s = open_spool();
	assert_false(spool_take_orphan(s, &e));
	spool_close(s);
}

static void a_file_that_was_cut_off_is_made_whole_from_its_slot(void **state)
{
	static const char *const there[] = {"beg", "begun, and more"};
	struct fault f;

	for (size_t i = 0; i < 2; i++) {
		pid_t child = fork();
		int status;

		if (!child) {
			cut_off_log("begun");
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(file_write_whole(in_temporary("abc0-41-17.log"), there[i],
					 strlen(there[i]), 0640, &f),
			0);
		spool_close(open_spool());
		holds("abc0-41-17.log", i ? there[i] : "begun");
	}
}

static void entries_survive_a_restart_in_order(void **state)
{
	struct spool *s = open_spool();
	struct spool_entry e;

	put(s, &second);
	put(s, &first);
	spool_close(s);
	s = open_spool();
	assert_int_equal(spool_count(s), 2);
	assert_true(spool_claim(s, &e));
	assert_int_equal(e.run, 41);
	assert_int_equal(e.epoch, 17);
	assert_string_equal(e.lineage, "abc0");
	spool_close(s);
}

static void an_entry_is_claimed_once(void **state)
{
	struct spool *s = open_spool();
	struct spool_entry e;

	/* Who puts it sends it. */
	put(s, &first);
	assert_false(spool_claim(s, &e));
	spool_release(s, &first);
	assert_true(spool_claim(s, &e));
	assert_false(spool_claim(s, &e));
	spool_remove(s, &e);
	assert_int_equal(spool_count(s), 0);
	assert_int_not_equal(access(in_temporary("abc0-41-17.json"), F_OK), 0);
	spool_close(s);
}

static void a_refused_entry_is_kept_aside_and_told_once(void **state)
{
	struct spool *s = open_spool();
	json_t *told;

	put(s, &first);
	touch("abc0-41-17.log");
	spool_reject(s, &first, 422, "not this one");
	assert_int_equal(access(in_temporary("rejected/abc0-41-17.json"), F_OK), 0);
	assert_int_equal(access(in_temporary("rejected/abc0-41-17.log"), F_OK), 0);
	assert_int_equal(spool_count(s), 0);
	told = spool_rejected(s);
	assert_int_equal(json_array_size(told), 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(told, 0), "status")), 422);
	spool_rejected_told(s, json_array_size(told));
	json_decref(told);
	told = spool_rejected(s);
	assert_int_equal(json_array_size(told), 0);
	json_decref(told);
	spool_close(s);
	/* Nothing of it comes back. */
	s = open_spool();
	assert_int_equal(spool_count(s), 0);
	spool_close(s);
}

static void held_runs_are_those_of_the_database(void **state)
{
	struct spool *s = open_spool();
	json_t *runs = json_pack("[{s:i, s:i}]", "run", 42, "epoch", 18);

	put(s, &first);
	put(s, &second);
	put(s, &foreign);
	spool_add_runs(s, "abc0", runs, true);
	assert_int_equal(json_array_size(runs), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(runs, 1), "run")), 41);
	json_decref(runs);
	spool_close(s);
}

static void leftovers_are_sorted_out(void **state)
{
	struct spool *s;
	struct spool_entry e;

	touch("abc0-41-17.json.0123.tmp");
	touch("abc0-9-3.log");
	touch("notes.txt");
	touch("x-1.json");
	s = open_spool();
	assert_int_equal(spool_count(s), 0);
	assert_int_not_equal(access(in_temporary("abc0-41-17.json.0123.tmp"), F_OK), 0);
	assert_true(spool_take_orphan(s, &e));
	assert_int_equal(e.run, 9);
	assert_false(spool_take_orphan(s, &e));
	spool_close(s);
}

static void one_that_fails_does_not_hold_up_the_others(void **state)
{
	struct spool *s = open_spool();
	struct spool_entry e;

	put(s, &first);
	put(s, &second);
	spool_release(s, &first);
	spool_release(s, &second);
	assert_true(spool_claim(s, &e));
	assert_int_equal(e.run, first.run);
	spool_release(s, &e);
	assert_true(spool_claim(s, &e));
	assert_int_equal(e.run, second.run);
	spool_close(s);
}

#define PUTTERS 8
#define PUTS_EACH 25

struct putter {
	struct spool *spool;
	unsigned number;
	unsigned failed;
};

static void *put_many(void *arg)
{
	struct putter *p = arg;
	struct fault f;

	for (unsigned i = 0; i < PUTS_EACH; i++) {
		struct spool_entry e = {
			.lineage = "abc0", .run = p->number * 100 + i + 1, .epoch = 1};

		p->failed += spool_put(p->spool, &e, "{}", 2, &f) != 0;
	}
	return NULL;
}

/* They share the waits for the disk; nobody is left waiting, and all is there. */
static void many_boards_put_at_once(void **state)
{
	struct spool *s = open_spool();
	struct putter putters[PUTTERS];
	pthread_t threads[PUTTERS];

	for (unsigned i = 0; i < PUTTERS; i++) {
		putters[i] = (struct putter){s, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, &putters[i]), 0);
	}
	for (unsigned i = 0; i < PUTTERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(putters[i].failed, 0);
	}
	spool_close(s);
	s = open_spool();
	assert_int_equal(spool_count(s), PUTTERS * PUTS_EACH);
	spool_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_temporary, remove_temporary)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_log_in_a_slot_is_an_orphan_after_a_kill),
		TEST(a_file_that_was_cut_off_is_made_whole_from_its_slot),
		TEST(entries_survive_a_restart_in_order),
		TEST(an_entry_is_claimed_once),
		TEST(a_refused_entry_is_kept_aside_and_told_once),
		TEST(held_runs_are_those_of_the_database),
		TEST(leftovers_are_sorted_out),
		TEST(one_that_fails_does_not_hold_up_the_others),
		TEST(many_boards_put_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
