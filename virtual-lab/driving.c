#include "virtual-lab/driving.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/cleanup.h"
#include "common/file.h"

#define COMM_BYTES 64

int driving_open(struct driving *d, const char *path, struct fault *f)
{
	d->pid = 0;
	d->session = 0;
	d->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return d->fd < 0 ? fault_errno(f, errno, "cannot write %s", path) : 0;
}

void driving_close(struct driving *d)
{
	file_close(&d->fd);
}

static void program_name(pid_t pid, char *out, size_t room)
{
	char path[64];
	_cleanup_free_ char *comm = NULL;
	size_t n;

	out[0] = 0;
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	if (pid && !file_read(path, COMM_BYTES, &comm, &n, NULL))
		snprintf(out, room, "%.*s", (int)strcspn(comm, "\n"), comm);
}

void driving_note(struct driving *d, bool opened, pid_t pid)
{
	char at[CLOCK_RFC3339_BYTES];
	char program[COMM_BYTES] = "";
	_cleanup_free_ char *text = NULL;
	json_t *line;

	if (opened) {
		d->session++;
		d->pid = pid;
		program_name(pid, program, sizeof(program));
	}
	clock_format_rfc3339(clock_wall_ms(&clock_system), at);
	line = json_pack("{s:s, s:i, s:I, s:s, s:I, s:s}", "event", opened ? "open" : "close",
		"session", (int)d->session, "pid", (json_int_t)d->pid, "program", program,
		"mono_ns", (json_int_t)clock_mono_ns(&clock_system), "at", at);
	text = line ? json_dumps(line, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(line);
	if (text) {
		size_t n = strlen(text);

		text[n] = '\n';
		file_write_all(d->fd, text, n + 1);
	}
}
