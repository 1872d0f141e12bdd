/* The room of captures: a writer and readers at once, what did not reach the file, what is removed. */
#include <dirent.h>
#include <pthread.h>

#include "common/clock.h"
#include "server/captures/captures.h"
#include "server/captures/selection.h"
#include "tests/unit/server/captures/lab.h"

#define READERS 3
#define PIECE 20011

struct room {
	struct lab *lab;
	struct captures *all;
	pthread_mutex_t lock;
	int64_t have; /* durable */
	bool over;
	int failed;
};

static void append(struct room *r, size_t at, size_t n)
{
	struct run_file *file = NULL;
	int64_t have = 0;

	assert_int_equal(run_file_hold(captures_files(r->all), 1, (int64_t)at, &file, NULL), 0);
	assert_int_equal(captures_feed(r->all, 1, (int64_t)at, r->lab->bytes + at, n, NULL), 0);
	assert_int_equal(run_file_append(file, (int64_t)at, r->lab->bytes + at, n, &have, NULL), 0);
	run_file_unlock(file);
	run_file_release(captures_files(r->all), file);
	pthread_mutex_lock(&r->lock);
	r->have = have;
	pthread_mutex_unlock(&r->lock);
}

/* Any time, all that is told of the samples so far is so. */
static int look(struct room *r, int64_t have)
{
	struct capture *c = NULL;
	struct selection s;
	int rc = captures_take(r->all, 1, have, &c, NULL);

	if (rc)
		return rc;
	if (trace_header(capture_trace(c))) {
		uint64_t to = trace_totals(capture_trace(c)).end;

		rc = selection_make(capture_trace(c), have, 0, to, &s, NULL);
		if (!rc && s.valid + s.lost + s.invalid > to)
			rc = -EILSEQ;
	}
	captures_give(r->all, c);
	return rc;
}

static void *reader(void *arg)
{
	struct room *r = arg;
	bool over = false;

	while (!over) {
		int64_t have;
		int rc;

		pthread_mutex_lock(&r->lock);
		have = r->have;
		over = r->over;
		pthread_mutex_unlock(&r->lock);
		rc = have ? look(r, have) : 0;
		pthread_mutex_lock(&r->lock);
		r->failed = r->failed ? r->failed : rc;
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

static void open_room(struct room *r, struct lab *l)
{
	*r = (struct room){.lab = l};
	pthread_mutex_init(&r->lock, NULL);
	assert_int_equal(captures_open(l->folder, &r->all, NULL), 0);
}

static void check_all(struct room *r)
{
	struct capture *c = NULL;
	struct trace_totals all;

	assert_int_equal(captures_take(r->all, 1, (int64_t)r->lab->n, &c, NULL), 0);
	all = trace_totals(capture_trace(c));
	assert_true(all.ended);
	assert_int_equal(all.end, r->lab->signal.n);
	captures_give(r->all, c);
}

static void one_writes_while_others_look_and_some_forget(void **state)
{
	struct lab *l = *state;
	pthread_t threads[READERS];
	struct room r;

	open_room(&r, l);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reader, &r), 0);
	for (size_t at = 0; at < l->n; at += PIECE) {
		append(&r, at, l->n - at < PIECE ? l->n - at : PIECE);
		if (at / PIECE % 5 == 3)
			captures_forget(r.all, 1);
	}
	pthread_mutex_lock(&r.lock);
	r.over = true;
	pthread_mutex_unlock(&r.lock);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(r.failed, 0);
	check_all(&r);
	captures_close(r.all);
}

static void what_did_not_reach_the_file_is_forgotten(void **state)
{
	struct lab *l = *state;
	struct room r;

	open_room(&r, l);
	append(&r, 0, l->n / 2);
	/* A full disk: the piece was read, and comes again. */
	assert_int_equal(
		captures_feed(r.all, 1, (int64_t)l->n / 2, l->bytes + l->n / 2, 70000, NULL), 0);
	captures_forget(r.all, 1);
	append(&r, l->n / 2, l->n - l->n / 2);
	check_all(&r);
	/* Nonsense leaves no trace either. */
	assert_int_equal(
		captures_feed(r.all, 2, 0, "nonsense of sixteen bytes", 25, NULL), -ENOENT);
	captures_close(r.all);
}

/* Captures and pyramids on the disk. */
static int files_of(const struct lab *l)
{
	char folder[128];
	struct dirent *e;
	DIR *all;
	int n = 0;

	snprintf(folder, sizeof(folder), "%s/captures", l->folder);
	all = opendir(folder);
	assert_non_null(all);
	while ((e = readdir(all)))
		n += e->d_name[0] != '.';
	closedir(all);
	return n;
}

/* Descriptors of files in the folder that have no name any more: they still take room. */
static int deleted_and_open(const char *folder)
{
	DIR *all = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	assert_non_null(all);
	while ((e = readdir(all))) {
		char name[300], target[300] = "";

		snprintf(name, sizeof(name), "/proc/self/fd/%.200s", e->d_name);
		if (readlink(name, target, sizeof(target) - 1) > 0)
			n += !strncmp(target, folder, strlen(folder)) &&
				strstr(target, " (deleted)");
	}
	closedir(all);
	return n;
}

static void what_is_removed_is_gone(void **state)
{
	struct lab *l = *state;
	struct capture *c = NULL;
	struct room r;

	open_room(&r, l);
	append(&r, 0, l->n);
	assert_int_equal(files_of(l), 2); /* with its pyramid */
	assert_int_equal(captures_remove(r.all, 1, NULL), 0);
	assert_int_equal(captures_remove(r.all, 1, NULL), 0);
	assert_int_equal(files_of(l), 0);
	assert_int_equal(captures_take(r.all, 1, (int64_t)l->n, &c, NULL), -ENOENT);
	assert_int_equal(deleted_and_open(l->folder), 0);
	captures_close(r.all);
}

static void *remover(void *arg)
{
	struct room *r = arg;
	int rc = captures_remove(r->all, 1, NULL);

	pthread_mutex_lock(&r->lock);
	r->failed = rc;
	r->over = true;
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static bool is_over(struct room *r)
{
	bool over;

	pthread_mutex_lock(&r->lock);
	over = r->over;
	pthread_mutex_unlock(&r->lock);
	return over;
}

static void a_look_under_way_does_not_make_the_pyramid_again(void **state)
{
	struct lab *l = *state;
	struct capture *c = NULL;
	char path[128];
	pthread_t thread;
	struct room r;

	open_room(&r, l);
	append(&r, 0, l->n);
	captures_forget(r.all, 1);
	snprintf(path, sizeof(path), "%s/captures/1.pyramid", l->folder);
	unlink(path);
	assert_int_equal(captures_take(r.all, 1, 0, &c, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, remover, &r), 0);
	/* As much of a chance to be too early as it needs; in its turn it never takes it. */
	for (int i = 0; i < 200 && !is_over(&r); i++)
		clock_poll(&clock_system, NULL, 0, clock_deadline_ms(&clock_system, 1));
	assert_int_equal(trace_catch_up(capture_trace(c), (int64_t)l->n, NULL), 0);
	captures_give(r.all, c);
	pthread_join(thread, NULL);
	assert_int_equal(r.failed, 0);
	assert_int_equal(access(path, F_OK), -1);
	captures_close(r.all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(one_writes_while_others_look_and_some_forget),
		LAB_TEST(what_did_not_reach_the_file_is_forgotten),
		LAB_TEST(what_is_removed_is_gone),
		LAB_TEST(a_look_under_way_does_not_make_the_pyramid_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
