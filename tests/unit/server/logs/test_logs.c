/* Log files: reading records. */
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
	struct run_files *logs;
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

	run_files_close(p->logs);
	file_remove_tree(p->folder, NULL);
	free(p);
	return 0;
}

static void lay(struct place *p, int64_t run, const void *data, size_t n)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/logs/%lld", p->folder, (long long)run);
	assert_int_equal(file_write_whole(path, data, n, 0640, NULL), 0);
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

static void records_are_read_up_to_the_end_that_is_durable(void **state)
{
	struct place *p = *state;
	struct log_reader *r = NULL;
	struct log_record rec;
	char data[256];
	size_t first = record(data, 5, 0, "one"), n = first;

	n += record(data + n, 9, 1, "second");
	lay(p, 2, data, n);
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

	for (size_t i = 0; n + LOG_HEADER_BYTES + LOG_RECORD_MAX_BYTES < sizeof(data); i++) {
		size_t length = i * 37 % LOG_RECORD_MAX_BYTES;

		memset(text, 'a' + (int)(i % 26), length);
		text[length] = 0;
		n += record(data + n, i, 0, text);
		count++;
	}
	lay(p, 3, data, n);
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

	memset(data, 0xff, sizeof(data));
	lay(p, 4, data, sizeof(data));
	assert_int_equal(log_reader_open(p->logs, 4, &r, NULL), 0);
	assert_int_equal(log_reader_next(r, sizeof(data), &rec), -EBADMSG);
	log_reader_close(r);
	/* The store says there is a log, but the file is gone. */
	assert_int_equal(log_reader_open(p->logs, 5, &r, NULL), 0);
	assert_int_equal(log_reader_next(r, 0, &rec), 0);
	assert_int_equal(log_reader_next(r, 100, &rec), -EBADMSG);
	log_reader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			records_are_read_up_to_the_end_that_is_durable, setup, teardown),
		cmocka_unit_test_setup_teardown(
			many_records_are_read_over_the_edges_of_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_noticed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
