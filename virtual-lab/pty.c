#include "virtual-lab/pty.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/numbers.h"

static int open_pair(struct pty *p, struct fault *f)
{
	struct termios t;

	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->master < 0 || grantpt(p->master) || unlockpt(p->master) ||
		ptsname_r(p->master, p->path, sizeof(p->path)))
		return fault_errno(f, errno, "no pseudo-terminal to be had");
	p->slave = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->slave < 0 || tcgetattr(p->slave, &t))
		return fault_errno(f, errno, "%s", p->path);
	cfmakeraw(&t);
	cfsetspeed(&t, B115200);
	if (tcsetattr(p->slave, TCSANOW, &t))
		return fault_errno(f, errno, "%s", p->path);
	return 0;
}

static int watch(struct pty *p, struct fault *f)
{
	p->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (p->watch_fd < 0 || inotify_add_watch(p->watch_fd, p->path, IN_OPEN | IN_CLOSE) < 0)
		return fault_errno(f, errno,
			"cannot watch %s (the limit is fs.inotify.max_user_instances)", p->path);
	return 0;
}

static int put_link(struct pty *p, const char *link, struct fault *f)
{
	char fresh[FILE_PATH_BYTES];

	if (file_path(p->link, sizeof(p->link), "%s", link) ||
		file_path(fresh, sizeof(fresh), "%s.new", link))
		return fault_set(f, ENAMETOOLONG, "%s is too long a path", link);
	unlink(fresh);
	if (symlink(p->path, fresh) || rename(fresh, link)) {
		p->link[0] = 0;
		return fault_errno(f, errno, "cannot make the link %s", link);
	}
	return 0;
}

int pty_open(struct pty *p, const char *link, struct fault *f)
{
	int rc;

	*p = (struct pty)PTY_INIT;
	rc = open_pair(p, f);
	if (!rc)
		rc = watch(p, f);
	if (!rc)
		rc = put_link(p, link, f);
	if (rc)
		pty_close(p);
	return rc;
}

void pty_close(struct pty *p)
{
	if (p->link[0])
		unlink(p->link);
	file_close(&p->master);
	file_close(&p->slave);
	file_close(&p->watch_fd);
	*p = (struct pty)PTY_INIT;
}

void pty_flush(struct pty *p)
{
	tcflush(p->slave, TCIOFLUSH);
	tcflush(p->master, TCIOFLUSH);
}

bool pty_update(struct pty *p)
{
	char room[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	unsigned before = p->openers;
	bool changed = false;
	ssize_t n;

	if (p->watch_fd < 0)
		return false;
	while ((n = read(p->watch_fd, room, sizeof(room))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(room + at);

			if (e->mask & IN_OPEN)
				p->openers++;
			else if ((e->mask & IN_CLOSE) && p->openers)
				p->openers--;
			changed = true;
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
	if (changed && !p->openers && before)
		pty_flush(p);
	return changed;
}

static bool holds(const char *pid, const char *path)
{
	char folder[64], target[128], name[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(folder, sizeof(folder), "/proc/%.20s/fd", pid);
	d = opendir(folder);
	while (d && !found && (e = readdir(d))) {
		ssize_t n;

		snprintf(name, sizeof(name), "%s/%s", folder, e->d_name);
		n = readlink(name, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = 0;
			found = !strcmp(target, path);
		}
	}
	if (d)
		closedir(d);
	return found;
}

pid_t pty_opener(const struct pty *p)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	uint64_t pid = 0;

	while (proc && (e = readdir(proc))) {
		if (number_u64(e->d_name, 1, INT32_MAX, &pid) || (pid_t)pid == getpid() ||
			!holds(e->d_name, p->path)) {
			pid = 0;
			continue;
		}
		break;
	}
	if (proc)
		closedir(proc);
	return (pid_t)pid;
}
