#include "common/leader.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/numbers.h"
#include "common/shim/wire.h"

/* A shim that tells no end of what it was to kill is not there any more, or is stopped. */
#define ANSWER_MS 5000
#define KILL_PASSES 8

extern char **environ;

static int open_shim(struct leader *l, struct fault *f)
{
	_cleanup_(file_close) int ours = -1, theirs = -1;
	char path[FILE_PATH_BYTES];
	const char *const argv[] = {path, "lead", NULL};
	const struct timeval answer = {ANSWER_MS / 1000, 0};
	struct process_spec spec = PROCESS_SPEC_INIT;
	int fds[2];
	int rc = process_find_shim(path, sizeof(path), f);

	if (rc)
		return rc;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return fault_errno(f, errno, "no socket for %s", path);
	ours = fds[0];
	theirs = fds[1];
	/* Not a poll before each: that would be one system call more for each program. */
	if (setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &answer, sizeof(answer)))
		return fault_errno(f, errno, "no socket for %s", path);
	spec.argv = argv;
	spec.stdin_fd = theirs;
	rc = process_start(&spec, &l->shim, f);
	if (!rc)
		l->fd = take_fd(ours);
	return rc;
}

/* What a shim that somebody killed has left. True: there was something. */
static bool kill_session(pid_t session)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	while (folder && (entry = readdir(folder))) {
		uint64_t pid;

		if (number_u64(entry->d_name, 1, INT32_MAX, &pid) || (pid_t)pid == session ||
			getsid((pid_t)pid) != session)
			continue;
		found = kill((pid_t)pid, SIGKILL) == 0 || found;
	}
	if (folder)
		closedir(folder);
	return found;
}

void leader_close(struct leader *l)
{
	struct pollfd ended = {.fd = l->shim.pidfd, .events = POLLIN};

	/* Its lifeline first: it kills the program's group, then ends. */
	file_close(&l->fd);
	if (l->shim.pid <= 0)
		return;
	process_signal_group(&l->shim, SIGCONT); /* stopped, it would not see that */
	clock_poll(&clock_system, &ended, 1, clock_deadline_ms(&clock_system, ANSWER_MS));
	/* Again while there is something: it may have been starting more. */
	for (int i = 0; i < KILL_PASSES && kill_session(l->shim.pid); i++)
		;
	process_kill(&l->shim);
}

struct packet {
	struct shim_start start;
	struct iovec parts[SHIM_STRINGS + 2];
	size_t n_parts;
};

static int add_string(struct packet *packet, const char *text)
{
	if (packet->n_parts == ARRAY_SIZE(packet->parts))
		return -E2BIG;
	packet->parts[packet->n_parts++] =
		(struct iovec){(void *)(uintptr_t)text, strlen(text) + 1};
	return 0;
}

static int add_strings(struct packet *packet, const char *const *strings, uint32_t *n)
{
	int rc = 0;

	for (*n = 0; !rc && strings[*n]; (*n)++)
		rc = add_string(packet, strings[*n]);
	return rc;
}

static int fill(struct packet *packet, const struct process_spec *spec)
{
	size_t bytes = 0;
	int rc;

	packet->parts[0] = (struct iovec){&packet->start, sizeof(packet->start)};
	packet->n_parts = 1;
	rc = add_string(packet, spec->cwd ? spec->cwd : "");
	if (!rc)
		rc = add_strings(packet, spec->argv, &packet->start.n_args);
	if (!rc)
		rc = add_strings(packet, spec->env ? spec->env : (const char *const *)environ,
			&packet->start.n_env);
	for (size_t i = 1; i < packet->n_parts; i++)
		bytes += packet->parts[i].iov_len;
	return bytes > SHIM_TEXT_BYTES ? -E2BIG : rc;
}

static int send_packet(
	const struct leader *l, struct packet *packet, const struct process_spec *spec)
{
	union {
		char room[CMSG_SPACE(sizeof(int) * SHIM_FDS)];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr m = {.msg_iov = packet->parts, .msg_iovlen = packet->n_parts};
	size_t n = 3 + spec->n_keep_fds;
	int fds[SHIM_FDS] = {spec->stdin_fd, spec->stdout_fd, spec->stderr_fd};
	struct cmsghdr *c;

	if (n > SHIM_FDS)
		return -E2BIG;
	for (size_t i = 0; i < spec->n_keep_fds; i++)
		fds[3 + i] = spec->keep_fds[i];
	m.msg_control = &control;
	m.msg_controllen = CMSG_SPACE(sizeof(int) * n);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	return sendmsg(l->fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int ask(
	struct leader *l, struct packet *packet, const struct process_spec *spec, struct fault *f)
{
	int rc = l->fd < 0 ? open_shim(l, f) : 0;

	if (rc)
		return rc;
	rc = send_packet(l, packet, spec);
	return rc ? fault_errno(f, -rc, "cannot start %s", spec->argv[0]) : 0;
}

int leader_start(const struct process_spec *spec, struct process *p, struct fault *f)
{
	struct leader *l = spec->leader;
	struct packet packet;
	int rc = l->busy ? -EBUSY : fill(&packet, spec);

	if (rc)
		return fault_errno(f, -rc, "cannot start %s", spec->argv[0]);
	rc = ask(l, &packet, spec, f);
	if (rc == -EPIPE || rc == -ECONNRESET) {
		/* Somebody has killed it while it had nothing to do. */
		leader_close(l);
		rc = ask(l, &packet, spec, f);
	}
	if (rc)
		return rc;
	l->busy = true;
	*p = (struct process){l->shim.pid, l->fd, l};
	return 0;
}

void leader_kill(const struct leader *l)
{
	const struct shim_start none = {0, 0};

	send(l->fd, &none, sizeof(none), MSG_NOSIGNAL);
}

void leader_reap(struct leader *l, int *status)
{
	ssize_t n;

	leader_kill(l);
	l->busy = false;
	do {
		n = recv(l->fd, status, sizeof(*status), 0);
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(*status))
		return;
	*status = SIGKILL;
	leader_close(l);
}
