/*
 * hilda-shim PARENT PROGRAM ARG...: makes sure that PROGRAM dies with its parent, then becomes it.
 * The kernel sends SIGKILL when the parent's thread ends; a parent that ended before prctl is seen
 * by comparing its pid. Static and small, since it starts for every child.
 *
 * hilda-shim PARENT+group PROGRAM ARG...: stays, as the leader of the process group that it was
 * started in, and starts PROGRAM below it. At its parent's end it kills the whole group, so that what
 * PROGRAM started goes too. Ends as PROGRAM ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * A program that was written a moment ago counts as being written while a child that is just being
 * started elsewhere still has a copy of the descriptor: until its exec, a few milliseconds.
 */
#define BUSY_TRIES 400
#define BUSY_WAIT_NS 5000000

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

/* The death of the program by a signal is passed on, without a second core file. */
static int end_as(int status)
{
	struct rlimit none = {0, 0};

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

static int lead(char **argv)
{
	sigset_t awaited, before;
	pid_t child;
	int status;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGTERM);
	sigaddset(&awaited, SIGCHLD);
	sigprocmask(SIG_BLOCK, &awaited, &before);
	/* Without copying a page: the child only changes its own kernel state before it execs. */
	child = vfork();
	if (child < 0) {
		dprintf(STDERR_FILENO, "hilda-shim: cannot start a child: %s\n", strerror(errno));
		return 126;
	}
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(become(argv));
	}
	/* The program's output ends when the program closes it; its lock is its own. */
	syscall(SYS_close_range, 0, ~0U, 0);
	for (;;) {
		int sig = sigwaitinfo(&awaited, NULL);

		if (sig == SIGTERM)
			kill(0, SIGKILL);
		if (sig == SIGCHLD && waitpid(child, &status, WNOHANG) == child)
			break;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return end_as(status);
}

int main(int argc, char **argv)
{
	char parent[16];
	size_t n;
	int group;

	if (argc < 3) {
		dprintf(STDERR_FILENO, "usage: hilda-shim PARENT-PID[+group] PROGRAM [ARG...]\n");
		return 2;
	}
	n = strcspn(argv[1], "+");
	group = strcmp(argv[1] + n, "+group") == 0;
	/* A leader must live long enough to kill its group: a signal that it can catch. */
	prctl(PR_SET_PDEATHSIG, group ? SIGTERM : SIGKILL);
	snprintf(parent, sizeof(parent), "%ld", (long)getppid());
	if (strlen(parent) != n || strncmp(parent, argv[1], n) != 0)
		return 125;
	return group ? lead(argv + 2) : become(argv + 2);
}
