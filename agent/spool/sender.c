#include "agent/spool/sender.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/link/backoff.h"
#include "common/cleanup.h"
#include "common/log.h"

struct sender {
	struct sender_options o;
	pthread_t thread;
	int wake_fd;
};

/* The log of a run that ended with an earlier process: late, but worth reading. */
static int send_orphan(struct sender *s, const struct spool_entry *e, struct fault *f)
{
	char path[FILE_PATH_BYTES];
	_cleanup_(file_close) int fd = -1;
	struct link_session now;
	struct stat st;
	uint64_t offset = 0;
	int rc = 0;

	link_session(s->o.deliver.link, &now);
	if (spool_file_path(s->o.deliver.spool, e, SPOOL_LOG, path))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && strcmp(now.lineage, e->lineage) == 0)
		rc = deliver_file(&s->o.deliver, e, SPOOL_LOG, (struct growing_place){fd, 0},
			(uint64_t)st.st_size, &offset, f);
	if (rc == 0 || link_is_final(rc) || rc == -EOWNERDEAD) {
		unlink(path);
		return 0;
	}
	return rc;
}

/* The spool's entries in turn, until one fails. */
static int send_all(struct sender *s, struct spool_entry *orphan, struct fault *f)
{
	const struct deliver_files nothing = {{0}, {NULL}}; /* the server tells what it has */
	struct spool_entry e;
	int rc = 0;

	while (!rc && spool_claim(s->o.deliver.spool, &e)) {
		rc = deliver_entry(&s->o.deliver, &e, &nothing, NULL, f);
		if (rc)
			spool_release(s->o.deliver.spool, &e);
	}
	while (!rc && (orphan->run || spool_take_orphan(s->o.deliver.spool, orphan))) {
		rc = send_orphan(s, orphan, f);
		if (!rc)
			*orphan = (struct spool_entry){0};
	}
	return rc;
}

/* False: the agent stops. */
static bool wait_for(struct sender *s, int64_t deadline_ns)
{
	struct pollfd fds[2] = {{.fd = s->wake_fd, .events = POLLIN},
		{.fd = s->o.deliver.cancel_fd, .events = POLLIN}};
	eventfd_t ignored;

	clock_poll(s->o.clock, fds, 2, deadline_ns);
	eventfd_read(s->wake_fd, &ignored);
	return !fds[1].revents;
}

static bool registered(const struct sender *s)
{
	struct link_session now;

	link_session(s->o.deliver.link, &now);
	return now.session != 0;
}

static void *sender_main(void *arg)
{
	struct sender *s = arg;
	struct backoff backoff = BACKOFF_INIT(s->o.random_below);
	struct spool_entry orphan = {0};
	bool failing = false;
	struct fault f;

	for (;;) {
		int64_t deadline_ns = CLOCK_NEVER;

		if (registered(s)) {
			int rc = send_all(s, &orphan, &f);

			if (rc == -ECANCELED)
				break;
			if (rc) {
				deadline_ns = clock_deadline_ms(s->o.clock, backoff_fail(&backoff));
				if (!failing)
					log_warning("results wait for the server",
						LOG_U64("results", spool_count(s->o.deliver.spool)),
						LOG_STR("why", f.text));
			} else {
				if (failing)
					log_info("all results are delivered");
				backoff_reset(&backoff);
			}
			failing = rc != 0;
		}
		if (!wait_for(s, deadline_ns))
			break;
	}
	return NULL;
}

int sender_start(const struct sender_options *o, struct sender **out, struct fault *f)
{
	struct sender *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return fault_errno(f, ENOMEM, "result sender");
	s->o = *o;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = s->wake_fd < 0 ? -errno : -pthread_create(&s->thread, NULL, sender_main, s);
	if (rc) {
		file_close(&s->wake_fd);
		free(s);
		return fault_errno(f, -rc, "result sender");
	}
	*out = s;
	return 0;
}

void sender_stop(struct sender *s)
{
	if (!s)
		return;
	pthread_join(s->thread, NULL);
	file_close(&s->wake_fd);
	free(s);
}

void sender_wake(struct sender *s)
{
	eventfd_write(s->wake_fd, 1);
}
