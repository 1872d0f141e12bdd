#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/leader.h"

#define SHIM_NAME "hilda-shim"
#define MAX_ARGS 256
#define READ_BYTES 16384
#define PIPE_BYTES (1024 * 1024) /* as large as Linux makes one without privilege */

extern char **environ;

/* The folder of the running program. */
static int find_self(char folder[FILE_PATH_BYTES])
{
	ssize_t n = readlink("/proc/self/exe", folder, FILE_PATH_BYTES - 1);

	if (n <= 0)
		return -ENOENT;
	folder[n] = 0;
	*strrchr(folder, '/') = 0;
	return 0;
}

static int look(char *path, size_t room, const char *folder, const char *name)
{
	return file_path(path, room, "%s/%s", folder, name) || access(path, X_OK) ? -ENOENT : 0;
}

int process_find_beside(const char *name, char *path, size_t room)
{
	char self[FILE_PATH_BYTES];

	return find_self(self) ? -ENOENT : look(path, room, self, name);
}

/* Beside the running program, one folder over for test programs, or where it was installed. */
static int search_shim(char *path, size_t room)
{
	char self[FILE_PATH_BYTES];
	const char *named = getenv("HILDA_SHIM");

	if (named)
		return file_path(path, room, "%s", named);
	if (!find_self(self)) {
		if (!look(path, room, self, SHIM_NAME))
			return 0;
		for (char *slash; (slash = strrchr(self, '/'));) {
			*slash = 0;
			if (!look(path, room, self, "bin/" SHIM_NAME))
				return 0;
		}
	}
	return look(path, room, HILDA_LIBEXECDIR, SHIM_NAME);
}

int process_find_shim(char *path, size_t room, struct fault *f)
{
	int rc = search_shim(path, room);

	return rc ? fault_set(f, -rc, "%s is neither beside this program nor in %s", SHIM_NAME,
			    HILDA_LIBEXECDIR)
		  : 0;
}

/* Whether the program can be started, so that a missing one is an error here and not exit code 127. */
static int find_program(const char *name, const char *const *env)
{
	const char *path = getenv("PATH");
	char full[PATH_MAX];

	if (strchr(name, '/'))
		return access(name, X_OK) ? -errno : 0;
	for (; env && *env; env++) {
		if (!strncmp(*env, "PATH=", 5))
			path = *env + 5;
	}
	while (path && *path) {
		size_t n = strcspn(path, ":");

		if (!file_path(full, sizeof(full), "%.*s/%s", (int)n, path, name) &&
			!access(full, X_OK))
			return 0;
		path += n + (path[n] == ':');
	}
	return -ENOENT;
}

static int add_descriptors(posix_spawn_file_actions_t *actions, const struct process_spec *spec)
{
	const int from[3] = {spec->stdin_fd, spec->stdout_fd, spec->stderr_fd};
	int rc = 0;

	for (int fd = 0; fd < 3 && !rc; fd++) {
		if (from[fd] >= 0)
			rc = posix_spawn_file_actions_adddup2(actions, from[fd], fd);
		else
			rc = posix_spawn_file_actions_addopen(
				actions, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
	}
	/* dup2 onto itself clears close-on-exec in the child alone. */
	for (size_t i = 0; i < spec->n_keep_fds && !rc; i++)
		rc = posix_spawn_file_actions_adddup2(
			actions, spec->keep_fds[i], spec->keep_fds[i]);
	if (!rc && spec->cwd)
		rc = posix_spawn_file_actions_addchdir_np(actions, spec->cwd);
	return rc;
}

static int set_attributes(posix_spawnattr_t *attributes, bool keep_session)
{
	/* Handlers end with exec; only what may be ignored is put back, since each costs a system call. */
	static const int maybe_ignored[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD, SIGXFSZ};
	sigset_t none, defaults;
	int rc;

	sigemptyset(&none);
	sigemptyset(&defaults);
	for (size_t i = 0; i < ARRAY_SIZE(maybe_ignored); i++)
		sigaddset(&defaults, maybe_ignored[i]);
	rc = posix_spawnattr_setsigmask(attributes, &none);
	if (!rc)
		rc = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (!rc)
		rc = posix_spawnattr_setflags(attributes,
			(short)((keep_session ? 0 : POSIX_SPAWN_SETSID) | POSIX_SPAWN_SETSIGMASK |
				POSIX_SPAWN_SETSIGDEF));
	return rc;
}

static int spawn(const struct process_spec *spec, const char *shim, const char **argv, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *const *env = (char *const *)(spec->env ? (const void *)spec->env : environ);
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return rc;
	rc = posix_spawnattr_init(&attributes);
	if (!rc) {
		rc = add_descriptors(&actions, spec);
		if (!rc)
			rc = set_attributes(&attributes, spec->keep_session);
		if (!rc)
			rc = posix_spawn(
				pid, shim, &actions, &attributes, (char *const *)argv, env);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

int process_start(const struct process_spec *spec, struct process *p, struct fault *f)
{
	const char *argv[MAX_ARGS + 3];
	char shim[FILE_PATH_BYTES], parent[32];
	size_t n = 0;
	pid_t pid;
	int pidfd, rc;

	rc = find_program(spec->argv[0], spec->env);
	if (rc)
		return fault_errno(f, -rc, "cannot start %s", spec->argv[0]);
	if (spec->leader)
		return leader_start(spec, p, f);
	rc = process_find_shim(shim, sizeof(shim), f);
	if (rc)
		return rc;
	snprintf(parent, sizeof(parent), "%ld", (long)getpid());
	argv[n++] = SHIM_NAME;
	argv[n++] = parent;
	for (const char *const *a = spec->argv; *a; a++) {
		if (n > MAX_ARGS)
			return fault_set(f, E2BIG, "cannot start %s: more than %d arguments",
				spec->argv[0], MAX_ARGS);
		argv[n++] = *a;
	}
	argv[n] = NULL;
	rc = spawn(spec, shim, argv, &pid);
	if (rc)
		return fault_errno(f, rc, "cannot start %s", spec->argv[0]);
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		rc = errno;
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return fault_errno(f, rc, "cannot watch %s", spec->argv[0]);
	}
	*p = (struct process){pid, pidfd, NULL};
	return 0;
}

void process_restart(const char *variable, const char *value, char **argv)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0 || setenv(variable, value, 1))
		return;
	self[n] = 0;
	execv(self, argv);
	unsetenv(variable);
}

int process_become(const char *const *argv, const int *keep_fds, size_t n_keep_fds, struct fault *f)
{
	int rc = find_program(argv[0], NULL);

	for (size_t i = 0; i < n_keep_fds && !rc; i++) {
		if (fcntl(keep_fds[i], F_SETFD, 0))
			rc = -errno;
	}
	if (!rc) {
		execvp(argv[0], (char *const *)(const void *)argv);
		rc = -errno;
	}
	return fault_errno(f, -rc, "cannot start %s", argv[0]);
}

void process_signal_group(const struct process *p, int sig)
{
	if (p->leader)
		leader_kill(p->leader);
	else if (p->pid > 0)
		kill(-p->pid, sig);
}

/* It is a zombie or about to be one. Its group is killed before the pid can be reused. */
static void reap_child(pid_t pid, int *status)
{
	siginfo_t info;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
		;
	kill(-pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
}

/* running: it may be. A leader kills what it is asked to reap, with one message for both. */
static void reap(struct process *p, bool running, struct process_end *end)
{
	int status = 0;

	if (p->leader) {
		leader_reap(p->leader, &status);
	} else {
		if (running)
			process_signal_group(p, SIGKILL);
		reap_child(p->pid, &status);
	}
	if (end) {
		end->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	}
	if (!p->leader)
		file_close(&p->pidfd);
	*p = (struct process)PROCESS_NONE;
}

int process_wait(
	struct process *p, const struct clock *c, int64_t deadline_ns, struct process_end *end)
{
	struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};
	int rc;

	if (p->pid <= 0)
		return -ECHILD;
	rc = clock_poll(c, &fd, 1, deadline_ns);
	end->timed_out = rc == 0;
	reap(p, rc <= 0, end);
	return rc < 0 ? rc : 0;
}

void process_kill(struct process *p)
{
	if (p->pid > 0)
		reap(p, true, NULL);
}

struct outputs {
	int fds[2];
	process_output_fn output;
	void *arg;
};

/* One read; closes the descriptor at its end. */
static void drain(struct outputs *o, int i)
{
	char block[READ_BYTES];
	ssize_t n = read(o->fds[i], block, sizeof(block));

	if (n > 0) {
		if (o->output)
			o->output(o->arg, i + 1, block, (size_t)n);
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		file_close(&o->fds[i]);
	}
}

/* At most what the pipes held at the leader's end: what escaped its group may write for ever. */
static int drain_rest(struct outputs *o)
{
	for (int blocks = 0; blocks < 2 * PIPE_BYTES / READ_BYTES; blocks++) {
		struct pollfd fds[2] = {
			{.fd = o->fds[0], .events = POLLIN},
			{.fd = o->fds[1], .events = POLLIN},
		};
		int rc = poll(fds, 2, 0);

		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc == 0)
			break;
		for (int i = 0; i < 2 && rc > 0; i++) {
			if (fds[i].revents)
				drain(o, i);
		}
	}
	return 0;
}

static int follow(struct process *p, struct outputs *o, const struct clock *c, int64_t deadline_ns,
	int cancel_fd, struct process_end *end)
{
	for (;;) {
		struct pollfd fds[4] = {
			{.fd = o->fds[0], .events = POLLIN},
			{.fd = o->fds[1], .events = POLLIN},
			{.fd = cancel_fd, .events = POLLIN},
			{.fd = p->pidfd, .events = POLLIN},
		};
		int rc = clock_poll(c, fds, 4, deadline_ns);

		if (rc < 0)
			return rc;
		/* Also of a program that writes all the time. */
		if (rc == 0 || clock_expired(c, deadline_ns)) {
			end->timed_out = true;
			return 0;
		}
		if (fds[2].revents)
			return -ECANCELED;
		/* Its children may hold the pipes open, and fill them. */
		if (fds[3].revents) {
			process_signal_group(p, SIGKILL);
			return drain_rest(o);
		}
		for (int i = 0; i < 2; i++) {
			if (fds[i].revents)
				drain(o, i);
		}
	}
}

static int make_pipe(int *read_end, int *write_end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	*read_end = fds[0];
	*write_end = fds[1];
	return 0;
}

int process_run(const struct process_spec *spec, const struct clock *c, int64_t deadline_ns,
	int cancel_fd, process_output_fn output, void *arg, struct process_end *end,
	struct fault *f)
{
	struct outputs o = {{-1, -1}, output, arg};
	_cleanup_(file_close) int out = -1, err = -1;
	struct process_spec child = *spec;
	struct process p = PROCESS_NONE;
	int rc;

	*end = (struct process_end){.code = -1};
	rc = make_pipe(&o.fds[0], &out);
	if (!rc)
		rc = make_pipe(&o.fds[1], &err);
	if (rc) {
		fault_errno(f, -rc, "cannot start %s", spec->argv[0]);
	} else {
		child.stdout_fd = out;
		child.stderr_fd = err;
		rc = process_start(&child, &p, f);
	}
	file_close(&out);
	file_close(&err);
	if (!rc) {
		rc = follow(&p, &o, c, deadline_ns, cancel_fd, end);
		reap(&p, rc || end->timed_out, end);
		if (rc)
			fault_errno(f, -rc, "%s was ended", spec->argv[0]);
	}
	file_close(&o.fds[0]);
	file_close(&o.fds[1]);
	return rc;
}
