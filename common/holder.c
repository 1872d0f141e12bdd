#include "common/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"

#define LOCKS_MAX_BYTES (1 << 20)
#define FDINFO_MAX_BYTES (16 * 1024)
#define WORDS_MAX 8
#define TTY_MAJOR_AUX 5 /* /dev/ptmx is 5:2 */
#define PTMX_MINOR 2

/* Words of a line, at most n; the line is changed. */
static size_t split(char *line, char **words, size_t n)
{
	size_t k = 0;

	for (char *p = line; k < n;) {
		p += strspn(p, " \t");
		if (!*p)
			break;
		words[k++] = p;
		p += strcspn(p, " \t");
		if (*p)
			*p++ = 0;
	}
	return k;
}

static bool parse_hex(const char *text, unsigned *out)
{
	char number[20];
	uint64_t value;

	if (strlen(text) > 8)
		return false;
	snprintf(number, sizeof(number), "0x%s", text);
	if (number_address(number, UINT32_MAX, &value))
		return false;
	*out = (unsigned)value;
	return true;
}

/* "08:01:131", hexadecimal but for the inode. */
static bool parse_file(char *text, struct holder_lock *out)
{
	char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;

	if (!second)
		return false;
	*first = *second = 0;
	return parse_hex(text, &out->major) && parse_hex(first + 1, &out->minor) &&
		!number_u64(second + 1, 0, UINT64_MAX, &out->inode);
}

bool holder_parse_lock(const char *line, struct holder_lock *out)
{
	struct holder_lock lock = {0};
	char text[256], *words[WORDS_MAX];
	size_t n = strcspn(line, "\n"), first = 0;
	uint64_t pid;

	if (n >= sizeof(text))
		return false;
	memcpy(text, line, n);
	text[n] = 0;
	n = split(text, words, WORDS_MAX);
	/* "lock:" stands in front in fdinfo. */
	if (n && !strcmp(words[0], "lock:"))
		first = 1;
	if (n < first + 6 || strcmp(words[first + 1], "FLOCK") != 0 ||
		number_u64(words[first + 4], 1, INT32_MAX, &pid) ||
		!parse_file(words[first + 5], &lock))
		return false;
	lock.pid = (pid_t)pid;
	*out = lock;
	return true;
}

static void set_holder(const char *proc, pid_t pid, struct holder *out)
{
	_cleanup_free_ char *text = NULL;
	char path[FILE_PATH_BYTES];
	size_t n = 0, k = 0;

	*out = (struct holder){.pid = pid};
	if (file_path(path, sizeof(path), "%s/%ld/comm", proc, (long)pid) ||
		file_read(path, FDINFO_MAX_BYTES, &text, &n, NULL))
		return;
	for (; k < n && k + 1 < sizeof(out->name) && text[k] != '\n'; k++)
		out->name[k] = isprint((unsigned char)text[k]) ? text[k] : '?';
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	if (S_ISCHR(a->st_mode) && S_ISCHR(b->st_mode) && major(a->st_rdev) != 136)
		return a->st_rdev == b->st_rdev;
	/* Terminals of another container may have the same numbers. */
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* What is looked for in the descriptors of one process. */
struct search {
	const char *proc;
	struct stat file;
	bool lock; /* the descriptor must hold a flock on it */
	bool hidden;
};

static bool has_line(const char *proc, pid_t pid, const char *fd,
	bool (*wanted)(const char *line, const struct search *s), const struct search *s)
{
	_cleanup_free_ char *text = NULL;
	char path[FILE_PATH_BYTES];
	size_t n;

	if (file_path(path, sizeof(path), "%s/%ld/fdinfo/%s", proc, (long)pid, fd) ||
		file_read(path, FDINFO_MAX_BYTES, &text, &n, NULL))
		return false;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (wanted(line, s))
			return true;
	}
	return false;
}

static bool is_lock(const char *line, const struct search *s)
{
	struct holder_lock lock;

	return !strncmp(line, "lock:", 5) && holder_parse_lock(line, &lock) &&
		lock.inode == s->file.st_ino;
}

static bool is_other_side(const char *line, const struct search *s)
{
	char *words[2], text[64];
	uint64_t index;
	size_t n = strcspn(line, "\n");

	if (n >= sizeof(text) || strncmp(line, "tty-index:", 10) != 0)
		return false;
	memcpy(text, line, n);
	text[n] = 0;
	return split(text, words, 2) == 2 && !number_u64(words[1], 0, UINT32_MAX, &index) &&
		index == minor(s->file.st_rdev);
}

static bool is_pty(const struct search *s)
{
	return S_ISCHR(s->file.st_mode) && major(s->file.st_rdev) == 136;
}

/* 0: this process is not the one; 1: it is; -EACCES: it may not be looked at. */
static int look_at(struct search *s, pid_t pid)
{
	char folder[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
	struct dirent *entry;
	bool found = false, device = false;
	DIR *fds;

	if (file_path(folder, sizeof(folder), "%s/%ld/fd", s->proc, (long)pid))
		return 0;
	fds = opendir(folder);
	if (!fds)
		return errno == EACCES ? -EACCES : 0;
	while (!device && (entry = readdir(fds))) {
		struct stat st;

		if (entry->d_name[0] == '.' ||
			file_path(path, sizeof(path), "%s/%s", folder, entry->d_name) ||
			stat(path, &st))
			continue;
		if (is_same(&s->file, &st) &&
			(!s->lock || has_line(s->proc, pid, entry->d_name, is_lock, s)))
			found = true;
		if (is_pty(s) && S_ISCHR(st.st_mode) &&
			st.st_rdev == makedev(TTY_MAJOR_AUX, PTMX_MINOR))
			device = has_line(s->proc, pid, entry->d_name, is_other_side, s);
	}
	closedir(fds);
	return found && !device;
}

static int search_all(struct search *s, struct holder *out)
{
	struct dirent *entry;
	DIR *all = opendir(s->proc);
	pid_t found = 0;

	if (!all)
		return -errno;
	while (!found && (entry = readdir(all))) {
		uint64_t pid;
		int rc;

		if (number_u64(entry->d_name, 1, INT32_MAX, &pid) ||
			(!s->lock && (pid_t)pid == getpid()))
			continue;
		rc = look_at(s, (pid_t)pid);
		if (rc > 0)
			found = (pid_t)pid;
		s->hidden = s->hidden || rc == -EACCES;
	}
	closedir(all);
	if (!found)
		return s->hidden ? -EACCES : -ENOENT;
	set_holder(s->proc, found, out);
	return 0;
}

int holder_of_open(const char *proc, const char *path, struct holder *out)
{
	struct search s = {.proc = proc};

	if (stat(path, &s.file))
		return -errno;
	return search_all(&s, out);
}

/* Who took it; 0: no such lock. */
static pid_t taker(const char *proc, const struct stat *file)
{
	_cleanup_free_ char *text = NULL;
	char path[FILE_PATH_BYTES];
	size_t n;

	if (file_path(path, sizeof(path), "%s/locks", proc) ||
		file_read(path, LOCKS_MAX_BYTES, &text, &n, NULL))
		return 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		struct holder_lock lock;

		line += *line == '\n';
		if (holder_parse_lock(line, &lock) && lock.inode == file->st_ino &&
			makedev(lock.major, lock.minor) == file->st_dev)
			return lock.pid;
	}
	return 0;
}

int holder_of_lock(const char *proc, const char *path, struct holder *out)
{
	struct search s = {.proc = proc, .lock = true};
	pid_t pid;
	int rc;

	if (stat(path, &s.file))
		return -errno;
	pid = taker(proc, &s.file);
	rc = pid ? look_at(&s, pid) : 0;
	/*
	 * What it has open is hidden, or all of it (ProtectProc), but it lives: it may be the holder
	 * still, and most likely is.
	 */
	if (rc == -EACCES || (pid && rc == 0 && kill(pid, 0) && errno == EPERM))
		rc = 1;
	if (rc <= 0)
		return search_all(&s, out);
	set_holder(proc, pid, out);
	return 0;
}

void holder_print(int rc, const struct holder *h, char out[HOLDER_TEXT_BYTES])
{
	if (rc == 0 && h->name[0])
		snprintf(out, HOLDER_TEXT_BYTES, "%s, pid %ld", h->name, (long)h->pid);
	else if (rc == 0)
		snprintf(out, HOLDER_TEXT_BYTES, "pid %ld", (long)h->pid);
	else if (rc == -EACCES)
		snprintf(out, HOLDER_TEXT_BYTES, "a process that this user may not see");
	else
		snprintf(out, HOLDER_TEXT_BYTES, "another process");
}
