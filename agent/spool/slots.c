#include "agent/spool/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

#define LAYOUT "hilda slots 1"
#define BOOT_BYTES 64

/* The file's first SLOT_BYTES. */
struct front {
	char layout[16];
	char boot[BOOT_BYTES];
};

/* A slot's first SLOT_HEAD_BYTES, in this machine's byte order; entry.run 0: it is free. */
struct head {
	struct spool_entry entry;
	uint64_t bytes;
};

_Static_assert(sizeof(struct head) <= SLOT_HEAD_BYTES, "a slot's head has room");

struct slots {
	int fd;
	pthread_mutex_t lock;
	bool taken[SLOTS_MAX];
};

static off_t head_at(size_t slot)
{
	return (off_t)(slot + 1) * SLOT_BYTES;
}

off_t slots_base(size_t slot)
{
	return head_at(slot) + SLOT_HEAD_BYTES;
}

int slots_fd(const struct slots *s)
{
	return s->fd;
}

static int write_head(struct slots *s, size_t slot, const struct head *head)
{
	return file_pwrite_all(s->fd, head, sizeof(*head), head_at(slot));
}

static bool is_of_this_boot(const struct slots *s, const struct front *mine)
{
	struct front front;

	return pread(s->fd, &front, sizeof(front), 0) == (ssize_t)sizeof(front) &&
		memcmp(&front, mine, sizeof(front)) == 0;
}

/* All are free, and only then is the file this boot's. */
static int clear(struct slots *s, const struct front *mine)
{
	const struct head none = {0};
	int rc = -posix_fallocate(s->fd, 0, head_at(SLOTS_MAX));

	for (size_t i = 0; i < SLOTS_MAX && !rc; i++)
		rc = write_head(s, i, &none);
	return rc ? rc : file_pwrite_all(s->fd, mine, sizeof(*mine), 0);
}

int slots_open(const char *path, const char *boot, struct slots **out, struct fault *f)
{
	struct front mine = {LAYOUT, ""};
	struct slots *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return fault_errno(f, ENOMEM, "%s", path);
	pthread_mutex_init(&s->lock, NULL);
	snprintf(mine.boot, sizeof(mine.boot), "%s", boot);
	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (s->fd < 0) {
		rc = fault_errno(f, errno, "cannot open %s", path);
		slots_close(s);
		return rc;
	}
	rc = is_of_this_boot(s, &mine) ? 0 : clear(s, &mine);
	if (rc) {
		log_warning("short logs have files of their own", LOG_STR("file", path),
			LOG_STR("error", strerror(-rc)));
		memset(s->taken, true, sizeof(s->taken));
	}
	*out = s;
	return 0;
}

void slots_close(struct slots *s)
{
	if (!s)
		return;
	file_close(&s->fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int slots_recover(struct slots *s, slots_found_fn found, void *arg, struct fault *f)
{
	char data[SLOT_ROOM_BYTES];
	struct head head;

	for (size_t i = 0; i < SLOTS_MAX; i++) {
		int rc;

		if (s->taken[i] ||
			pread(s->fd, &head, sizeof(head), head_at(i)) != (ssize_t)sizeof(head) ||
			!head.entry.run || head.bytes > sizeof(data))
			continue;
		head.entry.lineage[sizeof(head.entry.lineage) - 1] = '\0';
		if (pread(s->fd, data, head.bytes, slots_base(i)) != (ssize_t)head.bytes)
			continue;
		rc = found(arg, &head.entry, data, head.bytes, f);
		if (rc)
			return rc;
		slots_free(s, i);
	}
	return 0;
}

size_t slots_take(struct slots *s, const struct spool_entry *e)
{
	const struct head head = {*e, 0};
	size_t i = 0;

	pthread_mutex_lock(&s->lock);
	while (i < SLOTS_MAX && s->taken[i])
		i++;
	if (i < SLOTS_MAX)
		s->taken[i] = true;
	pthread_mutex_unlock(&s->lock);
	if (i < SLOTS_MAX && write_head(s, i, &head)) {
		slots_free(s, i);
		return SLOTS_NONE;
	}
	return i;
}

int slots_append(struct slots *s, size_t slot, size_t n_before, const void *data, size_t n)
{
	const uint64_t bytes = n_before + n;
	int rc;

	if (n > SLOT_ROOM_BYTES - n_before)
		return -ENOSPC;
	rc = file_pwrite_all(s->fd, data, n, slots_base(slot) + (off_t)n_before);
	/* The count comes last: a kill in between leaves what was there before. */
	return rc ? rc
		  : file_pwrite_all(s->fd, &bytes, sizeof(bytes),
			    head_at(slot) + (off_t)offsetof(struct head, bytes));
}

void slots_free(struct slots *s, size_t slot)
{
	const struct head none = {0};
	int rc = write_head(s, slot, &none);

	if (rc)
		log_warning("a delivered log may be sent again", LOG_STR("error", strerror(-rc)));
	pthread_mutex_lock(&s->lock);
	s->taken[slot] = false;
	pthread_mutex_unlock(&s->lock);
}
