/*
 * Child processes: argv arrays, no shell, a session and process group of their own, a pidfd, a
 * deadline, SIGKILL to the whole group. The only module that starts programs.
 *
 * The child is started through `hilda-shim`, which asks the kernel for SIGKILL when the starting
 * thread ends (PR_SET_PDEATHSIG) and then execs. The signal follows the *thread* that called
 * process_start: call it only from threads that live as long as the process (contracts.md).
 *
 * All descriptors are close-on-exec; the child gets 0, 1, 2 and the ones in keep_fds, under the
 * same numbers. Functions return 0 or -errno.
 */
#ifndef HILDA_COMMON_PROCESS_H
#define HILDA_COMMON_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/fault.h"

struct leader;

struct process_spec {
	const char *const
		*argv; /* NULL-terminated; argv[0] is looked up in PATH when it has no slash */
	const char *const *env; /* NULL: the caller's; otherwise the whole environment */
	const char *cwd;	/* NULL: the caller's */
	int stdin_fd;		/* -1: /dev/null */
	int stdout_fd;		/* -1: /dev/null */
	int stderr_fd;		/* -1: /dev/null; may equal stdout_fd */
	const int *keep_fds;	/* passed under the same number (a lock descriptor) */
	size_t n_keep_fds;
	/*
	 * NULL, or who starts it instead (common/leader.h): at our end what the program started is
	 * killed, too. For programs that are not ours. All three descriptors must be given then,
	 * and keep_fds get other numbers.
	 */
	struct leader *leader;
	/*
	 * It stays in the caller's session and process group, for what talks to the terminal itself;
	 * process_kill and process_signal_group do not reach it then.
	 */
	bool keep_session;
};

/* A spec with every descriptor at -1. */
#define PROCESS_SPEC_INIT                                        \
	{                                                        \
		.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 \
	}

struct process {
	pid_t pid;	       /* also the process group; 0: none */
	int pidfd;	       /* readable when the process has ended; -1: none */
	struct leader *leader; /* who started it: pid and pidfd are its; NULL: we ourselves */
};

#define PROCESS_NONE        \
	{                   \
		0, -1, NULL \
	}

struct process_end {
	bool timed_out; /* the deadline passed and the group was killed */
	int code;	/* exit code, or -1 */
	int signal;	/* ending signal, or 0 */
};

/* A program in the folder of this one; -ENOENT. */
int process_find_beside(const char *name, char *path, size_t room);

/* Where `hilda-shim` is: beside this program, or where it was installed. */
int process_find_shim(char *path, size_t room, struct fault *f);

/* A program that cannot be found is -ENOENT with a fault that names it. */
int process_start(const struct process_spec *spec, struct process *p, struct fault *f);

/*
 * This program anew, in the same process, with one more variable in its environment: for what a
 * library reads at its start only. Returns, with everything as it was, when that cannot be.
 */
void process_restart(const char *variable, const char *value, char **argv);

/*
 * This process becomes the program, with the caller's terminal, signals and session; keep_fds stay
 * open in it. argv[0] is looked up in PATH. Returns only when that cannot be.
 */
int process_become(
	const char *const *argv, const int *keep_fds, size_t n_keep_fds, struct fault *f);

/* Waits for the leader; at the deadline kills the group with SIGKILL and reaps. Always reaps. */
int process_wait(
	struct process *p, const struct clock *c, int64_t deadline_ns, struct process_end *end);

/* sig to the whole group (SIGKILL, whatever it is, to a leader's); harmless when it is gone. Does not reap. */
void process_signal_group(const struct process *p, int sig);

/* Kills the group, reaps, closes the pidfd; leaves *p empty. Accepts an empty one. */
void process_kill(struct process *p);

/* Called for each piece of output as it comes; stream is 1 or 2. */
typedef void (*process_output_fn)(void *arg, int stream, const void *data, size_t n);

/*
 * Runs to the end: hands stdout and stderr to `output` while they come, ends at the deadline, or
 * when cancel_fd (-1: none) becomes readable (end->signal is SIGKILL then, timed_out false,
 * and the return value -ECANCELED). The spec's stdout_fd and stderr_fd are ignored.
 */
int process_run(const struct process_spec *spec, const struct clock *c, int64_t deadline_ns,
	int cancel_fd, process_output_fn output, void *arg, struct process_end *end,
	struct fault *f);

#endif
