/* Log files: appending with overlap and gaps, what a crash left, reading records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <unistd.h>

#include "common/file.h"
#include "server/logs/logs.h"

struct place {
	char folder[64];
	struct logs *logs;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->folder, sizeof(p->folder), "/tmp/hilda-logs-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	assert_int_equal(logs_open(p->folder, &p->logs, NULL), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	logs_close(p->logs);
	file_remove_tree(p->folder, NULL);
	free(p);
	return 0;
}

static int append(struct place *p, int64_t run, int64_t known, int64_t offset, const void *data,
	size_t n, int64_t *have)
{
	struct log_file *file = NULL;
	int rc;

	assert_int_equal(log_file_hold(p->logs, run, known, &file, NULL), 0);
	rc = log_file_append(file, offset, data, n, have, NULL);
	log_file_unlock(file);
	log_file_release(p->logs, file);
	return rc;
}

static size_t record(char *out, uint64_t t_us, uint8_t stream, const char *text)
{
	uint32_t n = (uint32_t)strlen(text);

	memset(out, 0, LOG_HEADER_BYTES);
	memcpy(out, &t_us, 8);
	memcpy(out + 8, &n, 4);
	out[12] = (char)stream;
	memcpy(out + LOG_HEADER_BYTES, text, n);
	return LOG_HEADER_BYTES + n;
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
	assert_int_equal(append(p, 1, 0, LOG_FILE_MAX_BYTES, "x", 1, &have), -ERANGE);
}

static void what_was_not_committed_before_a_crash_is_cut(void **state)
{
	struct place *p = *state;
	char path[128], *data = NULL;
	int64_t have;
	size_t n;

	assert_int_equal(append(p, 7, 0, 0, "committed, and not", 18, &have), 0);
	logs_close(p->logs);
	assert_int_equal(logs_open(p->folder, &p->logs, NULL), 0);
	assert_int_equal(append(p, 7, 9, 9, "!", 1, &have), 0);
	assert_int_equal(have, 10);
	snprintf(path, sizeof(path), "%s/logs/7", p->folder);
	assert_int_equal(file_read(path, 100, &data, &n, NULL), 0);
	assert_string_equal(data, "committed!");
	free(data);
}

static void records_are_read_up_to_the_end_that_is_durable(void **state)
{
	struct place *p = *state;
	struct log_reader *r = NULL;
	struct log_record rec;
	char data[256];
	size_t first = record(data, 5, 0, "one"), n = first;
	int64_t have;

	n += record(data + n, 9, 1, "second");
	assert_int_equal(append(p, 2, 0, 0, data, n, &have), 0);
	assert_int_equal(log_reader_open(p->logs, 2, &r, NULL), 0);
	assert_int_equal(log_reader_next(r, (int64_t)n - 1, &rec), 1);
	assert_int_equal(rec.from, 0);
	assert_int_equal(rec.to, (int64_t)first);
	assert_int_equal(rec.t_us, 5);
	assert_memory_equal(rec.bytes, "one", 3);
	assert_int_equal(log_reader_next(r, (int64_t)n - 1, &rec), 0);
	assert_int_equal(log_reader_next(r, (int64_t)n, &rec), 1);
	assert_int_equal(rec.stream, 1);
	assert_memory_equal(rec.bytes, "second", 6);
	assert_int_equal(log_reader_next(r, (int64_t)n, &rec), 0);
	assert_int_equal(log_reader_seek(r, 1, (int64_t)n), 0);
	assert_int_equal(log_reader_at(r), (int64_t)first);
	log_reader_close(r);
}

static void many_records_are_read_over_the_edges_of_blocks(void **state)
{
	struct place *p = *state;
	static char data[400000];
	char text[LOG_RECORD_MAX_BYTES + 1];
	struct log_reader *r = NULL;
	struct log_record rec;
	size_t n = 0, count = 0;
	int64_t have;

	for (size_t i = 0; n + LOG_HEADER_BYTES + LOG_RECORD_MAX_BYTES < sizeof(data); i++) {
		size_t length = i * 37 % LOG_RECORD_MAX_BYTES;

		memset(text, 'a' + (int)(i % 26), length);
		text[length] = 0;
		n += record(data + n, i, 0, text);
		count++;
	}
	assert_int_equal(append(p, 3, 0, 0, data, n, &have), 0);
	assert_int_equal(log_reader_open(p->logs, 3, &r, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(log_reader_next(r, (int64_t)n, &rec), 1);
		assert_int_equal(rec.t_us, i);
		assert_int_equal(rec.n, i * 37 % LOG_RECORD_MAX_BYTES);
		assert_memory_equal(rec.bytes, data + rec.from + LOG_HEADER_BYTES, rec.n);
	}
	assert_int_equal(log_reader_next(r, (int64_t)n, &rec), 0);
	log_reader_close(r);
}

static void a_damaged_file_is_noticed(void **state)
{
	struct place *p = *state;
	struct log_reader *r = NULL;
	struct log_record rec;
	char data[64];
	int64_t have;

	memset(data, 0xff, sizeof(data));
	assert_int_equal(append(p, 4, 0, 0, data, sizeof(data), &have), 0);
	assert_int_equal(log_reader_open(p->logs, 4, &r, NULL), 0);
	assert_int_equal(log_reader_next(r, sizeof(data), &rec), -EBADMSG);
	log_reader_close(r);
	/* The store says there is a log, but the file is gone. */
	assert_int_equal(log_reader_open(p->logs, 5, &r, NULL), 0);
	assert_int_equal(log_reader_next(r, 0, &rec), 0);
	assert_int_equal(log_reader_next(r, 100, &rec), -EBADMSG);
	log_reader_close(r);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			overlap_is_ignored_and_a_gap_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_not_committed_before_a_crash_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(
			records_are_read_up_to_the_end_that_is_durable, setup, teardown),
		cmocka_unit_test_setup_teardown(
			many_records_are_read_over_the_edges_of_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(more_files_than_are_kept_open, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
