#include "agent/board/hold.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/board/lock.h"
#include "common/cleanup.h"
#include "common/file.h"

static int path_of(const char *run_folder, const char *data_folder,
	const struct board_config *config, char path[FILE_PATH_BYTES])
{
	return board_lock_path(run_folder, data_folder, config, "hold", path);
}

/* One line of plain characters, cut where it is long. */
static int write_words(int fd, const char *words)
{
	char text[HOLD_TEXT_BYTES - 64];
	char line[HOLD_TEXT_BYTES];
	size_t k = 0;
	int n;

	for (; words[k] && k + 1 < sizeof(text); k++)
		text[k] = isprint((unsigned char)words[k]) ? words[k] : '?';
	text[k] = 0;
	n = snprintf(line, sizeof(line), "%s, pid %ld\n", text, (long)getpid());
	if (ftruncate(fd, 0))
		return -errno;
	return file_pwrite_all(fd, line, (size_t)n, 0);
}

int board_hold_take(const char *run_folder, const char *data_folder,
	const struct board_config *config, const char *words, int *fd, struct fault *f)
{
	_cleanup_(file_close) int lock = -1;
	char path[FILE_PATH_BYTES], text[HOLD_TEXT_BYTES];
	int rc = path_of(run_folder, data_folder, config, path);

	if (rc)
		return fault_errno(f, -rc, "lock of board %s", config->name);
	rc = file_lock(path, &lock, f);
	if (rc == -EWOULDBLOCK && board_hold_seen(run_folder, data_folder, config, text))
		return fault_set(f, EWOULDBLOCK, "board %s is %s", config->name, text);
	if (!rc)
		rc = write_words(lock, words);
	if (rc)
		return rc;
	*fd = take_fd(lock);
	return 0;
}

bool board_hold_seen(const char *run_folder, const char *data_folder,
	const struct board_config *config, char text[HOLD_TEXT_BYTES])
{
	_cleanup_(file_close) int fd = -1;
	char path[FILE_PATH_BYTES], words[HOLD_TEXT_BYTES - 32] = "";
	ssize_t n;

	if (path_of(run_folder, data_folder, config, path))
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	/* It is there, but not for us: whether it is held cannot be seen. */
	if (fd < 0 && errno == EACCES && access(path, F_OK) == 0) {
		snprintf(text, HOLD_TEXT_BYTES, "in use on the host: another user");
		return true;
	}
	if (fd < 0 || !flock(fd, LOCK_SH | LOCK_NB) || errno != EWOULDBLOCK)
		return false;
	n = pread(fd, words, sizeof(words) - 1, 0);
	words[n > 0 ? n : 0] = 0;
	words[strcspn(words, "\n")] = 0;
	snprintf(text, HOLD_TEXT_BYTES, "in use on the host: %s",
		words[0] ? words : "another process");
	return true;
}
