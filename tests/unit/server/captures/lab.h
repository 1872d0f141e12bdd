/* A capture in a folder of its own, its samples, and a trace of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "server/captures/trace.h"
#include "tests/signal.h"

struct lab {
	char folder[64], path[128], pyramid[128];
	struct signal signal;
	char *bytes;
	size_t n, room;
};

static inline int to_lab(void *arg, const void *bytes, size_t n)
{
	struct lab *l = arg;

	if (l->n + n > l->room) {
		l->room = 2 * (l->n + n);
		l->bytes = realloc(l->bytes, l->room);
	}
	memcpy(l->bytes + l->n, bytes, n);
	l->n += n;
	return 0;
}

static inline void lab_file(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, data, n), 0);
	close(fd);
}

/* Four blocks and a part: 300,000 samples with gaps. */
static inline int lab_setup(void **state)
{
	static const struct signal_shape shape = {300000, 7, 9000, 100000, 20, 5000, 6};
	struct lab *l = calloc(1, sizeof(*l));

	snprintf(l->folder, sizeof(l->folder), "/tmp/hilda-captures-XXXXXX");
	assert_non_null(mkdtemp(l->folder));
	snprintf(l->path, sizeof(l->path), "%s/1", l->folder);
	snprintf(l->pyramid, sizeof(l->pyramid), "%s/1.pyramid", l->folder);
	assert_int_equal(signal_make(&shape, &l->signal), 0);
	assert_int_equal(signal_capture(&l->signal, to_lab, l), 0);
	lab_file(l->path, l->bytes, l->n);
	*state = l;
	return 0;
}

static inline int lab_teardown(void **state)
{
	struct lab *l = *state;

	signal_free(&l->signal);
	file_remove_tree(l->folder, NULL);
	free(l->bytes);
	free(l);
	return 0;
}

static inline struct trace *lab_trace(struct lab *l, size_t length)
{
	struct trace *t = NULL;

	assert_int_equal(trace_new(l->folder, 1, &t, NULL), 0);
	assert_int_equal(trace_catch_up(t, (int64_t)length, NULL), 0);
	return t;
}

static inline bool lab_valid(const struct lab *l, size_t i)
{
	return l->signal.state[i] == SIGNAL_VALID;
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
