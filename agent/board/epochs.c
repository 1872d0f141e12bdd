#include "agent/board/epochs.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <unistd.h>

#include "agent/board/config.h"
#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"

#define EPOCHS_MAX_BYTES (1024 * 1024)

struct entry {
	char board[BOARD_NAME_BYTES];
	uint64_t epoch;
};

struct epochs {
	char path[FILE_PATH_BYTES];
	pthread_mutex_t lock;
	struct entry *entries;
	size_t n;
};

static struct entry *find(struct epochs *e, const char *board)
{
	for (size_t i = 0; i < e->n; i++) {
		if (strcmp(e->entries[i].board, board) == 0)
			return &e->entries[i];
	}
	return NULL;
}

static int put(struct epochs *e, const char *board, uint64_t epoch)
{
	struct entry *entry = find(e, board);

	if (!entry) {
		struct entry *more = reallocarray(e->entries, e->n + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		e->entries = more;
		entry = &e->entries[e->n++];
		*entry = (struct entry){0};
		snprintf(entry->board, sizeof(entry->board), "%s", board);
	}
	if (epoch > entry->epoch)
		entry->epoch = epoch;
	return 0;
}

/* Lines of "board epoch". */
static int parse(struct epochs *e, char *text, struct fault *f)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *number = strchr(line, ' ');
		uint64_t epoch;

		if (!*line)
			continue;
		if (!number || number - line >= BOARD_NAME_BYTES ||
			number_u64(number + 1, 0, UINT64_MAX, &epoch))
			return fault_set(f, EINVAL,
				"%s is damaged at '%.40s'; the server knows the epochs too: move the "
				"file away and start again",
				e->path, line);
		*number = '\0';
		if (put(e, line, epoch))
			return fault_errno(f, ENOMEM, "%s", e->path);
	}
	return 0;
}

int epochs_open(const char *path, struct epochs **out, struct fault *f)
{
	struct epochs *e = calloc(1, sizeof(*e));
	_cleanup_free_ char *text = NULL;
	size_t n;
	int rc = 0;

	if (!e)
		return fault_errno(f, ENOMEM, "epochs");
	pthread_mutex_init(&e->lock, NULL);
	rc = file_path(e->path, sizeof(e->path), "%s", path);
	if (rc)
		rc = fault_errno(f, -rc, "%s", path);
	else if (access(path, F_OK) == 0 || errno != ENOENT)
		rc = file_read(path, EPOCHS_MAX_BYTES, &text, &n, f);
	if (!rc && text)
		rc = parse(e, text, f);
	if (rc) {
		epochs_close(e);
		return rc;
	}
	*out = e;
	return 0;
}

void epochs_close(struct epochs *e)
{
	if (!e)
		return;
	pthread_mutex_destroy(&e->lock);
	free(e->entries);
	free(e);
}

uint64_t epochs_get(struct epochs *e, const char *board)
{
	const struct entry *entry;
	uint64_t epoch;

	pthread_mutex_lock(&e->lock);
	entry = find(e, board);
	epoch = entry ? entry->epoch : 0;
	pthread_mutex_unlock(&e->lock);
	return epoch;
}

/* The file as it will be: every entry, and the changes where they are higher. */
static int print(struct epochs *e, const struct epoch_change *changes, size_t n, struct buffer *b)
{
	int rc = 0;

	for (size_t i = 0; i < e->n && !rc; i++) {
		uint64_t epoch = e->entries[i].epoch;

		for (size_t k = 0; k < n; k++) {
			if (strcmp(changes[k].board, e->entries[i].board) == 0 &&
				changes[k].epoch > epoch)
				epoch = changes[k].epoch;
		}
		rc = buffer_printf(b, "%s %" PRIu64 "\n", e->entries[i].board, epoch);
	}
	for (size_t k = 0; k < n && !rc; k++) {
		if (!find(e, changes[k].board))
			rc = buffer_printf(
				b, "%s %" PRIu64 "\n", changes[k].board, changes[k].epoch);
	}
	return rc;
}

int epochs_raise(struct epochs *e, const struct epoch_change *changes, size_t n, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer b = BUFFER_INIT(EPOCHS_MAX_BYTES);
	bool higher = false;
	int rc = 0;

	pthread_mutex_lock(&e->lock);
	for (size_t k = 0; k < n; k++) {
		const struct entry *entry = find(e, changes[k].board);

		higher |= !entry || changes[k].epoch > entry->epoch;
	}
	if (higher) {
		rc = print(e, changes, n, &b);
		if (rc)
			fault_errno(f, -rc, "%s", e->path);
		else
			rc = file_replace_durable(e->path, b.data, b.n, 0640, f);
		for (size_t k = 0; k < n && !rc; k++)
			rc = put(e, changes[k].board, changes[k].epoch);
	}
	pthread_mutex_unlock(&e->lock);
	return rc;
}
