#include "server/captures/retention.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "server/store/ops.h"
#include "server/store/read.h"

#define LOOK_MS 60000
#define LOOK_MIN_MS 100
#define AT_ONCE 1024 /* captures that one look may take */

struct retention {
	struct store *store;
	struct captures *captures;
	int64_t age_ms;
	uint64_t max_bytes;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ends;
	bool ending;
};

/* -EBUSY: it lives, and the next look will see. */
static int remove_one(struct store *store, struct captures *captures, const struct read_capture *c,
	const char *why)
{
	struct op_capture_remove x = {.run = c->run};
	struct fault f = {0};
	int rc;

	op_capture_remove_setup(&x);
	rc = store_call(store, &x.op);
	if (rc == -EBUSY)
		return rc;
	if (!rc)
		rc = captures_remove(captures, c->run, &f);
	if (rc)
		log_warning("a capture cannot be removed", LOG_I64("run", c->run),
			LOG_STR("why", f.text[0] ? f.text : x.op.fault.text));
	else
		log_info("capture removed by retention", LOG_I64("run", c->run),
			LOG_I64("bytes", c->bytes), LOG_STR("why", why));
	return rc;
}

int retention_turn(struct store *store, struct captures *captures, int64_t age_ms,
	uint64_t max_bytes, int64_t now_ms, unsigned *removed)
{
	_cleanup_free_ struct read_capture *list = calloc(AT_ONCE, sizeof(*list));
	struct store_reader *r = list ? store_reader_borrow(store, NULL) : NULL;
	int64_t total = 0;
	size_t n = 0;
	int rc = r ? read_captures(r, list, AT_ONCE, &n, &total) : list ? -EIO : -ENOMEM;

	store_reader_return(store, r);
	*removed = 0;
	for (size_t i = 0; i < n && !rc; i++) {
		bool old = age_ms && list[i].finished_ms < now_ms - age_ms;
		bool much = max_bytes && (uint64_t)total > max_bytes;

		if (!old && !much)
			continue;
		rc = remove_one(store, captures, &list[i], old ? "its age" : "all together");
		if (!rc) {
			total -= list[i].bytes;
			++*removed;
		}
		rc = rc == -EBUSY ? 0 : rc;
	}
	return rc;
}

struct leftovers {
	struct store *store;
	struct captures *captures;
};

/* The row says that it is gone, and the server ended before the files were. */
static void finish_one(void *arg, int64_t run)
{
	struct leftovers *l = arg;
	struct store_reader *r = store_reader_borrow(l->store, NULL);
	struct read_run_brief brief = {0};
	int rc = r ? read_run_brief(r, run, &brief) : -EIO;

	store_reader_return(l->store, r);
	if (!rc && brief.capture_removed)
		captures_remove(l->captures, run, NULL);
}

static int64_t pause_ms(const struct retention *r)
{
	int64_t ms = r->age_ms && r->age_ms / 4 < LOOK_MS ? r->age_ms / 4 : LOOK_MS;

	return ms < LOOK_MIN_MS ? LOOK_MIN_MS : ms;
}

static void *retention_thread(void *arg)
{
	struct retention *r = arg;
	struct leftovers all = {r->store, r->captures};

	captures_each(r->captures, finish_one, &all);
	pthread_mutex_lock(&r->lock);
	while (!r->ending) {
		int64_t until_ns;
		unsigned removed;

		pthread_mutex_unlock(&r->lock);
		retention_turn(r->store, r->captures, r->age_ms, r->max_bytes,
			clock_wall_ms(&clock_system), &removed);
		until_ns = clock_deadline_ms(&clock_system, pause_ms(r));
		pthread_mutex_lock(&r->lock);
		while (!r->ending &&
			clock_cond_wait(&clock_system, &r->ends, &r->lock, until_ns) == 0)
			continue;
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

int retention_start(struct store *store, struct captures *captures, int64_t age_ms,
	uint64_t max_bytes, struct retention **out, struct fault *f)
{
	struct retention *r;
	int error;

	if (!age_ms && !max_bytes)
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return fault_set(f, ENOMEM, "retention: no memory");
	*r = (struct retention){store, captures, age_ms, max_bytes};
	pthread_mutex_init(&r->lock, NULL);
	clock_cond_init(&r->ends);
	error = pthread_create(&r->thread, NULL, retention_thread, r);
	if (error) {
		free(r);
		return fault_errno(f, error, "retention's thread");
	}
	*out = r;
	return 0;
}

void retention_stop(struct retention *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->ending = true;
	pthread_cond_signal(&r->ends);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->ends);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
