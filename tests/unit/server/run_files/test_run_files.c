/* Files of runs: appending with overlap and gaps, what a crash left, more than are kept open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "server/run_files/run_files.h"

#define MAX_BYTES 1000

static const struct run_files_kind kind = {"things", "thing", "server.test.written", MAX_BYTES};

struct place {
	char folder[64];
	struct run_files *files;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->folder, sizeof(p->folder), "/tmp/hilda-files-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	assert_int_equal(run_files_open(p->folder, &kind, &p->files, NULL), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	run_files_close(p->files);
	file_remove_tree(p->folder, NULL);
	free(p);
	return 0;
}

static int append(struct place *p, int64_t run, int64_t known, int64_t offset, const void *data,
	size_t n, int64_t *have)
{
	struct run_file *file = NULL;
	int rc;

	assert_int_equal(run_file_hold(p->files, run, known, &file, NULL), 0);
	rc = run_file_append(file, offset, data, n, have, NULL);
	run_file_unlock(file);
	run_file_release(p->files, file);
	return rc;
}

static void overlap_is_ignored_and_a_gap_refused(void **state)
{
	struct place *p = *state;
	int64_t have;

	assert_int_equal(append(p, 1, 0, 0, "abcdef", 6, &have), 0);
	assert_int_equal(have, 6);
	assert_int_equal(append(p, 1, 0, 0, "abc", 3, &have), 0);
	assert_int_equal(have, 6);
	assert_int_equal(append(p, 1, 0, 4, "efgh", 4, &have), 0);
	assert_int_equal(have, 8);
	assert_int_equal(append(p, 1, 0, 9, "x", 1, &have), -ERANGE);
	assert_int_equal(have, 8);
	assert_int_equal(append(p, 1, 0, MAX_BYTES, "x", 1, &have), -ERANGE);
}

static void what_was_not_committed_before_a_crash_is_cut(void **state)
{
	struct place *p = *state;
	char path[128], *data = NULL;
	int64_t have;
	size_t n;

	assert_int_equal(append(p, 7, 0, 0, "committed, and not", 18, &have), 0);
	run_files_close(p->files);
	assert_int_equal(run_files_open(p->folder, &kind, &p->files, NULL), 0);
	assert_int_equal(append(p, 7, 9, 9, "!", 1, &have), 0);
	assert_int_equal(have, 10);
	snprintf(path, sizeof(path), "%s/things/7", p->folder);
	assert_int_equal(file_read(path, 100, &data, &n, NULL), 0);
	assert_string_equal(data, "committed!");
	free(data);
}

static void more_files_than_are_kept_open(void **state)
{
	struct place *p = *state;
	int64_t have;

	for (int round = 0; round < 2; round++)
		for (int64_t run = 100; run < 300; run++) {
			assert_int_equal(append(p, run, round, round, "x", 1, &have), 0);
			assert_int_equal(have, round + 1);
		}
}

static void what_was_forgotten_begins_anew_once_it_is_let_go_of(void **state)
{
	struct place *p = *state;
	struct run_file *file = NULL, *other = NULL;
	char path[128];
	int64_t have;

	snprintf(path, sizeof(path), "%s/things/1", p->folder);
	assert_int_equal(append(p, 1, 0, 0, "abc", 3, &have), 0);
	assert_int_equal(unlink(path), 0);
	run_files_forget(p->files, 1);
	run_files_forget(p->files, 2);
	assert_int_equal(run_file_hold(p->files, 1, 0, &file, NULL), 0);
	assert_int_equal(run_file_end(file), 0);
	/* One that is held stays whole until then. */
	run_files_forget(p->files, 1);
	assert_int_equal(run_file_append(file, 0, "xy", 2, &have, NULL), 0);
	assert_int_equal(run_file_hold(p->files, 1, 2, &other, NULL), 0);
	assert_ptr_not_equal(other, file);
	run_file_unlock(file);
	run_file_release(p->files, file);
	run_file_unlock(other);
	run_file_release(p->files, other);
}

static void a_file_has_a_limit(void **state)
{
	struct place *p = *state;
	static char data[MAX_BYTES + 1];
	int64_t have;

	assert_int_equal(append(p, 1, 0, 0, data, MAX_BYTES + 1, &have), -EFBIG);
	assert_int_equal(have, 0);
	assert_int_equal(append(p, 1, 0, 0, data, MAX_BYTES, &have), 0);
	assert_int_equal(append(p, 1, 0, MAX_BYTES, data, 1, &have), -EFBIG);
	assert_int_equal(append(p, 1, 0, MAX_BYTES - 1, data, 1, &have), 0);
	assert_int_equal(have, MAX_BYTES);
}

static bool is_new(struct place *p, int64_t run, bool stays)
{
	struct run_file *file = NULL;
	bool found;

	assert_int_equal(run_file_hold(p->files, run, 0, &file, NULL), 0);
	found = run_file_is_new(file);
	if (stays)
		run_file_stays(file);
	run_file_unlock(file);
	run_file_release(p->files, file);
	return found;
}

static void a_file_is_new_until_somebody_says_that_it_stays(void **state)
{
	struct place *p = *state;

	assert_true(is_new(p, 1, false));
	assert_true(is_new(p, 1, true));
	assert_false(is_new(p, 1, false));
	/* It is on the disk: whoever forgets it does not make it. */
	run_files_forget(p->files, 1);
	assert_false(is_new(p, 1, false));
	assert_int_equal(run_files_remove(p->files, 1, NULL), 0);
	assert_true(is_new(p, 1, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			overlap_is_ignored_and_a_gap_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_not_committed_before_a_crash_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(more_files_than_are_kept_open, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_forgotten_begins_anew_once_it_is_let_go_of, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_has_a_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_file_is_new_until_somebody_says_that_it_stays, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
