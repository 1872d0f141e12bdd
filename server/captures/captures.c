#include "server/captures/captures.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

#define PYRAMID_ENDING ".pyramid"
#define TRACES_KEPT 4 /* beside those in use; one takes some MB */

struct capture {
	struct capture *next;
	int64_t run;
	unsigned holders; /* under the lock of struct captures, as `forgotten` */
	bool forgotten;	  /* in no list any more */
	pthread_mutex_t turn;
	struct trace *trace;
};

struct captures {
	struct run_files *files;
	pthread_mutex_t lock;
	struct capture *open; /* in order of use */
};

int captures_open(const char *data, struct captures **out, struct fault *f)
{
	static const struct run_files_kind kind = {
		.folder = "captures",
		.noun = "capture",
		.failpoint = "server.capture.written",
		.max_bytes = CAPTURE_FILE_MAX_BYTES,
	};
	struct captures *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return fault_set(f, ENOMEM, "out of memory");
	rc = run_files_open(data, &kind, &c->files, f);
	if (rc) {
		free(c);
		return rc;
	}
	pthread_mutex_init(&c->lock, NULL);
	*out = c;
	return 0;
}

static void capture_free(struct capture *e)
{
	trace_free(e->trace);
	pthread_mutex_destroy(&e->turn);
	free(e);
}

void captures_close(struct captures *c)
{
	if (!c)
		return;
	while (c->open) {
		struct capture *e = c->open;

		c->open = e->next;
		capture_free(e);
	}
	run_files_close(c->files);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

struct run_files *captures_files(const struct captures *c)
{
	return c->files;
}

/* ---- those that are open ---- */

/* With the lock held. */
static void drop_idle(struct captures *c)
{
	struct capture **at = &c->open;
	unsigned n = 0;

	while (*at) {
		struct capture *e = *at;

		if (e->holders || n++ < TRACES_KEPT) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		capture_free(e);
	}
}

/* Out of the list, or NULL. With the lock held. */
static struct capture *unlink_capture(struct captures *c, int64_t run)
{
	struct capture **at = &c->open, *e;

	while (*at && (*at)->run != run)
		at = &(*at)->next;
	e = *at;
	if (e)
		*at = e->next;
	return e;
}

static struct capture *new_capture(struct captures *c, int64_t run, struct fault *f)
{
	struct capture *e = calloc(1, sizeof(*e));

	if (!e) {
		fault_set(f, ENOMEM, "out of memory");
		return NULL;
	}
	e->run = run;
	pthread_mutex_init(&e->turn, NULL);
	if (trace_new(run_files_folder(c->files), run, &e->trace, f)) {
		pthread_mutex_destroy(&e->turn);
		free(e);
		return NULL;
	}
	return e;
}

static struct capture *hold_some(struct captures *c, int64_t run, struct fault *f)
{
	struct capture *e;

	pthread_mutex_lock(&c->lock);
	e = unlink_capture(c, run);
	if (!e)
		e = new_capture(c, run, f);
	if (e) {
		e->next = c->open;
		c->open = e;
		e->holders++;
		drop_idle(c);
	}
	pthread_mutex_unlock(&c->lock);
	return e;
}

static void release(struct captures *c, struct capture *e)
{
	bool last;

	pthread_mutex_unlock(&e->turn);
	pthread_mutex_lock(&c->lock);
	last = --e->holders == 0 && e->forgotten;
	pthread_mutex_unlock(&c->lock);
	if (last)
		capture_free(e);
}

void captures_forget(struct captures *c, int64_t run)
{
	struct capture *e;
	bool last;

	pthread_mutex_lock(&c->lock);
	e = unlink_capture(c, run);
	last = e && e->holders == 0;
	if (e)
		e->forgotten = true;
	pthread_mutex_unlock(&c->lock);
	if (last)
		capture_free(e);
}

/* Held, and this thread's turn; not one that was forgotten meanwhile: two must not write one file. */
static struct capture *hold(struct captures *c, int64_t run, struct fault *f)
{
	for (;;) {
		struct capture *e = hold_some(c, run, f);
		bool forgotten;

		if (!e)
			return NULL;
		pthread_mutex_lock(&e->turn);
		pthread_mutex_lock(&c->lock);
		forgotten = e->forgotten;
		pthread_mutex_unlock(&c->lock);
		if (!forgotten)
			return e;
		release(c, e);
	}
}

/* ---- what others do with them ---- */

int captures_feed(
	struct captures *c, int64_t run, int64_t end, const void *data, size_t n, struct fault *f)
{
	struct capture *e = hold(c, run, f);
	int rc;

	if (!e)
		return -ENOMEM;
	rc = trace_catch_up(e->trace, end, f);
	if (!rc && trace_position(e->trace) != end)
		rc = trace_damage(e->trace)[0] ? fault_set(f, EBADMSG, "%s", trace_damage(e->trace))
					       : fault_set(f, EAGAIN, "the capture is read anew");
	if (!rc)
		rc = trace_feed(e->trace, data, n, f);
	if (rc)
		captures_forget(c, run);
	release(c, e);
	return rc;
}

int captures_take(
	struct captures *c, int64_t run, int64_t length, struct capture **out, struct fault *f)
{
	struct capture *e = hold(c, run, f);
	int rc;

	if (!e)
		return -ENOMEM;
	rc = trace_catch_up(e->trace, length, f);
	if (!rc) {
		*out = e;
		return 0;
	}
	captures_forget(c, run);
	release(c, e);
	return rc;
}

struct trace *capture_trace(struct capture *e)
{
	return e->trace;
}

void captures_give(struct captures *c, struct capture *e)
{
	release(c, e);
}

/* ---- removing ---- */

static int unlink_both(struct captures *c, int64_t run, struct fault *f)
{
	static const char *const ends[] = {"", PYRAMID_ENDING};
	char path[FILE_PATH_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (file_path(path, sizeof(path), "%s/%lld%s", run_files_folder(c->files),
			    (long long)run, ends[i]))
			return fault_set(f, ENAMETOOLONG, "the folder's name is too long");
		if (unlink(path) != 0 && errno != ENOENT)
			return fault_errno(f, errno, "cannot remove %s", path);
	}
	return 0;
}

int captures_remove(struct captures *c, int64_t run, struct fault *f)
{
	struct capture *e = hold(c, run, f);
	int rc;

	if (!e)
		return -ENOMEM;
	/* In the capture's turn, or a look that is under way would make the pyramid again. */
	rc = unlink_both(c, run, f);
	captures_forget(c, run);
	release(c, e);
	run_files_forget(c->files, run);
	return rc;
}
