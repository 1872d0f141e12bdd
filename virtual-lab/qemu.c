#include "virtual-lab/qemu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/file.h"

#define QEMU "qemu-system-arm"
#define CHANNELS 4
#define ARGS_MAX 48
#define VERSION_MS 10000

/* The qtest server looks its socket up by this very id. */
static const char *const channel_ids[CHANNELS] = {"qtest", "gdb", "console", "markers"};

struct channels {
	int ours[CHANNELS];
	int theirs[CHANNELS];
};

static void channels_close(struct channels *c)
{
	for (int i = 0; i < CHANNELS; i++) {
		file_close(&c->ours[i]);
		file_close(&c->theirs[i]);
	}
}

static int channels_open(struct channels *c, struct fault *f)
{
	for (int i = 0; i < CHANNELS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			return fault_errno(f, errno, "no socket pair for QEMU");
		c->ours[i] = pair[0];
		c->theirs[i] = pair[1];
	}
	return 0;
}

static int start(const struct machine *m, int log_fd, const struct channels *c, struct process *p,
	struct fault *f)
{
	char icount[48];
	char chardev[CHANNELS][48];
	const char *argv[ARGS_MAX] = {QEMU, "-M", m->name, "-accel", "tcg", "-icount", icount, "-S",
		"-display", "none", "-nodefaults", "-qtest", "chardev:qtest", "-qtest-log", "none",
		"-gdb", "chardev:gdb", "-serial", "chardev:console",
		/* The guest's code is a stranger's. */
		"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny"};
	struct process_spec spec = PROCESS_SPEC_INIT;
	size_t n = 0;
	int rc;

	while (argv[n])
		n++;
	snprintf(icount, sizeof(icount), "shift=%u,sleep=off", m->icount_shift);
	for (int i = 0; i < CHANNELS; i++) {
		snprintf(chardev[i], sizeof(chardev[i]), "socket,id=%s,fd=%d", channel_ids[i],
			c->theirs[i]);
		argv[n++] = "-chardev";
		argv[n++] = chardev[i];
	}
	if (m->semihosted_markers) {
		argv[n++] = "-semihosting-config";
		argv[n++] = "enable=on,target=gdb,chardev=markers";
	} else {
		argv[n++] = "-serial";
		argv[n++] = "chardev:markers";
	}
	spec.argv = argv;
	spec.stdout_fd = log_fd;
	spec.stderr_fd = log_fd;
	spec.keep_fds = c->theirs;
	spec.n_keep_fds = CHANNELS;
	rc = process_start(&spec, p, f);
	if (rc == -ENOENT)
		return fault_wrap(f, "no QEMU (apt-get install " QEMU ")");
	return rc;
}

int qemu_start(const struct machine *m, int log_fd, struct qemu *q, struct fault *f)
{
	_cleanup_(channels_close) struct channels c = {
		.ours = {-1, -1, -1, -1}, .theirs = {-1, -1, -1, -1}};
	int rc = channels_open(&c, f);

	if (!rc)
		rc = start(m, log_fd, &c, &q->process, f);
	if (rc)
		return rc;
	q->qtest_fd = take_fd(c.ours[0]);
	q->gdb_fd = take_fd(c.ours[1]);
	q->console_fd = take_fd(c.ours[2]);
	q->marker_fd = take_fd(c.ours[3]);
	return 0;
}

void qemu_stop(struct qemu *q)
{
	process_kill(&q->process);
	file_close(&q->qtest_fd);
	file_close(&q->gdb_fd);
	file_close(&q->console_fd);
	file_close(&q->marker_fd);
}

static void collect(void *arg, int stream, const void *data, size_t n)
{
	buffer_add(arg, data, n);
}

int qemu_version(char *out, size_t room, struct fault *f)
{
	const char *const argv[] = {QEMU, "--version", NULL};
	struct process_spec spec = PROCESS_SPEC_INIT;
	_cleanup_(buffer_done) struct buffer said = BUFFER_INIT(4096);
	struct process_end end;
	const char *word;
	int rc;

	spec.argv = argv;
	rc = process_run(&spec, &clock_system, clock_deadline_ms(&clock_system, VERSION_MS), -1,
		collect, &said, &end, f);
	if (rc)
		return rc;
	word = said.data ? strstr(said.data, "version ") : NULL;
	if (!word)
		return fault_set(f, EPROTO, "%s --version does not say a version", QEMU);
	word += strlen("version ");
	snprintf(out, room, "%.*s", (int)strcspn(word, " \n("), word);
	return 0;
}
