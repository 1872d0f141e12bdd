#include "agent/spool/shipper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "agent/link/backoff.h"
#include "common/cleanup.h"
#include "common/log.h"

struct shipped {
	struct shipped *next;
	struct spool_entry entry;
	enum spool_file file;
	struct growing *growing;
	uint64_t offset;
	int64_t due_ns; /* when what is there goes out; CLOCK_NEVER: nothing is there */
	bool busy;	/* a piece of it is under way */
	bool refused;
	char why[FAULT_TEXT_BYTES];
	unsigned refs; /* the list's and the thread's */
};

struct shipper {
	struct shipper_options o;
	pthread_t thread;
	int wake_fd;	  /* something was written */
	atomic_bool rung; /* wake_fd is written already */
	int flush_fd;	  /* something must go out now */
	pthread_mutex_t lock;
	pthread_cond_t done; /* a piece has arrived, or failed */
	struct shipped *files;
};

/* From the writing thread, for each record: cheap, and without the lock. */
static void on_write(void *arg)
{
	struct shipper *s = arg;

	if (!atomic_exchange(&s->rung, true))
		eventfd_write(s->wake_fd, 1);
}

static void unref(struct shipped *l)
{
	if (--l->refs)
		return;
	growing_unref(l->growing);
	free(l);
}

/* With the lock held: the file that is due now, or when the next one will be. */
static struct shipped *next_due(struct shipper *s, int64_t *wake_ns)
{
	struct shipped *due = NULL;

	*wake_ns = CLOCK_NEVER;
	for (struct shipped *l = s->files; l; l = l->next) {
		if (l->refused || growing_size(l->growing) <= l->offset)
			continue;
		if (l->due_ns == CLOCK_NEVER)
			l->due_ns = clock_deadline_ms(s->o.clock, SHIPPER_GATHER_MS);
		if (clock_expired(s->o.clock, l->due_ns) && (!due || l->due_ns < due->due_ns))
			due = l;
		if (l->due_ns < *wake_ns)
			*wake_ns = l->due_ns;
	}
	return due;
}

/* With the lock held, released while the piece is under way. */
static int ship(struct shipper *s, struct shipped *l, struct fault *f)
{
	uint64_t offset = l->offset;
	uint64_t end = growing_size(l->growing);
	int rc;

	l->busy = true;
	l->refs++;
	pthread_mutex_unlock(&s->lock);
	rc = deliver_file(
		&s->o.deliver, &l->entry, l->file, growing_place(l->growing), end, &offset, f);
	pthread_mutex_lock(&s->lock);
	l->offset = offset;
	l->busy = false;
	l->due_ns = CLOCK_NEVER;
	if (link_is_final(rc) || rc == -EOWNERDEAD) {
		l->refused = true;
		snprintf(l->why, sizeof(l->why), "%s", f->text);
		rc = 0;
		/* It may be large, and goes on growing for nobody. */
		if (l->file == SPOOL_CAPTURE)
			growing_drop(l->growing);
	} else if (rc && growing_is_dropped(l->growing)) {
		rc = 0; /* it shrank under the call: no fault of the server's */
	}
	unref(l);
	pthread_cond_broadcast(&s->done);
	return rc;
}

static bool wait_for(struct shipper *s, int64_t deadline_ns, bool writes)
{
	struct pollfd fds[3] = {{.fd = s->o.deliver.cancel_fd, .events = POLLIN},
		{.fd = s->flush_fd, .events = POLLIN}, {.fd = s->wake_fd, .events = POLLIN}};
	eventfd_t ignored;

	clock_poll(s->o.clock, fds, writes ? 3 : 2, deadline_ns);
	eventfd_read(s->wake_fd, &ignored);
	eventfd_read(s->flush_fd, &ignored);
	/* Last: what rings from here on is not read away, what rang before is seen by next_due. */
	atomic_store(&s->rung, false);
	return !fds[0].revents;
}

static void *shipper_main(void *arg)
{
	struct shipper *s = arg;
	struct backoff backoff = BACKOFF_INIT(s->o.random_below);
	bool alive = true;
	struct fault f;

	while (alive) {
		int64_t wake_ns;
		int64_t retry_ms = 0;
		struct shipped *l;

		pthread_mutex_lock(&s->lock);
		l = next_due(s, &wake_ns);
		if (l && ship(s, l, &f))
			retry_ms = backoff_fail(&backoff);
		else if (l)
			backoff_reset(&backoff);
		pthread_mutex_unlock(&s->lock);
		if (retry_ms)
			alive = wait_for(s, clock_deadline_ms(s->o.clock, retry_ms), false);
		else if (!l)
			/* With a piece gathering, further writes are no news. */
			alive = wait_for(s, wake_ns, wake_ns == CLOCK_NEVER);
	}
	return NULL;
}

int shipper_start(const struct shipper_options *o, struct shipper **out, struct fault *f)
{
	struct shipper *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return fault_errno(f, ENOMEM, "shipper");
	s->o = *o;
	pthread_mutex_init(&s->lock, NULL);
	clock_cond_init(&s->done);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->flush_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = s->wake_fd < 0 || s->flush_fd < 0 ? -errno
					       : -pthread_create(&s->thread, NULL, shipper_main, s);
	if (rc) {
		file_close(&s->wake_fd);
		file_close(&s->flush_fd);
		free(s);
		return fault_errno(f, -rc, "shipper");
	}
	*out = s;
	return 0;
}

void shipper_stop(struct shipper *s)
{
	if (!s)
		return;
	pthread_join(s->thread, NULL);
	file_close(&s->wake_fd);
	file_close(&s->flush_fd);
	pthread_cond_destroy(&s->done);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int shipper_attach(struct shipper *s, const struct spool_entry *e, enum spool_file file,
	struct growing *g, struct shipped **out, struct fault *f)
{
	struct shipped *l = calloc(1, sizeof(*l));

	if (!l)
		return fault_errno(f, ENOMEM, "shipping");
	l->refs = 1;
	l->entry = *e;
	l->file = file;
	l->due_ns = CLOCK_NEVER;
	l->growing = growing_ref(g);
	growing_on_append(g, on_write, s);
	pthread_mutex_lock(&s->lock);
	l->next = s->files;
	s->files = l;
	pthread_mutex_unlock(&s->lock);
	*out = l;
	return 0;
}

void shipper_flush(struct shipper *s, struct shipped *l)
{
	pthread_mutex_lock(&s->lock);
	l->due_ns = INT64_MIN;
	pthread_mutex_unlock(&s->lock);
	eventfd_write(s->flush_fd, 1);
}

bool shipper_is_refused(struct shipper *s, struct shipped *l, char *why)
{
	bool refused;

	pthread_mutex_lock(&s->lock);
	refused = l->refused;
	if (refused)
		memcpy(why, l->why, sizeof(l->why));
	pthread_mutex_unlock(&s->lock);
	return refused;
}

uint64_t shipper_detach(struct shipper *s, struct shipped *l, char *why)
{
	int64_t deadline_ns = clock_deadline_ms(s->o.clock, SHIPPER_DETACH_MS);
	struct shipped **link;
	uint64_t offset;

	pthread_mutex_lock(&s->lock);
	for (link = &s->files; *link != l; link = &(*link)->next)
		;
	*link = l->next;
	/* A stalled server must not hold the board: the rest then goes twice, which it ignores. */
	while (l->busy && clock_cond_wait(s->o.clock, &s->done, &s->lock, deadline_ns) == 0)
		;
	offset = l->offset;
	memcpy(why, l->why, sizeof(l->why)); /* "" unless it was refused */
	unref(l);
	pthread_mutex_unlock(&s->lock);
	return offset;
}
