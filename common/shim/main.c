/*
 * hilda-shim PARENT PROGRAM ARG...: makes sure that PROGRAM dies with its parent, then becomes it.
 * The kernel sends SIGKILL when the parent's thread ends; a parent that ended before prctl is seen
 * by comparing its pid. Static and small, since it starts for every child.
 *
 * hilda-shim lead: stays, and starts one program after the other as it is told on descriptor 0
 * (common/shim/wire.h), each in a process group of its own. The descriptor is its
 * lifeline: when the other end is gone it kills the group of the program at work, so that what that
 * program started goes too.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/shim/wire.h"

/*
 * A program that was written a moment ago counts as being written while a child that is just being
 * started elsewhere still has a copy of the descriptor: until its exec, a few milliseconds.
 */
#define BUSY_TRIES 400
#define BUSY_WAIT_NS 5000000

extern char **environ;

static int become(char **argv)
{
	const struct timespec wait = {0, BUSY_WAIT_NS};

	for (int i = 0; i < BUSY_TRIES; i++) {
		execvp(argv[0], argv);
		if (errno != ETXTBSY)
			break;
		nanosleep(&wait, NULL);
	}
	dprintf(STDERR_FILENO, "hilda-shim: cannot start %s: %s\n", argv[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

struct request {
	struct shim_start start;
	char text[SHIM_TEXT_BYTES];
	char *folder;
	char *strings[SHIM_STRINGS + 2]; /* argv, NULL, environment, NULL */
	int fds[SHIM_FDS];
	size_t n_fds;
};

/* False: the strings are not as they should be. */
static int find_strings(struct request *r, size_t n_text)
{
	char *at = r->text, *end = r->text + n_text;
	size_t n_args = r->start.n_args, n = n_args + r->start.n_env;

	if (r->start.n_args > SHIM_STRINGS || r->start.n_env > SHIM_STRINGS || n > SHIM_STRINGS)
		return 0;
	r->folder = at;
	for (size_t i = 0; i <= n; i++) {
		char *nul = memchr(at, 0, (size_t)(end - at));

		if (!nul)
			return 0;
		if (i > 0)
			r->strings[i - 1 + (i > n_args)] = at;
		at = nul + 1;
	}
	r->strings[n_args] = r->strings[n + 1] = NULL;
	return 1;
}

/* Waits for a packet. False: the other end is gone, or talks nonsense. */
static int receive(struct request *r)
{
	union {
		char room[CMSG_SPACE(sizeof(int) * SHIM_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec parts[2] = {{&r->start, sizeof(r->start)}, {r->text, sizeof(r->text)}};
	struct msghdr m = {.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	ssize_t n = recvmsg(STDIN_FILENO, &m, MSG_CMSG_CLOEXEC);

	if (n < (ssize_t)sizeof(r->start) || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 0;
	c = CMSG_FIRSTHDR(&m);
	r->n_fds = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	if (c)
		memcpy(r->fds, CMSG_DATA(c), r->n_fds * sizeof(int));
	if (r->start.n_args == 0)
		return 1;
	return r->n_fds >= 3 && find_strings(r, (size_t)n - sizeof(r->start));
}

/* In the child, which shares this process's memory until it execs. */
static int begin(struct request *r, pid_t parent, const sigset_t *mask)
{
	/* Not a session: what is left of it is found by the shim's if the shim is killed. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return 125;
	for (int fd = 0; fd < 3; fd++)
		dup2(r->fds[fd], fd);
	for (size_t i = 3; i < r->n_fds; i++)
		fcntl(r->fds[i], F_SETFD, 0);
	if (r->folder[0] && chdir(r->folder)) {
		dprintf(STDERR_FILENO, "hilda-shim: cannot enter %s: %s\n", r->folder,
			strerror(errno));
		return 126;
	}
	sigprocmask(SIG_SETMASK, mask, NULL);
	return become(r->strings);
}

static void tell(int status)
{
	send(STDIN_FILENO, &status, sizeof(status), MSG_NOSIGNAL);
}

/* From the program's start until it is reaped. False: the other end is gone. */
static int follow(pid_t child)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {pidfd, POLLIN, 0}};
	int ended = 0, killed = 0, alive = pidfd >= 0, status;
	struct shim_start word;

	while (alive && !(ended && killed)) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents) {
			alive = recv(STDIN_FILENO, &word, sizeof(word), 0) == sizeof(word) &&
				word.n_args == 0;
			killed = 1;
			kill(-child, SIGKILL);
		}
		if (fds[1].revents) {
			siginfo_t info = {0};

			/* Not reaped: its group keeps its number until what is left of it is killed. */
			waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
			tell(info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status);
			ended = 1;
			fds[1].fd = -1;
		}
	}
	kill(-child, SIGKILL);
	waitpid(child, &status, 0);
	if (pidfd >= 0)
		close(pidfd);
	return alive;
}

static void close_others(void)
{
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
}

static int lead(void)
{
	static struct request r;
	const pid_t self = getpid();
	sigset_t all, before;

	/* Who stops everything by SIGTERM stops us by closing the lifeline. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	prctl(PR_SET_PDEATHSIG, 0);
	/* What a library left open for every child is no program's, and is not to stay open here. */
	close_others();
	while (receive(&r)) {
		pid_t child;

		if (r.start.n_args == 0)
			continue;
		environ = r.strings + r.start.n_args + 1;
		/* Without copying a page: the child only changes its own kernel state before it execs. */
		child = vfork();
		if (child == 0)
			_exit(begin(&r, self, &before));
		if (child < 0)
			dprintf(r.fds[STDERR_FILENO], "hilda-shim: cannot start a child: %s\n",
				strerror(errno));
		/* The program's output ends when the program closes it; its lock is its own. */
		close_others();
		if (child < 0)
			tell(126 << 8);
		else if (!follow(child))
			break;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char parent[16];

	if (argc == 2 && strcmp(argv[1], "lead") == 0)
		return lead();
	if (argc < 3) {
		dprintf(STDERR_FILENO,
			"usage: hilda-shim PARENT-PID PROGRAM [ARG...]\n"
			"       hilda-shim lead <SOCKET\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(parent, sizeof(parent), "%ld", (long)getppid());
	if (strcmp(parent, argv[1]) != 0)
		return 125;
	return become(argv + 2);
}
